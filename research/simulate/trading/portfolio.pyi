from typing import final

from research.simulate.matching.agenda import Agenda
from research.simulate.matching.venue import OwnOrders
from research.simulate.trading.client import Client
from research.simulate.trading.session import Session

@final
class Portfolio:
    sessions: list[Session]
    clients: list[Client]
    def __init__(
        self, agenda: Agenda, place: int, sessions: list[Session], clients: list[Client], own: list[OwnOrders]
    ) -> None: ...

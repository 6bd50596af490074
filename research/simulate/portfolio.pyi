from typing import final

from research.simulate.agenda import Agenda
from research.simulate.client import Client
from research.simulate.session import Session
from research.simulate.venue import OwnOrders

@final
class Portfolio:
    sessions: list[Session]
    clients: list[Client]
    def __init__(
        self, agenda: Agenda, place: int, sessions: list[Session], clients: list[Client], own: list[OwnOrders]
    ) -> None: ...

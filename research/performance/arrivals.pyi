from typing import Any

from research.simulate.trading.client import Client

class Arrivals(Client):
    def __init__(self, times: Any, places: Any, found: Any, present: Any) -> None: ...
    def end(self) -> None: ...

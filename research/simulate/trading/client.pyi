from collections.abc import Sequence

from research.simulate.trading.desk import Desk
from research.simulate.trading.session import Session

class Client:
    desks: list[Desk | None]
    now_ns: int
    refused: int
    def close(self) -> None: ...
    def log_to(self, intents: bytearray) -> None: ...
    def attach(self, session: Session, desks: Sequence[Desk | None], number: int) -> None: ...

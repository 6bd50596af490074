from research.simulate.desk import Desk
from research.simulate.session import Session

class Client:
    desks: list[Desk]
    now_ns: int
    refused: int
    def attach(self, session: Session, desks: list[Desk]) -> None: ...

GOOD: int

class Top:
    bid: int
    ask: int
    receive_ns: int
    state: int
    spread_bps: float
    def __init__(self) -> None: ...
    @property
    def middle2(self) -> int: ...
    def update(self, state: int, bid: int, ask: int, receive_ns: int) -> int: ...

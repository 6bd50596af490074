from research.simulate.trading.client import Client

class Watcher(Client):
    narrow: int

class Quoter(Client):
    def __init__(self, size: int, every: int) -> None: ...

class Taker(Client):
    stamps: list[int]
    def __init__(self, size: int, every: int, stamp_every: int) -> None: ...

from engine.feed.outbox import Outbox
from engine.feed.track import Track
from engine.venues.market import Market

class Pipeline:
    market: Market
    outbox: Outbox
    tracks: list[Track]
    frames: int
    messages: int
    malformed: int
    strangers: int
    sequence: int
    def __init__(self, market: Market, outbox: Outbox) -> None: ...
    def add(self, track: Track) -> None: ...
    def take(self, frames: list[bytes], receive_ns: int, now_ns: int) -> list[tuple[bytes, bool]] | None: ...
    def snapshot(self, index: int, body: bytes, receive_ns: int, now_ns: int) -> bool: ...
    def disconnect(self, now_ns: int) -> None: ...

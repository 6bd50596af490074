from engine.book import Book
from engine.feed.books.comparison import Comparison
from engine.feed.books.outbox import Outbox
from engine.feed.books.prints import Prints
from engine.venues.market import Rule

class Track:
    index: int
    instrument: int
    cell: int
    symbol: str
    book: Book
    rule: Rule
    comparison: Comparison
    prints: Prints
    state: int
    depth: int
    wanting: bool
    seeded: bool
    news_ns: int
    seed_ns: int
    still_ns: int
    behind_ns: int
    venue_ns: int
    kept_count: int
    snapshots: int
    diffs: int
    dropped: int
    applied: int
    gaps: int
    resyncs: int
    suspect: int
    checksum_checked: int
    checksum_ok: int
    refetches: int
    crossings: int
    holes: int
    hollows: int
    patient: bool
    def __init__(
        self,
        index: int,
        instrument: int,
        symbol: str,
        rule: Rule,
        outbox: Outbox,
        depth: int = ...,
        levels: bool = ...,
        cell: int = ...,
    ) -> None: ...
    def retell(self, now_ns: int, count: int) -> None: ...
    def asked(self, now_ns: int) -> None: ...
    def expire(self, now_ns: int, hold_ns: int) -> None: ...
    def follow_several(self, several: bool) -> None: ...
    def take_over(self, before: Track, now_ns: int) -> None: ...
    def disconnect(self, now_ns: int) -> None: ...
    def refuse(self, now_ns: int) -> None: ...
    def misfit(self, now_ns: int) -> None: ...
    def shut_out(self, shut: bool, now_ns: int) -> None: ...
    def mistrust(self, receive_ns: int, now_ns: int) -> None: ...
    def grow_stale(self, now_ns: int, mute: bool = False) -> None: ...
    def trust(self, now_ns: int) -> None: ...
    def refresh(self, now_ns: int) -> None: ...

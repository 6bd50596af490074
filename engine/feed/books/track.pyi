from engine.book import Book
from engine.feed.books.best_price_audit import BestPriceAudit
from engine.feed.books.outbox import Outbox
from engine.feed.books.prints import Prints
from engine.feed.books.published_book import PublishedBook
from engine.venues.market import Rule

class Track:
    index: int
    instrument: int
    symbol: str
    depth: int
    book: Book
    rule: Rule
    published: PublishedBook
    audit: BestPriceAudit
    prints: Prints
    state: int
    wants_snapshot: bool
    has_snapshot: bool
    has_second_source: bool
    news_ns: int
    snapshot_ns: int
    still_ns: int
    behind_ns: int
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
    held_gaps: int
    hollows: int
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
        book: Book | None = ...,
        kept_max: int = ...,
    ) -> None: ...
    def mark_gap(self, receive_ns: int, now_ns: int) -> None: ...
    def mark_requested(self, now_ns: int) -> None: ...
    def mark_refused(self, now_ns: int) -> None: ...
    def mark_misfit(self, now_ns: int) -> None: ...
    def mark_stale(self, now_ns: int, silent_connection: bool = ...) -> None: ...
    def clear_stale(self, now_ns: int) -> None: ...
    def confirm(self, now_ns: int) -> None: ...
    def set_accepting_orders(self, accepting: bool, now_ns: int) -> None: ...
    def set_second_source(self, present: bool) -> None: ...
    def republish_levels(self, now_ns: int, count: int) -> None: ...
    def expire(self, now_ns: int, hold_ns: int) -> None: ...
    def disconnect(self, now_ns: int) -> None: ...
    def replace(self, before: Track, now_ns: int) -> None: ...

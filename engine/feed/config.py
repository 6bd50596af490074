"""The configuration of a feed: its venue, its symbols, its durations."""

from collections.abc import Mapping
from dataclasses import dataclass, field

SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class FeedConfig:
    """One feed. Times are durations in nanoseconds.

    `[feed]` can set the fields that `engine/feed/build.py` lists; the default of each field is here.
    """

    venue: str
    symbols: Mapping[str, int]  # the venue's text -> our instrument id
    cells: Mapping[str, int] = field(
        default_factory=dict
    )  # where a symbol's cells are; default: its place in `symbols`
    name: str = "feed"
    levels: bool = False  # publish every level's change, on LEVELS
    instruments_path: str = ""  # the copy of the venue's metadata for a start without REST; empty: none
    kept_only: bool = False  # use that copy alone: the venue is not asked
    announced: bool = True  # use the venue's own channel of instruments, where it has one
    stale_ns: int = 5 * SECOND_NS  # a connection without a frame for longer makes its books stale
    book_stale_ns: int = 60 * SECOND_NS  # so does a book without a message of its own
    settle_ns: int = SECOND_NS  # how long a snapshot without a contradiction, or a standby, waits before it is used
    check_ns: int = SECOND_NS // 100  # how often ages are checked
    subscribe_ns: int = 10 * SECOND_NS  # a subscription that is not acknowledged by then has failed
    quiet_ns: int = 600 * SECOND_NS  # a channel without a snapshot that brings nothing for so long is subscribed again
    request_ns: int = SECOND_NS // 4  # the least time between two requests for books, which have the greatest weight
    instruments_ns: int = 600 * SECOND_NS  # the venue's metadata is requested again after so long
    weight_percent: int = 50  # of the weight that the venue allows an address in a minute; the rest is execution's
    relist: bool = False  # no other role uses the instruments: a change of decimals is applied at once
    pinned: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # decimals that running roles use, by symbol
    alarm_spreads: Mapping[str, float] = field(default_factory=dict)  # basis points, by symbol
    standby: bool = False  # keep a second connection, ready to replace the first
    hold_ns: int = SECOND_NS // 10  # the time in which the other of two connections must fill a gap
    retry_min_ns: int = SECOND_NS // 2
    retry_max_ns: int = 60 * SECOND_NS
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse values that cannot work."""
        if not self.symbols:
            msg = f"feed {self.name}: symbols must name at least one symbol"
            raise ValueError(msg)
        if len(set(self.symbols.values())) != len(self.symbols):
            msg = f"feed {self.name}: instrument ids must differ, were {dict(self.symbols)}"
            raise ValueError(msg)
        if not 0 < self.weight_percent <= 100:  # noqa: PLR2004 - percent
            msg = f"feed {self.name}: weight_percent must be in 1..100, was {self.weight_percent}"
            raise ValueError(msg)
        if not 0 < self.retry_min_ns <= self.retry_max_ns:
            msg = f"feed {self.name}: retry_min_ns must be in 1..retry_max_ns, was {self.retry_min_ns}"
            raise ValueError(msg)

    def cell(self, symbol: str) -> int:
        """Return the index of a symbol's cells."""
        return self.cells.get(symbol, list(self.symbols).index(symbol))

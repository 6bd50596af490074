"""What a feed is told: its venue, its symbols and its patience."""

from collections.abc import Mapping
from dataclasses import dataclass, field

SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class FeedConfig:
    """One feed role. Times are durations in nanoseconds."""

    venue: str
    symbols: Mapping[str, int]  # the venue's text -> our instrument id
    cells: Mapping[str, int] = field(default_factory=dict)  # where a symbol's cells are; its place in `symbols` else
    name: str = "feed"
    levels: bool = False  # tell every level's change, on LEVELS
    instruments_path: str = ""  # where the venue's metadata is kept for a start without REST; empty: nowhere
    kept_only: bool = False  # what is kept there is all there is: the venue is not asked
    announced: bool = True  # the venue's own channel of instruments is listened to, where it has one
    stale_ns: int = 5 * SECOND_NS  # a connection without a frame for longer makes its books stale
    book_stale_ns: int = 60 * SECOND_NS  # so does a book without any news of its own
    settle_ns: int = (
        SECOND_NS  # a snapshot that no event contradicts, a successor that nobody closes: trusted after so long
    )
    check_ns: int = SECOND_NS // 100  # how often ages are looked at
    subscribe_ns: int = 10 * SECOND_NS  # a subscription that is not acknowledged by then has failed
    quiet_ns: int = 600 * SECOND_NS  # a channel that begins with nothing and has said nothing for so long is asked anew
    request_ns: int = SECOND_NS // 4  # at least this between two requests for books: they are the heaviest there are
    instruments_ns: int = 600 * SECOND_NS  # the venue's metadata is asked for again after so long
    weight_percent: int = 50  # of what the venue lets an address ask in a minute; the rest is execution's
    relist: bool = False  # no role decides by the instruments: a change of decimals may be taken over at once
    pinned: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # decimals that living roles believe, by symbol
    alarm_spreads: Mapping[str, float] = field(default_factory=dict)  # basis points, by symbol
    standby: bool = False  # a second connection is kept up, ready to take over
    hold_ns: int = SECOND_NS // 10  # so long the other of two connections may take to fill a hole
    retry_min_ns: int = SECOND_NS // 2
    retry_max_ns: int = 60 * SECOND_NS
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
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
        """Where a symbol's cells are."""
        return self.cells.get(symbol, list(self.symbols).index(symbol))

"""The real market, from a feed's lanes: LEVELS for the books, TICKS for the prints, HEARTBEAT for the feed's life.

    LEVELS ─┐
    TICKS ──┴─ in the order of publishing, at one moment levels first ──▶ PaperMatching

The lanes are read as a looker: read-only, and the feed does not know. A book counts only while it is exact (see
`engine/levels.py`: from a RESET on, or after two marks of a refresh), complete, GOOD, and its feed beats.
"""

import heapq
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from engine.lanes import LOOKERS, open_lanes
from engine.loopback.paper.matching import PaperMatching
from engine.loopback.paper.places import Scale
from engine.model.words import BookState, Flag, RoleState, TickKind
from shm import CellReader, RingReader

GOOD, RUNNING = int(BookState.GOOD), int(RoleState.RUNNING)
LEVEL, PRINT, STATE = int(TickKind.LEVEL), int(TickKind.PRINT), int(TickKind.STATE)
LAST, RESET, REFRESH = int(Flag.LAST), int(Flag.RESET), int(Flag.REFRESH)
NEVER_NS = 2**63 - 1
SILENT_NS = 2_000_000_000  # a feed that has not beaten for longer is dead or frozen
BATCH = 1 << 14
FIELDS = ("publish_ns", "instrument", "kind", "side", "flags", "price", "size", "detail")


class Row(NamedTuple):
    """What a record of either lane says. Of a STATE, `detail` is the `BookState`."""

    publish_ns: int
    instrument: int
    kind: int
    side: int
    flags: int
    price: int
    size: int
    detail: int


@dataclass(slots=True)
class Followed:
    """One symbol: whether its book is right."""

    symbol: str
    scale: Scale
    state: int = int(BookState.EMPTY)
    exact: bool = False  # every level of the feed's book is known, and no other
    whole: bool = True  # the event read last is complete
    marks: int = 0

    @property
    def right(self) -> bool:
        """Whether the book equals the market's, as far as its records say."""
        return self.exact and self.whole and self.state == GOOD

    def apply_state(self, row: Row) -> None:
        """Apply a state, a reset or a mark of a refresh."""
        self.state = row.detail
        if row.flags & RESET:
            self.exact, self.marks = True, 0
        if row.flags & REFRESH:
            self.marks += 1
            self.exact = self.exact or self.marks > 1

    def lose(self) -> None:
        """Records of the book were lost."""
        self.exact, self.marks = False, 0


class Tape:
    """One feed's market data, as a source of due events: `next_ns` and `act`, as `Flow` has them."""

    def __init__(
        self, levels: RingReader, ticks: RingReader, beats: CellReader, symbols: Mapping[int, tuple[str, Scale]],
        matching: PaperMatching,
    ) -> None:  # fmt: skip
        """Follow these lanes from now on; `symbols` by our instrument id."""
        self.next_ns = NEVER_NS
        self.lost = 0
        self._levels, self._ticks, self._beats, self._matching = levels, ticks, beats, matching
        self._followed = {one: Followed(symbol, scale) for one, (symbol, scale) in symbols.items()}
        self._rows: deque[Row] = deque()
        self._beat: tuple[int, int] = (0, 0)  # the newest heartbeat, and when it was first seen
        self._alive = False
        self._floor_ns = self._seen_ns = 0  # the times of the last two looks

    def catch_up(self, now_ns: int) -> None:
        """Read what the feed has published, and whether it lives."""
        self._floor_ns, self._seen_ns = self._seen_ns, now_ns
        self._watch(now_ns)
        prints = self._read(self._ticks, {PRINT})
        levels = self._read(self._levels, {LEVEL, STATE})
        self._rows.extend(heapq.merge(levels, prints, key=_published))
        self.next_ns = self._time_of_next()

    def act(self) -> None:
        """Apply the records of one moment."""
        now_ns, moment = self.next_ns, self._rows[0].publish_ns
        while self._rows and self._rows[0].publish_ns == moment:
            self._apply(self._rows.popleft(), now_ns)
        self.next_ns = self._time_of_next()

    def _time_of_next(self) -> int:
        """When the next records happen here: not before the look that did not find them, nor after the one that did."""
        return min(max(self._rows[0].publish_ns, self._floor_ns), self._seen_ns) if self._rows else NEVER_NS

    def _read(self, ring: RingReader, kinds: set[int]) -> list[Row]:
        """Every unread record: an order must meet the newest book, also of a venue that starts late."""
        found: list[Row] = []
        while True:
            lost, records = ring.copy(BATCH)
            if lost:
                found.clear()
                self._on_loss(ring, lost)
            rows = (Row(*row) for row in zip(*(records[name].tolist() for name in FIELDS), strict=True))
            found += (row for row in rows if row.kind in kinds and row.instrument in self._followed)
            if len(records) < BATCH:
                return found

    def _on_loss(self, ring: RingReader, lost: int) -> None:
        """The feed overwrote records before they were read. Lost prints fill nothing; lost levels make books wrong."""
        self.lost += lost
        for followed in self._followed.values() if ring is self._levels else ():
            followed.lose()
            self._matching.clear_real(followed.symbol)
            self._matching.set_good(followed.symbol, 0, good=False)

    def _apply(self, row: Row, now_ns: int) -> None:
        one, unit = self._followed[row.instrument], self._followed[row.instrument].scale
        price, size = row.price * unit.price_unit, row.size * unit.size_unit
        if row.kind == PRINT:
            self._matching.trade_real(one.symbol, row.side, price, size, now_ns)
            return
        if row.kind == LEVEL:
            self._matching.change_level(one.symbol, row.side, price, size, now_ns)
        else:
            self._apply_state(one, row, now_ns)
        one.whole = bool(row.flags & LAST)
        if one.whole:
            self._judge(one, now_ns)
        elif not self._rows:  # the rest of the event is not published yet
            self._matching.set_good(one.symbol, now_ns, good=False)

    def _apply_state(self, one: Followed, row: Row, now_ns: int) -> None:
        if row.flags & RESET or row.detail != GOOD:
            self._matching.set_good(one.symbol, now_ns, good=False)
        if row.flags & RESET:
            self._matching.clear_real(one.symbol)
        one.apply_state(row)

    def _judge(self, one: Followed, now_ns: int) -> None:
        """Open or close a symbol by what is known of its book and its feed."""
        self._matching.set_good(one.symbol, now_ns, good=one.right and self._alive)

    def _watch(self, now_ns: int) -> None:
        """A feed whose heartbeat stands still publishes nothing: its last book is old."""
        row = self._beats.read(0)
        beat = int(row.beat_ns) if row is not None and row.state == RUNNING else 0
        if beat != self._beat[0]:
            self._beat = (beat, now_ns)
        alive = bool(beat) and now_ns - self._beat[1] <= SILENT_NS
        if not alive and self._levels.replaced():
            raise SystemExit(f"{self._levels.path} was made again: this process reads the old one and must start again")
        if alive != self._alive:
            self._alive = alive
            for one in self._followed.values():
                self._judge(one, now_ns)


def open_tapes(system: str, symbols: Mapping[int, tuple[str, Scale]], matching: PaperMatching) -> list[Tape]:
    """A tape for each feed of a system; each carries the instruments that its feed publishes."""
    lanes = open_lanes(system, LOOKERS)
    tapes = []
    for feed, cells in lanes.cell_readers("instruments"):
        rows = [row for index in range(cells.count) if (row := cells.read(index)) is not None]
        own = {int(row.id): symbols[int(row.id)] for row in rows if int(row.id) in symbols}
        if own:
            levels, ticks = lanes.ring_reader("levels", feed), lanes.ring_reader("ticks", feed)
            levels.cursor = levels.oldest
            tapes.append(Tape(levels, ticks, lanes.cell_reader("heartbeat", feed), own, matching))
    return tapes


def _published(row: Row) -> int:
    return row.publish_ns

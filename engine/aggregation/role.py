"""The aggregation role: bars, global books and opportunities from the TICKS and BOOKS of every feed.

A step, in this order:
1. Read BOOKS, then TICKS of each feed: the ticks before each book that was read are then read too.
2. Leave out the members of a silent feed before older records are applied.
3. Add prints to the bars; apply both lanes of a feed, in their common order, to the global books and opportunities. Of
   several feeds the records are applied in turns of `TURN_NS` by their time of publishing.
4. Read each feed's heartbeat again, and close its bars by the clock if it was alive after their end.

The first step of a life, and the first after a lap, catches up: it applies the newest books from their cells, then all
that TICKS and BOOKS still hold, and publishes bars only; then it publishes everything as it is. A working step ends
with one STEP: its time, the cursors of every feed's TICKS and of every feed's BOOKS, which inputs were lapped (a bit
each at its cursor's place), and the time of the first feed; the times of further feeds follow the cursors. A replay of
these from an empty system publishes the same bytes.

Where the feed replays a recording, prints have recorded times: the newest of them closes bars.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from engine.aggregation.bars import Bars
from engine.aggregation.lanes import ALWAYS, NOTHING, AggregationLanes, FeedLanes, cells_flat, flat, meanings
from engine.aggregation.merge import Merge
from engine.aggregation.opportunities import Opportunities
from engine.model.aggregates import GROUP, GROUP_MEMBERS
from engine.model.group import Group
from engine.model.records import BOOK_TOP, TICK
from engine.model.rows import GroupRow
from engine.model.step import StepPacker
from engine.model.words import Flag
from engine.role import WorkingOn

TICK_LIMIT, BOOK_LIMIT = 1 << 14, 1 << 11
WAIT_LIMIT_NS = 5_000_000
TURN_NS = 1_000_000
GROUP_ROW = GROUP.row


class InstrumentsChangedError(Exception):
    """The decimals of an instrument changed: this life of the role cannot continue."""


class AggregationRole:
    """Computes what needs all venues. The only clock is the step's time."""

    def __init__(
        self,
        name: str,
        number: int,
        groups: tuple[Group, ...],
        merge: Merge,
        opportunities: Opportunities,
        bars: Bars,
        lanes: AggregationLanes,
        clock_offset_ns: int = 0,
        patience_ns: int = 250_000_000,
        *,
        recorded: bool = False,
    ) -> None:
        """`patience_ns`: how long a bar waits for a silent feed; `recorded`: the feed replays a recording."""
        self.name, self.groups, self.merge, self.bars = name, groups, merge, bars
        self.opportunities = opportunities
        self._lanes, self._clock_offset_ns = lanes, clock_offset_ns
        self._feeds = lanes.feeds
        self._pack = StepPacker(number, inputs=3 * len(self._feeds) - 1, cells=2).pack
        self._patience_ns = patience_ns
        self._recorded, self._recorded_ns = recorded, 0  # the newest time of a recording
        self._meanings = meanings(lanes.feeds)
        self._begun = self._catching_up = False
        self._busy = ""  # the feed whose records are being applied
        self._turn = self._steps = 0
        self.laps = self.lost = 0

    def step(self, now_ns: int) -> int:
        """Read all lanes, apply them, publish what changed."""
        if not self._begun:
            self._begin(now_ns)
        if any(now_ns - feed.heard_ns > self._patience_ns >> 2 for feed in self._feeds):
            self._read_times()
        if self._catching_up:
            lapped, work = self._catch_up(now_ns)
        else:
            self._age(now_ns, read=False)
            lapped, work = self._read(now_ns)
            self._catching_up = lapped != 0
        if not self._catching_up:
            work += self._age(now_ns, read=True)
            work += self._close_bars(now_ns)
        if work or lapped:
            self._end(now_ns, work, lapped)
        return work

    def _read_times(self) -> None:
        """Read the time of every feed."""
        for feed in self._feeds:
            feed.heard_ns = feed.time_ns()

    def _age(self, now_ns: int, *, read: bool) -> int:
        """Leave out the feeds that are silent or read too late; how many of them changed."""
        changed = 0
        for place, feed in enumerate(self._feeds):
            changed += self.merge.age(place, now_ns, feed.heard_ns, read and feed.whole)
        return changed

    def lag(self) -> int:
        """The number of unread records of the lane on which most wait."""
        return max(int(max(feed.ticks.lag, feed.books.lag)) for feed in self._feeds)

    def error_count(self) -> int:
        """How often a lane was lapped."""
        return self.laps

    def working_on(self) -> WorkingOn | None:
        """The tick or book on which the bars or the global books failed; None elsewhere."""
        for lane, sequence, instrument in filter(None, (self.bars.at, self.merge.at)):
            return WorkingOn(f"{lane}.{self._busy}", sequence, instrument=instrument)
        return None

    def drain(self, now_ns: int) -> bool:
        """There is nothing to wind down."""
        del now_ns
        return True

    def wait(self, timeout_ns: int) -> bool:
        """Sleep until a tick of the next feed in turn comes; not for long, because the clock closes bars."""
        self._turn = (self._turn + 1) % len(self._feeds)
        return self._feeds[self._turn].ticks.wait(min(timeout_ns, WAIT_LIMIT_NS // len(self._feeds)))

    def close(self) -> None:
        """Close the lanes."""
        self._lanes.close()

    def _begin(self, now_ns: int) -> None:
        """Publish the groups, and continue the bars where an earlier life stopped."""
        lanes = self._lanes
        self.merge.void(now_ns)
        for place, group in enumerate(self.groups):
            lanes.groups.write(place, *group_row(group, now_ns))
        for place in range(len(self.groups), lanes.groups.count):
            if lanes.groups.read(place) is not None:
                lanes.groups.write(place, *no_group_row(now_ns))
        for feed in self._feeds:
            feed.ticks.cursor, feed.books.cursor = max(feed.ticks.oldest, feed.skipped), feed.books.oldest
        lanes.bars_closed.cursor = lanes.bars_closed.oldest
        _, closed = lanes.bars_closed.copy()
        held = cells_flat(lanes.last_bars, "last_bars")
        oldest = [feed.ticks.cursor for feed in self._feeds]
        self.bars.begin(flat(held), flat(closed), oldest, [self._since_ns(feed, now_ns) for feed in self._feeds])
        self.opportunities.reset(now_ns)
        self._begun = self._catching_up = True

    def _since_ns(self, feed: FeedLanes, now_ns: int) -> int:
        """Return when the oldest tick of a feed that will be read was received."""
        while feed.ticks.lag and not self._recorded:
            first = feed.ticks.cursor
            lost, records = feed.ticks.copy(1)
            if not lost and len(records):
                feed.ticks.cursor = first
                return int(records[0]["receive_ns"])
        return ALWAYS if self._recorded else now_ns

    def _catch_up(self, now_ns: int) -> tuple[int, int]:
        """Apply the cells and all lanes up to their present ends, then publish everything."""
        self.merge.forget()
        lapped, work = 0, 1
        at_ns = self._recorded_ns if self._recorded else now_ns
        ends = [feed.ticks.end for feed in self._feeds]
        for feed, end in zip(self._feeds, ends, strict=True):
            feed.unapplied = NOTHING
            self._apply_cells(feed, end, at_ns)
        while any(feed.ticks.cursor < end or len(feed.unapplied) for feed, end in zip(self._feeds, ends, strict=True)):
            again, done = self._read(now_ns)
            lapped, work = lapped | again, work + done
        self._catching_up = bool(lapped)
        if not lapped:
            for place, feed in enumerate(self._feeds):
                self.merge.age(place, now_ns, feed.heard_ns, True)
            self.merge.publish_all(now_ns)
        return lapped, work

    def _apply_cells(self, feed: FeedLanes, end: int, at_ns: int) -> None:
        """Apply a feed's newest books from their cells."""
        tops = cells_flat(feed.book_tops, "book_tops")
        tops = tops[tops["instrument"] > 0]  # 0: never written
        self._busy = feed.name
        for top in tops[tops["tick_sequence"] <= end]:  # a higher sequence is of another life of TICKS
            if top["tick_sequence"] <= feed.skips.get(int(top["instrument"]), -1):
                continue
            self.merge.apply_cell(flat(np.atleast_1d(top)))
            if top["tick_sequence"] <= feed.ticks.cursor:  # the tick of this state is not on the lane any more
                self.bars.apply_state(int(top["instrument"]), int(top["state"]), int(top["flags"]), at_ns)

    def _read(self, now_ns: int) -> tuple[int, int]:
        """Read all lanes and apply them; return which were lapped, and how many records there were."""
        lapped = 0
        batches: list[Any] = []
        for place, feed in enumerate(self._feeds):
            if not len(feed.unapplied):
                lost, books = feed.books.copy(BOOK_LIMIT)
                lapped |= self._lap(len(self._feeds) + place, lost)
                feed.unapplied = flat(books[books["tick_sequence"] > feed.skipped] if feed.skips else books)
            lost, ticks = feed.ticks.copy(TICK_LIMIT)
            lapped |= self._lap(place, lost)
            if lost:
                self.bars.lose(place)
            feed.whole = len(ticks) < TICK_LIMIT and len(feed.unapplied) < BOOK_LIMIT * BOOK_SIZE
            batches.append(ticks)
        return lapped, self._apply(batches, now_ns)

    def _note_recorded(self, place: int, ticks: Any) -> None:
        """Note the newest and the first recorded time."""
        times = ticks["receive_ns"]
        self._recorded_ns = max(self._recorded_ns, int(times.max()))
        self.bars.note_received(place, int(times[0]))

    def _lap(self, place: int, lost: int) -> int:
        """Count lost records; the bit of the lane at this place."""
        if not lost:
            return 0
        self.laps, self.lost = self.laps + 1, self.lost + lost
        return 1 << place

    def _apply(self, batches: list[Any], now_ns: int) -> int:
        """Apply a batch of every feed."""
        work = 0
        firsts = [feed.ticks.cursor - len(ticks) for feed, ticks in zip(self._feeds, batches, strict=True)]
        for place, ticks in enumerate(batches):
            work += len(ticks)
            if len(ticks):
                self._busy = self._feeds[place].name
                if self._recorded:
                    self._note_recorded(place, ticks)
                self._check_meanings(flat(ticks))
                self.bars.add_ticks(flat(ticks), firsts[place], now_ns)
        for place, begin, end in turns(batches):
            feed, ticks = self._feeds[place], batches[place]
            if end == begin and not len(feed.unapplied):
                continue
            whole = end == len(ticks) < TICK_LIMIT
            self._busy = feed.name
            applied = self.merge.apply(flat(ticks[begin:end]), firsts[place] + begin, feed.unapplied, whole, now_ns)
            feed.unapplied = feed.unapplied[applied * BOOK_SIZE :]
            work += applied
        return work

    def _check_meanings(self, ticks: Any) -> None:
        """Check that decimals did not change when a book begins anew: the feed publishes new ones before the book."""
        if (ticks.view(TICK_DTYPE)["flags"] & RESET).any() and meanings(self._feeds) != self._meanings:
            found = meanings(self._feeds)
            msg = f"decimals and multipliers of instruments are {found}, this life began with {self._meanings}"
            raise InstrumentsChangedError(msg)

    def _close_bars(self, now_ns: int) -> int:
        """Close bars by the clock, as far as their feed has published their prints."""
        if self._recorded:
            return self._close(self._recorded_ns, patience_ns=0, recorded=True)
        if now_ns < self.bars.next_ns:
            return 0
        self._read_times()
        return self._close(now_ns, patience_ns=self._patience_ns)

    def _close(self, now_ns: int, *, patience_ns: int, recorded: bool = False) -> int:
        closed = 0
        for place, feed in enumerate(self._feeds):
            heard_ns = ALWAYS if recorded else feed.heard_ns
            closed += self.bars.close_due(place, now_ns, feed.ticks.cursor, heard_ns, patience_ns)
        return closed

    def _end(self, now_ns: int, work: int, lapped: int) -> None:
        """End a working step: publish what a replay needs."""
        feeds = self._feeds
        cursors = (
            *(feed.ticks.cursor for feed in feeds),
            *(feed.books.cursor for feed in feeds),
            *(feed.heard_ns for feed in feeds[1:]),
        )
        monotonic_ns, cells = now_ns - self._clock_offset_ns, (lapped, feeds[0].heard_ns)
        self._lanes.steps.publish_bytes(self._pack(now_ns, monotonic_ns, work, self._steps, cursors, cells))
        self._steps += 1


def turns(batches: Sequence[Any]) -> Iterator[tuple[int, int, int]]:
    """Yield (feed, begin, end) of the ticks to apply next, so that no feed is ahead of another by more than a turn."""
    if len(batches) == 1:
        yield 0, 0, len(batches[0])
        return
    times = [ticks["publish_ns"] for ticks in batches]
    begins, at_ns = [0] * len(batches), min((int(one[0]) for one in times if len(one)), default=0)
    while True:
        ends = [int(np.searchsorted(one, at_ns + TURN_NS)) for one in times]
        for place, end in enumerate(ends):
            if end > begins[place] or end == len(times[place]):
                yield place, begins[place], end
        begins = ends
        rest = [int(one[end]) for one, end in zip(times, ends, strict=True) if end < len(one)]
        if not rest:
            return
        at_ns = min(rest)


RESET = int(Flag.RESET)
TICK_DTYPE = TICK.dtype
BOOK_SIZE = BOOK_TOP.size


def no_group_row(now_ns: int) -> GroupRow:
    """Return the row of a place without a group."""
    nothing = (0,) * GROUP_MEMBERS
    return GROUP_ROW(
        id=0, members=0, name=b"", instrument=nothing, update_ns=now_ns, price_decimals=0, size_decimals=0
    )  # fmt: skip


def group_row(group: Group, now_ns: int) -> GroupRow:
    """Return a group's row."""
    ids = tuple(one.id for one in group.members)
    return GROUP_ROW(
        id=group.id, members=len(ids), name=group.name.encode()[:48], update_ns=now_ns,
        instrument=ids + (0,) * (GROUP_MEMBERS - len(ids)),
        price_decimals=group.price_decimals, size_decimals=group.size_decimals,
    )  # fmt: skip

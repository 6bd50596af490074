"""The aggregation role: bars, global books and opportunities from what the feed tells.

A step, in this order:
1. BOOKS, then TICKS are read: whatever stands before a book that was read has been read too.
2. If the feed fell silent everything is left out, before anything old is looked at.
3. Prints go into the bars; both lanes, in their common order, into the global books and opportunities.
4. The feed is looked at again, and the clock closes bars, if it was heard behind their end.

The first step of a life, and the first after a lap, learns: the newest books from their cells, then all that TICKS and
BOOKS still hold, to the end, telling nothing but bars; then everything as it stands is told. A working step ends with
one STEP record: its time, both cursors, which inputs were lapped, and how far the feed was heard. Replayed from an
empty system with these it publishes the same bytes.

Where the feed replays a recording, prints bear the times of then: bars are closed by the newest of those.
"""

from typing import Any

import numpy as np

from engine.aggregation.bars import Bars
from engine.aggregation.lanes import ALWAYS, NOTHING, AggregationLanes, cells_flat, flat, meanings
from engine.aggregation.merge import Merge
from engine.aggregation.opportunities import Opportunities
from engine.model.aggregates import GROUP, GROUP_MEMBERS
from engine.model.group import Group
from engine.model.records import BOOK_TOP, STEP_CURSORS, TICK
from engine.model.rows import GroupRow
from engine.model.words import Flag

TICK_LIMIT, BOOK_LIMIT = 1 << 14, 1 << 11
WAIT_LIMIT_NS = 5_000_000
INPUTS = ("ticks", "books")
TICKS_LAPPED, BOOKS_LAPPED = 1, 2
NO_CURSORS = (0,) * (STEP_CURSORS - len(INPUTS))
GROUP_ROW = GROUP.row


class InstrumentsChangedError(Exception):
    """The numbers of an instrument mean something else: a life begun with the old meaning is over."""


class AggregationRole:
    """Everything that is made of all venues together. The only clock is the step's time."""

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
        """What `build` made; `patience_ns`: how long a silent feed keeps a bar open; `recorded`: it is a replay."""
        self.name, self.groups, self.merge, self.bars = name, groups, merge, bars
        self.opportunities = opportunities
        self._number, self._lanes, self._clock_offset_ns = number, lanes, clock_offset_ns
        self._patience_ns = patience_ns
        self._heard_ns = 0  # up to when the feed was heard, as it was asked for last
        self._recorded, self._recorded_ns = recorded, 0  # the newest time of a recording
        self._books: Any = NOTHING  # read, but their ticks are not
        self._meanings = meanings(lanes.instruments)
        self._begun = self._learning = False
        self._whole = True  # all there was to read was read
        self._steps = 0
        self.laps = self.lost = 0

    def step(self, now_ns: int) -> int:
        """Read what is there, put it together, tell what changed."""
        if not self._begun:
            self._begin(now_ns)
        lapped = 0
        if now_ns - self._heard_ns > self._patience_ns >> 2:
            self._heard_ns = self._lanes.heard_ns()
        if self._learning:
            lapped, work = self._learn(now_ns)
        else:
            self.merge.age(now_ns, self._heard_ns, False)
            lapped, work = self._take(now_ns)
            self._learning = lapped != 0
        if not self._learning:
            work += self.merge.age(now_ns, self._heard_ns, self._whole)
            work += self._close_bars(now_ns)
        if work or lapped:
            self._end(now_ns, work, lapped)
        return work

    def lag(self) -> int:
        """Ticks or books that wait."""
        return int(max(self._lanes.ticks.lag, self._lanes.books.lag))

    def error_count(self) -> int:
        """How often a lane was lapped."""
        return self.laps

    def drain(self, now_ns: int) -> bool:
        """There is nothing to wind down."""
        del now_ns
        return True

    def wait(self, timeout_ns: int) -> bool:
        """Sleep until a tick comes; not for long, because the clock closes bars."""
        return self._lanes.ticks.wait(min(timeout_ns, WAIT_LIMIT_NS))

    def close(self) -> None:
        """Let go of the lanes."""
        self._lanes.close()

    def _begin(self, now_ns: int) -> None:
        """Show the groups and no others, and go on with the bars where an earlier life stopped."""
        lanes = self._lanes
        self.merge.void(now_ns)
        for place, group in enumerate(self.groups):
            lanes.groups.write(place, *group_row(group, now_ns))
        for place in range(len(self.groups), lanes.groups.count):
            if lanes.groups.read(place) is not None:
                lanes.groups.write(place, *no_group_row(now_ns))
        lanes.ticks.cursor, lanes.books.cursor = lanes.ticks.oldest, lanes.books.oldest
        lanes.bars_closed.cursor = lanes.bars_closed.oldest
        _, closed = lanes.bars_closed.copy()
        held = cells_flat(lanes.last_bars, "last_bars")
        self.bars.begin(flat(held), flat(closed), lanes.ticks.cursor, self._since_ns(now_ns))
        self.opportunities.reset(now_ns)
        self._begun = self._learning = True

    def _since_ns(self, now_ns: int) -> int:
        """When the oldest tick that will be read was received."""
        lanes = self._lanes
        while lanes.ticks.lag and not self._recorded:
            first = lanes.ticks.cursor
            lost, records = lanes.ticks.copy(1)
            if not lost and len(records):
                lanes.ticks.cursor = first
                return int(records[0]["receive_ns"])
        return ALWAYS if self._recorded else now_ns

    def _learn(self, now_ns: int) -> tuple[int, int]:
        """Know again how everything stands; telling begins when the lanes were read to where they ended before."""
        self.merge.forget()
        self._books = NOTHING
        tops = cells_flat(self._lanes.book_tops, "book_tops")
        end, lapped, work = self._lanes.ticks.end, 0, 1
        at_ns = self._recorded_ns if self._recorded else now_ns
        for top in tops[tops["tick_sequence"] <= end]:  # what lies beyond is of another life of TICKS
            self.merge.take_cell(flat(np.atleast_1d(top)))
            if top["tick_sequence"] <= self._lanes.ticks.cursor:  # the lane has forgotten how it came to this state
                self.bars.hear_state(int(top["instrument"]), int(top["state"]), int(top["flags"]), at_ns)
        while self._lanes.ticks.cursor < end or len(self._books):
            again, done = self._take(now_ns)
            lapped, work = lapped | again, work + done
        self._learning = bool(lapped)
        if not lapped:
            self.merge.tell(now_ns, self._heard_ns)
        return lapped, work

    def _take(self, now_ns: int) -> tuple[int, int]:
        """Read both lanes and hear them; what was lapped, and how many records there were."""
        lapped = 0
        if not len(self._books):
            lost, books = self._lanes.books.copy(BOOK_LIMIT)
            lapped |= self._lap(BOOKS_LAPPED, lost)
            self._books = flat(books)
        lost, ticks = self._lanes.ticks.copy(TICK_LIMIT)
        lapped |= self._lap(TICKS_LAPPED, lost)
        self._whole = len(ticks) < TICK_LIMIT and len(self._books) < BOOK_LIMIT * BOOK_SIZE
        if not len(ticks) and not len(self._books):
            return lapped, 0
        if self._recorded:
            self._note_recorded(ticks)
        return lapped, self._hear(flat(ticks), len(ticks), now_ns)

    def _note_recorded(self, ticks: Any) -> None:
        """How far a recording was played, and since when it is heard."""
        if len(ticks):
            times = ticks["receive_ns"]
            self._recorded_ns = max(self._recorded_ns, int(times.max()))
            self.bars.since_ns = min(self.bars.since_ns, int(times[0]))

    def _lap(self, lane: int, lost: int) -> int:
        """Count what was lost; of TICKS, prints may have been among it."""
        if not lost:
            return 0
        self.laps, self.lost = self.laps + 1, self.lost + lost
        if lane == TICKS_LAPPED:
            self.bars.lose()
        return lane

    def _hear(self, ticks: Any, count: int, now_ns: int) -> int:
        """Put a batch of both lanes where it belongs."""
        first = self._lanes.ticks.cursor - count
        if count:
            self._check_meanings(ticks)
            self.bars.take(ticks, first, now_ns)
        heard = self.merge.take(ticks, first, self._books, count < TICK_LIMIT, now_ns)
        self._books = self._books[heard * BOOK_SIZE :]
        return count + heard

    def _check_meanings(self, ticks: Any) -> None:
        """A book begins anew: its numbers must mean what they meant; the feed shows that before it tells the book."""
        if (ticks.view(TICK_DTYPE)["flags"] & RESET).any() and meanings(self._lanes.instruments) != self._meanings:
            msg = f"instruments mean {meanings(self._lanes.instruments)}, this life was begun with {self._meanings}"
            raise InstrumentsChangedError(msg)

    def _close_bars(self, now_ns: int) -> int:
        """Close what the clock says, if the feed has told all of it."""
        if self._recorded:
            return self.bars.close_due(self._recorded_ns, self._lanes.ticks.cursor, ALWAYS, 0)
        if now_ns < self.bars.next_ns:
            return 0
        self._heard_ns = self._lanes.heard_ns()
        return self.bars.close_due(now_ns, self._lanes.ticks.cursor, self._heard_ns, self._patience_ns)

    def _end(self, now_ns: int, work: int, lapped: int) -> None:
        """Close a working step: write down what a replay needs."""
        lanes = self._lanes
        cursors = (lanes.ticks.cursor, lanes.books.cursor, *NO_CURSORS)
        told = (lapped, self._heard_ns, 0, 0)
        lanes.steps.publish(
            now_ns, now_ns - self._clock_offset_ns, work, self._number, self._steps, 0, len(INPUTS), cursors, told
        )  # fmt: skip
        self._steps += 1


RESET = int(Flag.RESET)
TICK_DTYPE = TICK.dtype
BOOK_SIZE = BOOK_TOP.size


def no_group_row(now_ns: int) -> GroupRow:
    """A place that no group has any more."""
    return GROUP_ROW(0, 0, 0, 0, 0, 0, b"", (0,) * GROUP_MEMBERS, now_ns, (0,) * 7)


def group_row(group: Group, now_ns: int) -> GroupRow:
    """A group as its cell shows it."""
    ids = tuple(one.id for one in group.members)
    return GROUP_ROW(
        group.id, len(ids), group.price_decimals, group.size_decimals, 0, 0, group.name.encode()[:48],
        ids + (0,) * (GROUP_MEMBERS - len(ids)), now_ns, (0,) * 7,
    )  # fmt: skip

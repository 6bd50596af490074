"""The aggregation role: bars, global books and opportunities from the feed's TICKS and BOOKS.

A step, in this order:
1. Read BOOKS, then TICKS: the ticks before each book that was read are then read too.
2. If the feed is silent, leave out every member before older records are applied.
3. Add prints to the bars; apply both lanes, in their common order, to the global books and opportunities.
4. Read the feed's heartbeat again, and close bars by the clock if the feed was alive after their end.

The first step of a life, and the first after a lap, catches up: it applies the newest books from their cells, then all
that TICKS and BOOKS still hold, and publishes bars only; then it publishes everything as it is. A working step ends
with one STEP record: its time, both cursors, which inputs were lapped, and the feed's time. A replay of these from an
empty system publishes the same bytes.

Where the feed replays a recording, prints have recorded times: the newest of them closes bars.
"""

from typing import Any

import numpy as np

from engine.aggregation.bars import Bars
from engine.aggregation.lanes import ALWAYS, NOTHING, AggregationLanes, cells_flat, flat, meanings
from engine.aggregation.merge import Merge
from engine.aggregation.opportunities import Opportunities
from engine.model.aggregates import GROUP, GROUP_MEMBERS
from engine.model.codec import Codec
from engine.model.group import Group
from engine.model.records import BOOK_TOP, STEP, TICK
from engine.model.rows import GroupRow
from engine.model.words import Flag

TICK_LIMIT, BOOK_LIMIT = 1 << 14, 1 << 11
WAIT_LIMIT_NS = 5_000_000
INPUTS = ("ticks", "books")
TICKS_LAPPED, BOOKS_LAPPED = 1, 2
pack_step = Codec(STEP).prepare(
    "now_ns", "monotonic_ns", "work", "role", "step", "inputs", "cursors", "cells", cursors=len(INPUTS), cells=2
)
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
        self._number, self._lanes, self._clock_offset_ns = number, lanes, clock_offset_ns
        self._patience_ns = patience_ns
        self._heard_ns = 0  # the feed's time when it was read last
        self._recorded, self._recorded_ns = recorded, 0  # the newest time of a recording
        self._books: Any = NOTHING  # read, but not their ticks
        self._meanings = meanings(lanes.instruments)
        self._begun = self._catching_up = False
        self._whole = True  # the last read reached the end of both lanes
        self._steps = 0
        self.laps = self.lost = 0

    def step(self, now_ns: int) -> int:
        """Read both lanes, apply them, publish what changed."""
        if not self._begun:
            self._begin(now_ns)
        lapped = 0
        if now_ns - self._heard_ns > self._patience_ns >> 2:
            self._heard_ns = self._lanes.feed_time_ns()
        if self._catching_up:
            lapped, work = self._catch_up(now_ns)
        else:
            self.merge.age(now_ns, self._heard_ns, False)
            lapped, work = self._read(now_ns)
            self._catching_up = lapped != 0
        if not self._catching_up:
            work += self.merge.age(now_ns, self._heard_ns, self._whole)
            work += self._close_bars(now_ns)
        if work or lapped:
            self._end(now_ns, work, lapped)
        return work

    def lag(self) -> int:
        """How many ticks or books are unread."""
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
        lanes.ticks.cursor, lanes.books.cursor = lanes.ticks.oldest, lanes.books.oldest
        lanes.bars_closed.cursor = lanes.bars_closed.oldest
        _, closed = lanes.bars_closed.copy()
        held = cells_flat(lanes.last_bars, "last_bars")
        self.bars.begin(flat(held), flat(closed), lanes.ticks.cursor, self._since_ns(now_ns))
        self.opportunities.reset(now_ns)
        self._begun = self._catching_up = True

    def _since_ns(self, now_ns: int) -> int:
        """Return when the oldest tick that will be read was received."""
        lanes = self._lanes
        while lanes.ticks.lag and not self._recorded:
            first = lanes.ticks.cursor
            lost, records = lanes.ticks.copy(1)
            if not lost and len(records):
                lanes.ticks.cursor = first
                return int(records[0]["receive_ns"])
        return ALWAYS if self._recorded else now_ns

    def _catch_up(self, now_ns: int) -> tuple[int, int]:
        """Apply the cells and both lanes up to their present ends, then publish everything."""
        self.merge.forget()
        self._books = NOTHING
        tops = cells_flat(self._lanes.book_tops, "book_tops")
        end, lapped, work = self._lanes.ticks.end, 0, 1
        at_ns = self._recorded_ns if self._recorded else now_ns
        for top in tops[tops["tick_sequence"] <= end]:  # a higher sequence is of another life of TICKS
            self.merge.apply_cell(flat(np.atleast_1d(top)))
            if top["tick_sequence"] <= self._lanes.ticks.cursor:  # the tick of this state is not on the lane any more
                self.bars.apply_state(int(top["instrument"]), int(top["state"]), int(top["flags"]), at_ns)
        while self._lanes.ticks.cursor < end or len(self._books):
            again, done = self._read(now_ns)
            lapped, work = lapped | again, work + done
        self._catching_up = bool(lapped)
        if not lapped:
            self.merge.publish_all(now_ns, self._heard_ns)
        return lapped, work

    def _read(self, now_ns: int) -> tuple[int, int]:
        """Read both lanes and apply them; return which were lapped, and how many records there were."""
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
        return lapped, self._apply(flat(ticks), len(ticks), now_ns)

    def _note_recorded(self, ticks: Any) -> None:
        """Note the newest and the first recorded time."""
        if len(ticks):
            times = ticks["receive_ns"]
            self._recorded_ns = max(self._recorded_ns, int(times.max()))
            self.bars.since_ns = min(self.bars.since_ns, int(times[0]))

    def _lap(self, lane: int, lost: int) -> int:
        """Count lost records; bars may miss prints that were lost on TICKS."""
        if not lost:
            return 0
        self.laps, self.lost = self.laps + 1, self.lost + lost
        if lane == TICKS_LAPPED:
            self.bars.lose()
        return lane

    def _apply(self, ticks: Any, count: int, now_ns: int) -> int:
        """Apply a batch of both lanes."""
        first = self._lanes.ticks.cursor - count
        if count:
            self._check_meanings(ticks)
            self.bars.add_ticks(ticks, first, now_ns)
        heard = self.merge.apply(ticks, first, self._books, count < TICK_LIMIT, now_ns)
        self._books = self._books[heard * BOOK_SIZE :]
        return count + heard

    def _check_meanings(self, ticks: Any) -> None:
        """Check that decimals did not change when a book begins anew: the feed publishes new ones before the book."""
        if (ticks.view(TICK_DTYPE)["flags"] & RESET).any() and meanings(self._lanes.instruments) != self._meanings:
            found = meanings(self._lanes.instruments)
            msg = f"decimals and multipliers of instruments are {found}, this life began with {self._meanings}"
            raise InstrumentsChangedError(msg)

    def _close_bars(self, now_ns: int) -> int:
        """Close bars by the clock, as far as the feed has published their prints."""
        if self._recorded:
            return self.bars.close_due(self._recorded_ns, self._lanes.ticks.cursor, ALWAYS, 0)
        if now_ns < self.bars.next_ns:
            return 0
        self._heard_ns = self._lanes.feed_time_ns()
        return self.bars.close_due(now_ns, self._lanes.ticks.cursor, self._heard_ns, self._patience_ns)

    def _end(self, now_ns: int, work: int, lapped: int) -> None:
        """End a working step: publish what a replay needs."""
        lanes = self._lanes
        lanes.steps.publish_bytes(pack_step(
            now_ns, now_ns - self._clock_offset_ns, work, self._number, self._steps, len(INPUTS),
            lanes.ticks.cursor, lanes.books.cursor, lapped, self._heard_ns,
        ))  # fmt: skip
        self._steps += 1


RESET = int(Flag.RESET)
TICK_DTYPE = TICK.dtype
BOOK_SIZE = BOOK_TOP.size


def no_group_row(now_ns: int) -> GroupRow:
    """Return the row of a place without a group."""
    return GROUP_ROW(0, 0, 0, 0, 0, 0, b"", (0,) * GROUP_MEMBERS, now_ns, (0,) * 7)


def group_row(group: Group, now_ns: int) -> GroupRow:
    """Return a group's row."""
    ids = tuple(one.id for one in group.members)
    return GROUP_ROW(
        group.id, len(ids), group.price_decimals, group.size_decimals, 0, 0, group.name.encode()[:48],
        ids + (0,) * (GROUP_MEMBERS - len(ids)), now_ns, (0,) * 7,
    )  # fmt: skip

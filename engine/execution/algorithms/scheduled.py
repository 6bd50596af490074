"""Works a parent along a schedule: each child is what the parent is behind, one child at a time.

    slice       0            1            2                  n - 1        end
                ├────────────┼────────────┼─── … ────────────┼────────────┤ then: what is left, at once
    each slice  ├ rests ─┤ crosses │                            `cross_ns` is between the two

A slice's child is the difference between the schedule's size after that slice and the filled size, at most one slice.
It rests at the best price of its own side until `cross_ns` of the slice, then its rest is cancelled and sent as an IOC
order at the best opposite price, so at the end of a slice the filled size is the schedule's, provided the book has the
size within the parent's limit. Where the limit does not reach the opposite price, the child rests at the limit or at
the best price.

An execution that was dead resumes with the deficit: children of at most one slice follow each other until the schedule
is reached. After the end every child crosses. The algorithm ends when all is filled, when the limit does not reach the
opposite price any more, or after `chase_rejects` children in a row that filled nothing.

With netting (`netting.py`) another strategy may fill a part of the next slice before its time.
"""

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

from engine.execution.algorithms.algorithm import Child
from engine.execution.algorithms.market import carve, within
from engine.execution.algorithms.serial import MS, Serial
from engine.execution.orders.order import CANCELLED, EXPIRED, Order
from engine.model.words import Reason, TimeInForce
from engine.risk.gate import Refusal

LEAST_SLICE = 2  # intervals of `chase_interval_ns` in a slice: its child, and what that left


class Scheduled(Serial):
    """One parent along a schedule of `slices` slices over `duration_ms`."""

    start_ns = 0
    closing = False  # the end is over
    cross_at_ns = 0  # when the newest child, if it rests, is outdated

    @abstractmethod
    def planned(self, index: int) -> int:
        """The size of the schedule up to the end of this slice; 0 for slice -1, the parent's size for the last one."""

    @property
    def slices(self) -> int:
        """The number of slices."""
        count: int = self.parameters.slices
        return count

    def check(self) -> Refusal | None:
        """Refuse a size that is no whole number of steps, slices below the smallest order, and a too short slice."""
        market, parent = self.market, self.parent
        lowest = market.lowest(parent.limit_price)
        return self.check_slice() or market.check_whole(parent.size) or market.check_least(min(self.sizes), lowest)

    def check_slice(self) -> Refusal | None:
        """Refuse slices that are too short for a child and for what that left."""
        least_ms = LEAST_SLICE * self.options.chase_interval_ns // MS
        if self.parameters.duration_ms >= least_ms * self.slices:
            return None
        return Refusal(Reason.SLICE_TOO_SHORT, self.parameters.duration_ms // self.slices, least_ms)

    @cached_property
    def sizes(self) -> list[int]:
        """The size of each slice."""
        planned = [self.planned(index) for index in range(-1, self.slices)]
        return [after - before for before, after in pairwise(planned)]

    def begin(self, now_ns: int) -> None:
        """Start the schedule."""
        self.start_ns = now_ns

    def next_child(self, now_ns: int) -> Child | None:
        """What the parent is behind; None where that is less than the smallest order."""
        parent, market = self.parent, self.market
        self.closing = now_ns >= self.end_ns
        behind = self.planned(self.index(now_ns)) - (parent.size - parent.rest)
        price, crosses = self._price(now_ns)
        least = market.least(market.lowest(parent.limit_price))
        if parent.newest is None:
            behind = max(behind, least)
        size = carve(behind, parent.rest, max(*self.sizes, least), least)
        if not size or (self.closing and not crosses):
            self.over = self.closing
            return None
        self.cross_at_ns = 0 if crosses else self._rests_until_ns(now_ns)
        return Child(price, size, TimeInForce.IOC if crosses else TimeInForce.GTC)

    def on_book(self, now_ns: int) -> None:
        """Place what is due, or cancel an outdated child; between two slices nothing is due."""
        if self.parent.last.live or now_ns >= self.due_ns:
            super().on_book(now_ns)

    def outdated(self, order: Order, now_ns: int) -> bool:  # noqa: ARG002 - one child lives at a time
        """Whether a child that rests is to cross now, or is of a former slice."""
        return bool(self.cross_at_ns) and now_ns >= self.cross_at_ns

    def wake_ns(self, now_ns: int) -> int:
        """When the child that rests is outdated; when the next slice begins, or now where the parent is behind."""
        if self.parent.live:
            return self.cross_at_ns
        behind = self.planned(self.index(now_ns)) > self.parent.size - self.parent.rest
        return now_ns if behind else self.slice_ns(self.index(now_ns) + 1)

    def spare(self, now_ns: int) -> int:
        """What is left of the schedule a slice's time from now: netted, it is ahead by at most one slice."""
        parent = self.parent
        if self.done or parent.live or not parent.settled:
            return 0
        return max(0, self._ahead(now_ns) - (parent.size - parent.rest))

    def _ahead(self, now_ns: int) -> int:
        """The schedule's size in a slice's time, on the line between the ends of this slice and the next."""
        index, step = self.index(now_ns), self.market.instrument.size_step
        begin_ns, end_ns = self.slice_ns(index), self.slice_ns(index + 1)
        size, passed_ns = self.planned(index), max(0, min(now_ns, end_ns) - begin_ns)
        more = self.planned(min(index + 1, self.slices - 1)) - size
        return size + more * passed_ns // (end_ns - begin_ns) // step * step

    def dump(self) -> tuple[int, ...]:
        """The start, whether the end is over, and when a resting child is outdated."""
        return (*super().dump(), self.start_ns, int(self.closing), self.cross_at_ns)

    def load(self, state: Sequence[int]) -> None:
        """Continue with a state that `dump` returned."""
        super().load(state)
        self.start_ns, self.closing, self.cross_at_ns = state[2], bool(state[3]), state[4]

    def failed(self, order: Order) -> bool:
        """Whether a child was rejected, or filled nothing after the end."""
        return super().failed(order) or (
            self.closing and order.state in (EXPIRED, CANCELLED) and not order.venue_filled
        )

    @property
    def end_ns(self) -> int:
        """The end of the last slice."""
        return self.slice_ns(self.slices)

    def slice_ns(self, index: int) -> int:
        """When the slice of this index begins."""
        duration_ns: int = self.parameters.duration_ms * MS
        return self.start_ns + duration_ns * index // self.slices

    def index(self, now_ns: int) -> int:
        """The slice at this time, the last one after the end."""
        duration_ns: int = self.parameters.duration_ms * MS
        passed = ((now_ns - self.start_ns + 1) * self.slices - 1) // duration_ns  # so `slice_ns` of it is not after now
        return max(0, min(self.slices - 1, passed))

    def cross_ns(self, now_ns: int) -> int:
        """When what is behind in the present slice crosses."""
        index = self.index(now_ns)
        begin_ns = self.slice_ns(index)
        return begin_ns + (self.slice_ns(index + 1) - begin_ns) * self.patience_pct // 100

    @property
    def patience_pct(self) -> int:
        """The share of a slice in which its child rests."""
        patience: int = self.parameters.patience_pct
        return patience

    def crosses(self, now_ns: int) -> bool:
        """Whether what is behind crosses now."""
        return now_ns >= self.cross_ns(now_ns)

    def _price(self, now_ns: int) -> tuple[int, bool]:
        """The next child's price, and whether it crosses."""
        side, limit = self.parent.side, self.parent.limit_price
        if (self.closing or self.crosses(now_ns)) and self.reaches:
            return self.market.opposite(side), True
        return within(limit, side, self.market.own(side)), False

    @property
    def reaches(self) -> bool:
        """Whether the parent's limit reaches the opposite price."""
        opposite = self.market.opposite(self.parent.side)
        return within(self.parent.limit_price, self.parent.side, opposite) == opposite

    def _rests_until_ns(self, now_ns: int) -> int:
        """Until when a child that rests is not outdated: the time to cross, or the end of the slice."""
        cross_ns = self.cross_ns(now_ns)
        return cross_ns if now_ns < cross_ns else self.slice_ns(self.index(now_ns) + 1)

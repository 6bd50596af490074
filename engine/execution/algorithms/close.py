"""Close: cancel the strategy's orders in the instrument, wait for the venue, sell or buy back what is held, in slices.

    older orders end, and all their fills are known ─▶ held? ─▶ IOC slice ─▶ filled? ─▶ next slice … ─▶ flat, or dust
                                                        └─ less than the smallest order: the intent is refused

The desk cancels the orders, and the side and size of the parent are those of the position once they have ended: a fill
that overtakes a cancel is closed too. A slice is at most `slice` (0: the venue's largest order), and its price at most
`slippage_bps` beyond the best opposite price of that moment, never beyond the parent's limit. After a slice without a
fill the pause doubles, so that a thin book does not use up the order rate. What is too small for an order stays, and a
refusal reports it. After `timeout_ms` (0: never) no further slice is made.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from engine.execution.algorithms.algorithm import Child
from engine.execution.algorithms.market import within
from engine.execution.algorithms.protected import SLIPPAGE_BPS
from engine.execution.algorithms.serial import MS, Serial
from engine.execution.orders.order import Order
from engine.model.words import BUY, SELL, TimeInForce
from engine.risk.gate import Refusal

DAY_MS = 86_400_000
DOUBLINGS = 6  # of the pause, at most


class Close(Serial):
    """One position that is closed."""

    priced = True  # its side is not known yet, so no edge of the collar is its bound

    class Parameters(msgspec.Struct, frozen=True):
        """The cap of a slice, in hundredths of a percent (0: 10), the largest slice (0: the venue's), and the time."""

        slippage_bps: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 0
        slice: Annotated[int, msgspec.Meta(ge=0)] = 0
        timeout_ms: Annotated[int, msgspec.Meta(ge=0, le=DAY_MS)] = 0

    def check(self) -> Refusal | None:
        """Refuse slices that are no whole number of size steps."""
        return self.refuse_parameter("slice") if self.market.check_whole(self.parameters.slice) else None

    def first(self, now_ns: int) -> None:
        """No child yet: the older orders end first."""
        self.due_ns = now_ns
        self.until_ns = now_ns + self.parameters.timeout_ms * MS if self.parameters.timeout_ms else 0

    def on_accepted(self, now_ns: int) -> None:
        """Send the first slice if there is no order to wait for."""
        self._consider(now_ns)

    def on_order(self, order: Order, now_ns: int) -> None:
        """Send the next slice; one that filled ends the doubling of the pause."""
        if order.intent_id == self.parent.intent_id and order.venue_filled:
            self._rejects = 0
        self._consider(now_ns)

    @property
    def done(self) -> bool:
        """Whether no further slice is made."""
        return self.over or (self.parent.newest is not None and self.parent.rest <= 0)

    @property
    def waits(self) -> bool:
        """Whether an older order may still change the position."""
        return self.parent.newest is None and not self.port.older_end(self)

    def next_child(self, now_ns: int) -> Child | None:
        """The next slice, at the prices of now; where nothing is left that an order can close, the end."""
        if self.waits:
            return None
        rest = self._rest()
        side, best = self.parent.side, self.market.opposite(self.parent.side)
        size = self._slice(rest, best)
        if not size:
            self._finish(rest, best, now_ns)
            return None
        limit = self.parent.limit_price
        if within(limit, side, best) != best:
            return None
        price = within(limit, side, self.market.beyond(side, self.parameters.slippage_bps or SLIPPAGE_BPS))
        passes = price * size >= self.market.instrument.notional_min
        return Child(price if passes else best, size, TimeInForce.IOC)

    def wake_ns(self, now_ns: int) -> int:
        """Now, when no slice is live and no older order is waited for."""
        return 0 if self.parent.live or self.waits else now_ns

    def pause(self, now_ns: int) -> None:
        """Wait longer after each request in a row without a fill."""
        self.pause_ns = now_ns + (self.options.chase_interval_ns << min(self._rejects, DOUBLINGS))
        self._rejects += 1

    def dump(self) -> tuple[int, ...]:
        """The requests in a row without a fill, and the end."""
        return (*super().dump(), self.until_ns)

    def load(self, state: Sequence[int]) -> None:
        """Continue with a state that `dump` returned."""
        super().load(state)
        self.until_ns = state[2]

    def _rest(self) -> int:
        """What is left of the position that it closes; before the first slice the whole position."""
        held, parent = self.port.closable(self), self.parent
        if parent.newest is None:
            parent.aim(SELL if held > 0 else BUY, abs(held))
        return min(parent.rest, max(0, -held * parent.side))

    def _slice(self, rest: int, best: int) -> int:
        """The size of the next slice, which leaves nothing or enough for another; 0: too little is left."""
        least, largest = self.market.least(best), self.market.largest
        size = min(rest, max(self.parameters.slice, least) if self.parameters.slice else largest, largest)
        if 0 < rest - size < least:
            size = rest if rest <= largest else rest - least
        return size if size >= least else 0

    def _finish(self, rest: int, best: int, now_ns: int) -> None:
        """End; a refusal reports what is too small for an order."""
        self.over = True
        self.refusal = self.market.check_least(rest, best)
        if rest and self.refusal is not None and self.parent.newest is not None:
            self.port.refuse(self, self.refusal, now_ns)

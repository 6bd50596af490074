"""Waits for a price, then works as `serial.py` does: the base of stops, take-profits and what combines them.

    waiting ─▶ the price reaches `trigger_price` ─▶ triggered, in the journal ─▶ child, child … until filled

The price is the best one at which its order would trade, or with `trigger=1` that of a print. A price is looked at only
while the book is GOOD and at most `[risk] max_book_age_ns` old: a doubtful price triggers nothing, and the log shows
it. A kept order has no child until its trigger: nothing of it is at the venue, and it reserves no exposure. What
happened while execution was down is not looked at: the next book, or the next print, decides. `native.py` has those
that may wait at the venue instead.

A child that crosses is an IOC order at most `slippage_bps` beyond the best opposite price of that moment. While the
system is halted, not connected or not reconciled no child is asked for; it is asked for as soon as that ends. After
a rejection, or a refusal that a retry may pass, the pause doubles, up to 1.6 s; the algorithm does not give up. No
child is asked for before every fill of the children before it is known: the position would be wrong.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Annotated, ClassVar

import msgspec

from engine.execution.algorithms.algorithm import Child
from engine.execution.algorithms.market import within
from engine.execution.algorithms.serial import Serial
from engine.model.words import Reason, TimeInForce
from engine.risk.gate import Refusal

SLIPPAGE_BPS = 50
DOUBLINGS = 4  # of the pause, at most

Price = Annotated[int, msgspec.Meta(ge=1)]
Slippage = Annotated[int, msgspec.Meta(ge=0, le=1_000)]


class Trigger(IntEnum):
    """Which price triggers."""

    TOUCH = 0
    PRINT = 1
    VENUE = 2  # the venue's own last trade: a native order where the venue has one, else as PRINT


class Stage(IntEnum):
    """How far it is, in its recorded state."""

    WAITING = 0
    TRIGGERED = 1
    NATIVE = 2  # it waits at the venue


NativeTrigger = Annotated[int, msgspec.Meta(ge=0, le=2)]


class Triggered(Serial):
    """One parent that waits for a price."""

    kept = True
    priced = True
    triggered = False
    towards: ClassVar[int] = 1  # 1: the price moves against the position that its order closes; -1: in its favour

    @property
    def trigger_price(self) -> int:
        """The price that triggers; 0: not known yet."""
        price: int = self.parameters.stop_price
        return price

    @property
    def watched_side(self) -> int:
        """The side of the orders that follow the trigger."""
        return self.parent.side

    @property
    def prints(self) -> bool:  # type: ignore[override] # while it waits
        """Whether it waits for a print."""
        return not self.triggered and bool(self.parameters.trigger != Trigger.TOUCH)

    @property
    def stage(self) -> Stage:
        """How far it is."""
        return Stage.TRIGGERED if self.triggered else Stage.WAITING

    def check(self) -> Refusal | None:
        """Refuse a bound that is no multiple of the price step."""
        return self.market.check_price(self.parent.limit_price) if self.parent.limit_price else None

    def first(self, now_ns: int) -> Child:  # noqa: ARG002 - nothing is sent yet
        """What risk checks of it before it is kept: its size, at the price that triggers."""
        return Child(self.trigger_price, self.parent.size, TimeInForce.IOC)

    def on_accepted(self, now_ns: int) -> None:
        """Look at the price of now."""
        self.on_book(now_ns)

    def on_book(self, now_ns: int) -> None:
        """Look at the best price, or go on if the trigger has come."""
        if not self.triggered and self.parameters.trigger == Trigger.TOUCH and self.market.sure(now_ns):
            self.judge(self.market.opposite(self.watched_side))
        super().on_book(now_ns)

    def on_print(self, price: int, now_ns: int) -> None:
        """Look at the price of a print."""
        if self.market.sure(now_ns):
            self.judge(price)
            self._consider(now_ns)

    def judge(self, price: int) -> None:
        """Trigger where a price has reached the trigger's."""
        if (price - self.trigger_price) * self.watched_side * self.towards >= 0:
            self.triggered = self.requested = True

    @property
    def limit_order(self) -> Child:
        """What is left, at the intent's price; post-only where the intent asks for it."""
        parent = self.parent
        post_only = parent.time_in_force == TimeInForce.POST_ONLY
        return Child(parent.limit_price, parent.rest, TimeInForce.POST_ONLY if post_only else TimeInForce.GTC)

    def resting(self) -> Child | None:
        """The limit order; None, and the end, where too little is left for one."""
        self.over = self.parent.rest < self.market.least(self.parent.limit_price)
        return None if self.over else self.limit_order

    def crossing(self, size: int, limit: int) -> Child | None:
        """A child of this size that crosses, not beyond a limit; None where that is not reached, or too little left."""
        side, market = self.watched_side, self.market
        cap = within(limit, side, market.beyond(side, self.parameters.slippage_bps or SLIPPAGE_BPS))
        self.over = size < market.least(cap)
        if self.over or (market.opposite(side) - cap) * side > 0:
            return None
        return Child(cap, size, TimeInForce.IOC, side)

    def next_child(self, now_ns: int) -> Child | None:  # noqa: ARG002 - the trigger decides
        """What is left, at the prices of now."""
        return self.crossing(self.parent.rest, self.parent.limit_price)

    def wake_ns(self, now_ns: int) -> int:
        """The end of the pause, when the next child waits for it alone; otherwise the next book decides."""
        waits = self.parent.live or not (self.triggered or not self.kept)
        return 0 if waits or self.pause_ns <= now_ns else self.pause_ns

    @property
    def gives_up(self) -> bool:
        """Never: a position that was to be closed is still open."""
        return False

    def _consider(self, now_ns: int) -> None:
        """Do nothing while it is kept."""
        if self.triggered or not self.kept:
            super()._consider(now_ns)

    def _place(self, now_ns: int) -> None:
        """Place the next child, where no switch of risk stops every order."""
        self.stalled = not self.port.ready(self, now_ns)
        if self.parent.settled and not self.stalled:
            super()._place(now_ns)

    def on_refused(self, refusal: Refusal) -> None:
        """Pause for longer before the next request; go on while open orders are to close what is held: they may not."""
        self._rejects += 1
        if refusal.reason != Reason.NOTHING_TO_REDUCE or not refusal.value:
            super().on_refused(refusal)

    def pause(self, now_ns: int) -> None:
        """Make the next request after the interval, twice as late after each failure."""
        self.pause_ns = now_ns + (self.options.chase_interval_ns << min(self._rejects, DOUBLINGS))

    def dump(self) -> tuple[int, ...]:
        """The failures in a row, whether no further child is made, how far it is."""
        return (*super().dump(), int(self.stage))

    def load(self, state: Sequence[int]) -> None:
        """Continue with a state that `dump` returned."""
        super().load(state)
        self.triggered = state[2] == Stage.TRIGGERED

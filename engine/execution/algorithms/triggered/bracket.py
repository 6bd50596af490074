"""Bracket: an entry, and for what it fills a target and a stop; each exit is sized to the fills.

    entry ─▶ ended, filled some ─▶ target rests ─▶ filled: done
      │                               └─▶ the stop's price is reached ─▶ its cancel ─▶ what is held, at once
      └─▶ target or stop reached, its time is over, a breaker ends entries ─▶ its cancel ─▶ exits for what it filled

The stop is watched from the start on, so a part that the entry has filled is protected while the rest still waits. One
child is live at a time, and `Children` cuts each exit to the position that is left. The end of the intent's time ends
the entry, and no exit. A cancel of the intent ends everything, and the position stays.

With `trigger` 2 the exits are a pair at the venue, see `paired.py`; until the entry has ended, execution watches the
stop, by prints. The venue's own list of entry and exits (OTOCO) is not used: it places the exits only when the whole
entry is filled, and until then a filled part would have no stop.
"""

from collections.abc import Sequence

import msgspec

from engine.execution.algorithms.algorithm import Child
from engine.execution.algorithms.triggered.paired import Paired
from engine.execution.algorithms.triggered.triggered import NativeTrigger, Price, Slippage
from engine.execution.orders.order import Order
from engine.model.words import TimeInForce
from engine.risk.gate import Refusal


class Bracket(Paired):
    """One entry with its exits."""

    entered = False  # no entry is open any more, or may stay open

    class Parameters(msgspec.Struct, frozen=True):
        """Both prices, how far the stop's child may cross (0: 50), by which price (0 the touch, 1 prints, 2 venue)."""

        target_price: Price
        stop_price: Price
        slippage_bps: Slippage = 0
        trigger: NativeTrigger = 0

    @property
    def watched_side(self) -> int:
        """The exits'."""
        return -self.parent.side

    def check(self) -> Refusal | None:
        """Refuse a target or a stop on the wrong side of the entry, prices without a step, a size without one."""
        parent, market = self.parent, self.market
        target: int = self.parameters.target_price
        if parent.limit_price and (target - parent.limit_price) * parent.side <= 0:
            return self.refuse_parameter("target_price")
        if parent.limit_price and (self.trigger_price - parent.limit_price) * parent.side >= 0:
            return self.refuse_parameter("stop_price")
        prices = (parent.limit_price, target, self.trigger_price)
        return next(filter(None, map(market.check_price, prices)), None) or market.check_whole(parent.size)

    def first(self, now_ns: int) -> Child:  # noqa: ARG002 - the entry is due at once
        """The entry, with the intent's time in force."""
        return Child(self.parent.limit_price, self.parent.size, self.parent.time_in_force)

    @property
    def done(self) -> bool:
        """Whether the entry has ended and nothing of it is held."""
        newest = self.parent.newest
        entering = newest is None or (newest.side == self.parent.side and newest.live)
        return self.over or (not entering and self.parent.held <= 0)

    def judge(self, price: int) -> None:
        """Trigger at the stop; end the entry at the target."""
        super().judge(price)
        if not self.entered and (price - self.parameters.target_price) * self.parent.side >= 0:
            self.entered = self.requested = True

    def next_child(self, now_ns: int) -> Child | None:  # noqa: ARG002 - the trigger decides
        """The exit of what is held: the pair, the target, or the stop's order."""
        held, target = self.parent.held, self.parameters.target_price
        self.entered = True
        if self.triggered:
            return self.crossing(held, 0)
        self.over = held < self.market.least(target)
        if self.over:
            return None
        return self.pair(target, held) or Child(target, held, TimeInForce.GTC, self.watched_side)

    def outdated(self, order: Order, now_ns: int) -> bool:  # noqa: ARG002 - the trigger decides
        """Whether the entry is to end, or the target is to give way to the stop."""
        if order.side == self.parent.side:
            return self.triggered or self.entered
        return self.triggered and order.time_in_force != TimeInForce.IOC

    def reduce(self, now_ns: int) -> bool:
        """End the entry, and go on with the exits."""
        self.entered = True
        self._consider(now_ns)
        return True

    def dump(self) -> tuple[int, ...]:
        """Whether the entry is over too."""
        return (*super().dump(), int(self.entered))

    def load(self, state: Sequence[int]) -> None:
        """Continue with a state that `dump` returned."""
        super().load(state)
        self.entered = bool(state[3])

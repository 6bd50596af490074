"""Waits at the venue, where `trigger` is 2 and the venue has the type: the base of what can be one native order.

    native order open ─▶ the venue's last trade reaches the trigger ─▶ it trades there ─▶ filled: done
          │                                                             └─▶ ended with a part: what is left follows
          └─▶ rejected, cancelled or expired without a fill ─▶ kept from now on, triggered by the touch of now or prints

The venue triggers a native order also while execution is dead. It has a limit where the intent has a price or the
terms have `slippage_bps`, and trades at any price otherwise. It is kept from the start where the venue lacks its type,
has no room for a further order that waits, or accepts no such size without a limit.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from engine.execution.algorithms.algorithm import Child, ChildPort
from engine.execution.algorithms.market import Market, within
from engine.execution.algorithms.triggered.triggered import Stage, Trigger, Triggered
from engine.execution.config import ExecutionOptions
from engine.execution.orders.parent import Parent
from engine.model.words import UNPRICED_TYPES, OrderType, TimeInForce
from engine.risk.gate import Refusal
from engine.venues.session import Waits


class Native(Triggered):
    """One parent that may wait at the venue."""

    types: ClassVar[tuple[int, int]] = (OrderType.STOP, OrderType.STOP_LIMIT)  # without a limit, with one

    def __init__(
        self, parent: Parent, parameters: Any, market: Market, port: ChildPort, options: ExecutionOptions
    ) -> None:
        """Decide where it waits; `load` replaces the decision by that of an earlier life."""
        super().__init__(parent, parameters, market, port, options)
        self.native = parameters.trigger == Trigger.VENUE and self._fits()
        self.kept = not self.native

    @property
    @abstractmethod
    def slippage_bps(self) -> int:
        """How far from its trigger its native order may trade; 0: the intent's price decides alone."""

    @property
    def native_limit(self) -> int:
        """The limit of its native order; 0: it trades at any price."""
        limit, side, bps = self.parent.limit_price, self.parent.side, self.slippage_bps
        return within(limit, side, self.market.past(self.trigger_price, side, bps)) if bps else limit

    @property
    def waits(self) -> Waits:
        """What its native order waits for."""
        return Waits(self.types[bool(self.native_limit)], self.trigger_price)

    @property
    def prints(self) -> bool:  # type: ignore[override] # while it waits here
        """Whether it waits for a print."""
        return self.kept and super().prints

    @property
    def stage(self) -> Stage:
        """How far it is."""
        return Stage.NATIVE if self.native else super().stage

    def check(self) -> Refusal | None:
        """Refuse a stop price that is no multiple of the price step, if the venue is to get it."""
        stop_price = self.waits.stop_price if self.native else 0
        return super().check() or (self.market.check_price(stop_price) if stop_price else None)

    def first(self, now_ns: int) -> Child:
        """The native order; of a kept one what risk checks of it now."""
        if not self.native:
            return super().first(now_ns)
        price = self.native_limit or self.trigger_price
        return Child(price, self.parent.size, TimeInForce.GTC, waits=self.waits)

    def load(self, state: Sequence[int]) -> None:
        """Continue with a state that `dump` returned."""
        super().load(state)
        self.native = state[2] == Stage.NATIVE
        self.kept = not self.native

    def _fits(self) -> bool:
        """Whether the venue accepts its native order."""
        one, kind = self.market.instrument, self.waits.order_type
        room = not one.algo_orders_max or self.port.natives(one.id) < one.algo_orders_max
        size_most = one.market_size_max if kind in UNPRICED_TYPES else 0
        return one.has_native(kind) and room and not self.parent.size > size_most > 0

    def _consider(self, now_ns: int) -> None:
        """Wait here, if the native order has ended without a fill; send what it left, if it was triggered."""
        if self.native and not self.parent.live:
            self.native, self.requested = False, True
            self.kept, self.triggered = True, self.parent.last.venue_filled > 0
            if not self.triggered and self.market.sure(now_ns):
                self.judge(self.market.opposite(self.watched_side))
        super()._consider(now_ns)

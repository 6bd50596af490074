"""A limit order and a stop that wait at the venue as a pair (OCO), where `trigger` is 2 and the venue has pairs.

    pair open ─▶ the limit order is filled: done                     the venue ends the other order in both cases
        ├─▶ the stop's price is reached ─▶ it trades there ─▶ filled: done
        │                                      └─▶ ended with a part: what is left follows
        ├─▶ a part of the limit order is filled ─▶ its rest goes on; the stop has ended, and is kept from now on
        └─▶ rejected, cancelled or expired without a fill ─▶ kept from now on

The venue triggers the stop of a pair also while execution is dead. The stop has a limit where the terms have
`slippage_bps`, and trades at any price otherwise. Both are kept where the venue has no pairs, no room for two further
orders, or accepts no such size. The base of `Oco` and `Bracket`: a subclass decides when the pair is sent.
"""

from collections.abc import Sequence
from typing import Any

from engine.execution.algorithms.algorithm import Beside, Child, ChildPort
from engine.execution.algorithms.market import Market
from engine.execution.algorithms.triggered.triggered import Stage, Trigger, Triggered
from engine.execution.config import ExecutionOptions
from engine.execution.orders.order import PAIRED, Order
from engine.execution.orders.parent import Parent
from engine.model.client_id import REQUEST_MAX
from engine.model.words import UNPRICED_TYPES, OrderType, TimeInForce
from engine.risk.gate import Refusal
from engine.venues.session import Waits


class Paired(Triggered):
    """One parent whose limit order and stop may wait at the venue."""

    kept = False

    def __init__(
        self, parent: Parent, parameters: Any, market: Market, port: ChildPort, options: ExecutionOptions
    ) -> None:
        """Send a pair, unless the terms or the venue are against it."""
        super().__init__(parent, parameters, market, port, options)
        self.native = parameters.trigger == Trigger.VENUE

    @property
    def stage(self) -> Stage:
        """How far it is; NATIVE: its pair is at the venue, or is to be sent."""
        return Stage.NATIVE if self.native else super().stage

    @property
    def prints(self) -> bool:  # type: ignore[override] # while it watches the stop
        """Whether it waits for a print."""
        return self._sent is None and super().prints

    @property
    def _sent(self) -> Order | None:
        """The limit order of the pair that was sent, while the venue watches its stop."""
        newest = self.parent.newest
        return newest if self.native and newest is not None and newest.flags & PAIRED else None

    def pair(self, price: int, size: int) -> Child | None:
        """A limit order at this price with its stop, as the venue accepts them; None, and kept from now on, if not."""
        stop = self._stop()
        self.native = self.native and self._fits(stop, price, size)
        return Child(price, size, TimeInForce.POST_ONLY, self.watched_side, stop=stop) if self.native else None

    def judge(self, price: int) -> None:
        """Trigger where a price has reached the trigger's: no pair is sent any more."""
        super().judge(price)
        self.native = self.native and not self.triggered

    def on_refused(self, refusal: Refusal) -> None:
        """Keep both, where risk refuses the pair."""
        if not self.native:
            super().on_refused(refusal)
        self.native = False

    def load(self, state: Sequence[int]) -> None:
        """Continue with a state that `dump` returned."""
        super().load(state)
        self.native = state[2] == Stage.NATIVE

    def _stop(self) -> Beside:
        """The stop of the pair."""
        side, bps = self.watched_side, self.parameters.slippage_bps
        limit = self.market.past(self.trigger_price, side, bps) if bps else 0
        return Beside(Waits(OrderType.STOP_LIMIT if limit else OrderType.STOP, self.trigger_price), limit)

    def _fits(self, stop: Beside, price: int, size: int) -> bool:
        """Whether the venue has pairs, and room and filters for this one."""
        one, kind, newest = self.market.instrument, stop.waits.order_type, self.parent.newest
        room = (
            (not one.algo_orders_max or self.port.natives(one.id) < one.algo_orders_max)
            and (not one.orders_max or self.port.crowd(one.id) + 2 <= one.orders_max)
            and (newest is None or newest.child + 2 <= REQUEST_MAX)
        )
        size_most = one.market_size_max if kind in UNPRICED_TYPES else 0
        whole = self.market.least(min(price, stop.price)) <= size and not size > size_most > 0
        return one.has_pairs and one.has_native(kind) and room and whole

    def _consider(self, now_ns: int) -> None:
        """Keep the stop here when the venue's has ended; send what it left, if it was triggered."""
        sent = self._sent
        if sent is not None:
            stop = sent.predecessor if sent.is_second else sent
            if stop is None or not stop.live:
                self._keep(stop, now_ns)
        super()._consider(now_ns)

    def _keep(self, stop: Order | None, now_ns: int) -> None:
        """Watch the stop here from now on, if it has not traded."""
        self.native, self.requested = False, True
        self.triggered = stop is not None and stop.venue_filled > 0
        if not self.triggered and self.market.sure(now_ns):
            self.judge(self.market.opposite(self.watched_side))

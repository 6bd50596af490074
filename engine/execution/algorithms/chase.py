"""Chase: a limit order kept at the best price of its own side, never beyond the parent's limit, until filled.

Each book event may move it. A child without fills is replaced in one request that does nothing if a fill overtakes it;
one with fills is cancelled first, and the exact rest is placed when the venue has reported the filled size. So the
fills of all children together never exceed the parent's size. Between two requests of a chase lie `interval_ms`; after
`rejects` rejections in a row it ends. With `hold_imbalance_ppm` a chase stays where it is while the price moves away
and the book leans towards it by more than this: more is offered than bid, for a buyer.

The defaults of its parameters are the configuration's `chase_*`.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Any

import msgspec

from engine.execution.algorithms.algorithm import LASTING, Algorithm, Child, ChildPort
from engine.execution.algorithms.market import Market, within
from engine.execution.config import ExecutionOptions
from engine.execution.orders.order import CANCELLED, EXPIRED, FILLED, OPEN, PARTLY, REJECTED, Order
from engine.execution.orders.parent import Parent
from engine.model.words import OrderFlag, TimeInForce
from engine.risk.gate import Refusal

PPM = 1_000_000
MS = 1_000_000
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class Need(Enum):
    """What a chase needs now."""

    NOTHING = 0
    MOVE = 1  # a child is open and may be moved
    PLACE = 2  # no child is open


class Chase(Algorithm):
    """One chase."""

    class Parameters(msgspec.Struct, frozen=True):
        """What an intent may set; 0: the configuration's."""

        interval_ms: Count = 0
        rejects: Count = 0
        hold_imbalance_ppm: Count = 0

    def __init__(
        self, parent: Parent, parameters: Any, market: Market, port: ChildPort, options: ExecutionOptions
    ) -> None:
        """Work a parent."""
        super().__init__(parent, parameters, market, port, options)
        self._interval_ns = parameters.interval_ms * MS or options.chase_interval_ns
        self._max_rejects = parameters.rejects or options.chase_rejects
        hold = parameters.hold_imbalance_ppm
        self._hold_imbalance = hold / PPM if hold else options.chase_hold_imbalance
        self._rejects = 0  # in a row

    def first(self, now_ns: int) -> Child:  # noqa: ARG002 - the pause begins when it is accepted
        """The whole size at the best price; post-only where the intent asks for it."""
        post_only = self.parent.time_in_force == TimeInForce.POST_ONLY
        return Child(self._price, self.parent.size, TimeInForce.POST_ONLY if post_only else TimeInForce.GTC)

    @property
    def done(self) -> bool:
        """Whether nothing is left, or the last child ended in a way that ends the chase."""
        order = self._standing
        if order.state == FILLED or not (order.live or self.parent.rest > 0):
            return True
        if self._wound_down or self._rejects >= self._max_rejects:
            return True
        moved = order.state == CANCELLED and order.flags & OrderFlag.REPRICING
        return not (order.live or moved or order.state in (REJECTED, EXPIRED))

    def on_accepted(self, now_ns: int) -> None:
        """Pause before the first move."""
        self._pause(now_ns)

    def on_book(self, now_ns: int) -> None:
        """Follow the best price."""
        self._consider(now_ns)

    def on_order(self, order: Order, now_ns: int) -> None:
        """Count rejections, and place what is left where a child has ended."""
        if order.state == REJECTED and (order.predecessor is None or not order.predecessor.live):
            self._rejects += 1
            self._pause(now_ns)
        elif order.state == OPEN:
            self._rejects = 0
        self._consider(now_ns)

    def on_time(self, now_ns: int) -> None:
        """Do what the pause kept back."""
        self._consider(now_ns)

    def dump(self) -> tuple[int, ...]:
        """The rejections in a row."""
        return (self._rejects,)

    def load(self, state: Sequence[int]) -> None:
        """Continue with this many rejections."""
        self._rejects = state[0]

    @property
    def _standing(self) -> Order:
        """The child that counts: the newest, or its predecessor when the newest was rejected."""
        order = self.parent.last
        while order.state == REJECTED and order.predecessor is not None and order.predecessor.live:
            order = order.predecessor
        return order

    @property
    def _wound_down(self) -> bool:
        """Whether the chase may place no child after its current one."""
        return bool(self._standing.flags & OrderFlag.CANCEL_WANTED) or self.parent.exhausted

    @property
    def _price(self) -> int:
        """The best price of the parent's side, not beyond its limit; 0 without a book."""
        side = self.parent.side
        return within(self.parent.limit_price, side, self.market.own(side))

    def _pause(self, now_ns: int) -> None:
        """Make the next request after the interval."""
        self.due_ns = now_ns + self._interval_ns

    def _need(self, now_ns: int) -> Need:
        """What the chase needs now."""
        order = self._standing
        if now_ns < self.due_ns or self._wound_down or self._rejects >= self._max_rejects:
            return Need.NOTHING
        if order.state in (OPEN, PARTLY):
            return Need.NOTHING if order.cancel_pending else Need.MOVE
        return Need.NOTHING if self.parent.live or self.done else Need.PLACE

    def _consider(self, now_ns: int) -> None:
        """Do what the chase needs, if the book may be used."""
        need = self._need(now_ns)
        if need == Need.MOVE and self.market.good:
            self._move(now_ns)
        elif need == Need.PLACE:
            self._place(now_ns)

    def _move(self, now_ns: int) -> None:
        """Follow the best price, if it moved."""
        order, price = self._standing, self._price
        if price == order.price or order.pending_replace is not None or self._holds(order, price):
            return
        self.due_ns = (
            now_ns + self._interval_ns if order.replaceable else now_ns
        )  # a cancel and its placement: one move
        refusal = self.port.replace(self, order, price, order.size, now_ns)
        if refusal is not None:
            self._on_refusal(refusal, order, now_ns)

    def _holds(self, order: Order, price: int) -> bool:
        """Whether to stay rather than move to this price: a worse one, in a book that leans towards the chase."""
        worse = (price - order.price) * order.side > 0
        return worse and -self.market.top.imbalance * order.side > self._hold_imbalance

    def _place(self, now_ns: int) -> None:
        """Place what is left."""
        self._pause(now_ns)
        if not self.market.good:
            return
        last = self.parent.last
        refusal = self.port.place(self, Child(self._price, self.parent.rest, last.time_in_force), now_ns)
        if refusal is not None:
            self._on_refusal(refusal, last, now_ns)

    def _on_refusal(self, refusal: Refusal, order: Order, now_ns: int) -> None:
        """Ask risk again after the pause, or end where no retry can succeed."""
        self._pause(now_ns)
        if refusal.reason in LASTING and not order.live:
            self._rejects = self._max_rejects

"""A limit order kept at a price that the book decides, never beyond the parent's limit, until filled.

Each book event may move it. A child without fills is replaced in one request that does nothing if a fill overtakes it;
one with fills is cancelled first, and the exact rest is placed when the venue has reported the filled size. So the
fills of all children together never exceed the parent's size. Between two requests lies `interval_ns`; after
`most_rejects` rejections in a row it ends. At `due_at_ns`, if the subclass sets it, `on_deadline` is called once.
"""

from abc import abstractmethod
from collections.abc import Sequence
from enum import Enum
from typing import Any

from engine.execution.algorithms.algorithm import LASTING, Algorithm, Child, ChildPort
from engine.execution.algorithms.market import Market
from engine.execution.config import ExecutionOptions
from engine.execution.orders.order import CANCELLED, EXPIRED, FILLED, OPEN, PARTLY, REJECTED, Order
from engine.execution.orders.parent import Parent
from engine.model.words import OrderFlag, TimeInForce
from engine.risk.gate import Refusal

MS = 1_000_000


class Need(Enum):
    """What the parent needs now."""

    NOTHING = 0
    MOVE = 1  # a child is open and may be moved
    PLACE = 2  # no child is open


class Follower(Algorithm):
    """One parent whose child follows the book."""

    def __init__(
        self, parent: Parent, parameters: Any, market: Market, port: ChildPort, options: ExecutionOptions
    ) -> None:
        """Work a parent."""
        super().__init__(parent, parameters, market, port, options)
        self.interval_ns: int = parameters.interval_ms * MS or options.chase_interval_ns
        self.most_rejects = options.chase_rejects
        self.pause_ns = 0  # no request before
        self._rejects = 0  # in a row
        self._over = False  # no further child is made
        self._deadline_passed = False

    @property
    @abstractmethod
    def price(self) -> int:
        """The price to be at, not beyond the parent's limit; 0 without a book."""

    @property
    def deadline_ns(self) -> int:
        """When `on_deadline` is called; 0: never."""
        return 0

    def on_deadline(self, now_ns: int) -> None:
        """The deadline has come."""

    def stays(self, order: Order, price: int) -> bool:  # noqa: ARG002 - for the subclass
        """Whether to stay rather than move to this price."""
        return False

    def first(self, now_ns: int) -> Child:  # noqa: ARG002 - the pause begins when it is accepted
        """The whole size; post-only where the intent asks for it."""
        post_only = self.parent.time_in_force == TimeInForce.POST_ONLY
        return Child(self.price, self.parent.size, TimeInForce.POST_ONLY if post_only else TimeInForce.GTC)

    @property
    def done(self) -> bool:
        """Whether nothing is left, or the last child ended in a way that ends the algorithm."""
        order = self._standing
        if order.state == FILLED or not (order.live or self.parent.rest > 0):
            return True
        if self._wound_down or self._rejects >= self.most_rejects:
            return True
        moved = order.state == CANCELLED and order.flags & OrderFlag.REPRICING
        return not (order.live or moved or order.state in (REJECTED, EXPIRED))

    def on_accepted(self, now_ns: int) -> None:
        """Pause before the first move."""
        self._pause(now_ns)
        self._sleep(now_ns)

    def on_book(self, now_ns: int) -> None:
        """Follow the price."""
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
        """The rejections in a row, and whether no further child is made."""
        return (self._rejects, int(self._over))

    def load(self, state: Sequence[int]) -> None:
        """Continue with this many rejections, and the pause that `due_ns` is."""
        self._rejects, self._over, self.pause_ns = state[0], bool(state[1]), self.due_ns

    def end(self, now_ns: int) -> None:
        """Make no further child, and cancel each that is live: where a replacement fails, the order before it lives."""
        self._over = True
        for child in self.parent.children:
            if child.live:
                self.port.cancel(self, child, now_ns)

    @property
    def _standing(self) -> Order:
        """The child that counts: the newest, or its predecessor when the newest was rejected."""
        order = self.parent.last
        while order.state == REJECTED and order.predecessor is not None and order.predecessor.live:
            order = order.predecessor
        return order

    @property
    def _wound_down(self) -> bool:
        """Whether no child may be placed after the current one."""
        return self._over or bool(self._standing.flags & OrderFlag.CANCEL_WANTED) or self.parent.exhausted

    def _pause(self, now_ns: int) -> None:
        """Make the next request after the interval."""
        self.pause_ns = now_ns + self.interval_ns

    def _sleep(self, now_ns: int) -> None:
        """Be called when the pause is over, or at the deadline before that."""
        self.due_ns = self.pause_ns
        if now_ns < self.deadline_ns and not now_ns < self.pause_ns < self.deadline_ns:
            self.due_ns = self.deadline_ns

    def _need(self, now_ns: int) -> Need:
        """What the parent needs now."""
        order = self._standing
        if now_ns < self.pause_ns or self._wound_down or self._rejects >= self.most_rejects:
            return Need.NOTHING
        if order.state in (OPEN, PARTLY):
            return Need.NOTHING if order.cancel_pending else Need.MOVE
        return Need.NOTHING if self.parent.live or self.done else Need.PLACE

    def _consider(self, now_ns: int) -> None:
        """Do what the parent needs, if the book may be used."""
        if self.deadline_ns and now_ns >= self.deadline_ns and not self._deadline_passed:
            self._deadline_passed, self.pause_ns = True, now_ns
            self.on_deadline(now_ns)
        need = self._need(now_ns)
        if need == Need.MOVE and self.market.good:
            self._move(now_ns)
        elif need == Need.PLACE:
            self._place(now_ns)
        self._sleep(now_ns)

    def _move(self, now_ns: int) -> None:
        """Follow the price, if it moved."""
        order, price = self._standing, self.price
        if price == order.price or order.pending_replace is not None or self.stays(order, price):
            return
        if order.replaceable:
            self._pause(now_ns)
        else:
            self.pause_ns = now_ns  # a cancel and its placement: one move
        self._sleep(now_ns)
        refusal = self.port.replace(self, order, price, order.size, now_ns)
        if refusal is not None:
            self._on_refusal(refusal, order, now_ns)

    def _place(self, now_ns: int) -> None:
        """Place what is left."""
        self._pause(now_ns)
        self._sleep(now_ns)
        if not self.market.good:
            return
        last = self.parent.last
        refusal = self.port.place(self, Child(self.price, self.parent.rest, last.time_in_force), now_ns)
        if refusal is not None:
            self._on_refusal(refusal, last, now_ns)

    def _on_refusal(self, refusal: Refusal, order: Order, now_ns: int) -> None:
        """Ask risk again after the pause, or end where no retry can succeed."""
        self._pause(now_ns)
        if refusal.reason in LASTING and not order.live:
            self._rejects = self.most_rejects

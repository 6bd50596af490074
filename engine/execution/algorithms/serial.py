"""Works a parent by one child at a time: the next child is placed when the last one has ended.

    child ended ─▶ `next_child` ─▶ risk ─▶ open ─▶ `outdated`? cancel ─▶ child ended …

A subclass decides the next child and when an open one is outdated. What is left of the parent is known exactly when no
child is live, so all children together never exceed it. Between two requests that risk or the venue refused, and after
each child, lies the configuration's `chase_interval_ns`; after `chase_rejects` rejections in a row, and after a refusal
that a retry would meet again, the algorithm ends with what is filled.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from engine.execution.algorithms.algorithm import LASTING, Algorithm, Child, ChildPort
from engine.execution.algorithms.market import Market
from engine.execution.config import ExecutionOptions
from engine.execution.orders.order import OPEN, PARTLY, REJECTED, Order
from engine.execution.orders.parent import Parent
from engine.risk.gate import Refusal

MS = 1_000_000


class Serial(Algorithm):
    """One parent, one child at a time."""

    def __init__(
        self, parent: Parent, parameters: Any, market: Market, port: ChildPort, options: ExecutionOptions
    ) -> None:
        """Work a parent."""
        super().__init__(parent, parameters, market, port, options)
        self.pause_ns = 0  # no request before
        self.until_ns = 0  # no child after, and none open; 0: no such time
        self._rejects = 0  # in a row
        self.over = False  # no further child is made

    def first(self, now_ns: int) -> Child | None:
        """The child that is due at once."""
        self.due_ns = now_ns
        self.begin(now_ns)
        child = self.next_child(now_ns)
        assert child is not None, f"parent {self.parent.intent_id:#x} begins without a child"
        return child

    def begin(self, now_ns: int) -> None:
        """Set what the algorithm keeps of its start."""

    @abstractmethod
    def next_child(self, now_ns: int) -> Child | None:
        """The next child, when none is live; None: not now. The first one is always due."""

    @abstractmethod
    def wake_ns(self, now_ns: int) -> int:
        """When time alone asks for something next; 0: never."""

    def outdated(self, order: Order, now_ns: int) -> bool:  # noqa: ARG002 - for the subclass
        """Whether an open child is to be cancelled now."""
        return False

    @property
    def done(self) -> bool:
        """Whether nothing is left, or no further child is made."""
        return self.over or self.parent.rest <= 0

    def on_accepted(self, now_ns: int) -> None:
        """Be called when the time asks for it."""
        self.pause(now_ns)
        self._sleep(now_ns)

    def on_book(self, now_ns: int) -> None:
        """Place what is due, or cancel an outdated child, at the new prices."""
        order = self.parent.newest
        if self.outdated(order, now_ns) if order is not None and order.live else now_ns >= self.pause_ns:
            self._consider(now_ns)

    def on_order(self, order: Order, now_ns: int) -> None:
        """Count rejections, and place what follows a child that has ended."""
        if self.failed(order):
            self._rejects += 1
            self.over = self.over or self.gives_up
        elif order.filled or order.state == OPEN:
            self._rejects = 0
        self._consider(now_ns)

    def on_time(self, now_ns: int) -> None:
        """Place or cancel what is due."""
        self._consider(now_ns)

    @property
    def gives_up(self) -> bool:
        """Whether it ends after so many failures in a row."""
        return self._rejects >= self.options.chase_rejects

    def failed(self, order: Order) -> bool:
        """Whether a child's end counts towards the failures in a row that end the algorithm."""
        return order.state == REJECTED

    def dump(self) -> tuple[int, ...]:
        """The rejections in a row, and whether no further child is made. A subclass adds its own."""
        return (self._rejects, int(self.over))

    def load(self, state: Sequence[int]) -> None:
        """Continue with a state that `dump` returned."""
        self._rejects, self.over = state[0], bool(state[1])

    def pause(self, now_ns: int) -> None:
        """Make the next request after the interval."""
        self.pause_ns = now_ns + self.options.chase_interval_ns

    def _consider(self, now_ns: int) -> None:
        """Cancel an outdated child, or place the next one when none is live."""
        order = self.parent.newest
        self.over = self.over or 0 < self.until_ns <= now_ns
        if self.done:
            self._end(order, now_ns)
        elif not self.parent.live:
            self._place(now_ns)
        elif order is not None and _is_cancellable(order) and self.outdated(order, now_ns):
            self.port.cancel(self, order, now_ns)
        self._sleep(now_ns)

    def _end(self, order: Order | None, now_ns: int) -> None:
        """Leave no child open: nothing follows it."""
        if order is not None and _is_cancellable(order):
            self.port.cancel(self, order, now_ns)

    def _place(self, now_ns: int) -> None:
        """Place the next child, if one is due and may be placed."""
        if now_ns < self.pause_ns or not self.market.good:
            return
        child = self.next_child(now_ns)
        if child is None or self.parent.exhausted:
            self.over = self.over or self.parent.exhausted
            return
        self.pause(now_ns)
        self.refusal = self.port.place(self, child, now_ns)
        if self.refusal is not None:
            self.on_refused(self.refusal)

    def on_refused(self, refusal: Refusal) -> None:
        """End where a retry would meet the same refusal."""
        self.over = self.over or refusal.reason in LASTING

    def _sleep(self, now_ns: int) -> None:
        """Be called at the next time that matters: while no child is live, not before the pause is over."""
        wake_ns = 0 if self.done else self.wake_ns(now_ns)
        if wake_ns and not self.parent.live:
            wake_ns = max(wake_ns, self.pause_ns)
        ends_first = now_ns < self.until_ns and not now_ns < wake_ns < self.until_ns
        self.due_ns = self.until_ns if ends_first and not self.done else wake_ns


def _is_cancellable(order: Order) -> bool:
    """Whether an order is open and no request that ends it is under way."""
    return order.state in (OPEN, PARTLY) and not order.cancel_pending

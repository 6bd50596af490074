"""One sweep: list the open orders, cancel ours, list again, until none is open and none can arrive any more.

    listing ─▶ orders of ours ─▶ cancels ─▶ all answered ─▶ listing … ─▶ none, asked for after `settled_ns` ─▶ clean

The venue's listing decides, never an answer to a cancel. An empty listing ends the sweep only if it was asked for when
no order of the dead execution could arrive any more: its receive window is over. Until then the pause between two
listings doubles, because a listing of all symbols is expensive at most venues.

A living execution keeps the orders that it placed itself: with `born_ns`, the start of its life, only orders that the
venue accepted before that time are cancelled, by the venue's clock and with the doubt of its measurement.
"""

from dataclasses import dataclass, field

from engine.model import client_id
from engine.venues.cancelling import CancelSession, OpenOrder

SECOND_NS = 1_000_000_000
GRAIN_NS = 1_000_000  # venues give an order's time in milliseconds, rounded down
LIST_LEAST_NS = SECOND_NS // 10  # between two listings
LIST_FIRST_NS, LIST_MOST_NS = SECOND_NS // 4, 5 * SECOND_NS  # the first and the longest pause while nothing is found
LATE_NS = SECOND_NS  # beyond the receive window, as each of the venue's servers has its own clock


@dataclass(slots=True)
class Bounds:
    """What a sweep may end, and when it is over; both change while it runs."""

    settled_ns: int | None = None  # no order can arrive after this time; None: execution may still send
    born_ns: int = 0  # the start of a living execution, whose own orders are kept; 0: none lives


@dataclass(slots=True)
class Sweep:
    """One sweep for one account. `mark` marks our orders; with `foreign` those of others are cancelled too."""

    session: CancelSession
    mark: bytes
    began_ns: int
    foreign: bool = False
    bounds: Bounds = field(default_factory=Bounds)
    clean: bool = False
    found: dict[bytes, str] = field(default_factory=dict)  # the symbol of every order that was cancelled, by its id
    _list_ns: int = 0
    _pause_ns: int = LIST_FIRST_NS
    _asked: set[bytes] = field(default_factory=set)  # the venue's ids of the orders whose cancel is under way

    def step(self, now_ns: int) -> None:
        """Ask for the next listing when it is due."""
        if not self.clean and now_ns >= self._list_ns:
            self._list_ns = now_ns + self._pause_ns
            self.session.list_orders(now_ns)

    def on_listing(self, orders: list[OpenOrder], asked_ns: int, now_ns: int) -> None:
        """Cancel what may be cancelled; without such an order, check whether the sweep is over."""
        meant = [one for one in orders if self._may_end(one)]
        self.found.update((one.client_id, one.symbol) for one in meant)
        for order in self._first_of_each_symbol(meant) if self._ends_symbols() else meant:
            if order.venue_order_id not in self._asked:
                self._cancel(order, now_ns)
        if meant:
            self._pause_ns, self._list_ns = LIST_FIRST_NS, now_ns + SECOND_NS
            return
        settled_ns = self.bounds.settled_ns
        self.clean = settled_ns is not None and asked_ns >= settled_ns
        self._list_ns = now_ns + self._pause_ns
        if settled_ns is not None and now_ns < settled_ns:
            self._list_ns = min(self._list_ns, settled_ns)
        self._pause_ns = min(2 * self._pause_ns, LIST_MOST_NS)

    def on_answer(self, order: OpenOrder, now_ns: int) -> None:
        """A cancel was answered or given up: after the last one, list again."""
        self._asked.discard(order.venue_order_id)
        if not self._asked:
            self._list_ns = min(self._list_ns, now_ns + LIST_LEAST_NS)

    def list_at(self, now_ns: int) -> None:
        """List at this time, whatever was found before."""
        self._list_ns = now_ns

    def _may_end(self, order: OpenOrder) -> bool:
        """Whether the order is ours (or every order is meant), and not of a living execution."""
        if not self.foreign and not (self.mark and client_id.is_ours(self.mark, order.client_id)):
            return False
        return not self.bounds.born_ns or order.venue_ns + GRAIN_NS <= self._born_at_venue_ns()

    def _born_at_venue_ns(self) -> int:
        return self.session.clock.venue_ns_least(self.bounds.born_ns)

    def _ends_symbols(self) -> bool:
        """Whether one request may end every order of a symbol: every order is meant, and no execution lives."""
        return self.foreign and not self.bounds.born_ns

    def _first_of_each_symbol(self, orders: list[OpenOrder]) -> list[OpenOrder]:
        return list({one.symbol: one for one in reversed(orders)}.values())

    def _cancel(self, order: OpenOrder, now_ns: int) -> None:
        """Cancel one order, or every order of its symbol."""
        self._asked.add(order.venue_order_id)
        if self._ends_symbols():
            self.session.cancel_symbol(order, now_ns)
        else:
            self.session.cancel(order, now_ns)

"""Flattening: close every position of a scope and confirm it with the venue. It holds until the scope's RESUME.

    CANCELLING ─ no order of the scope is open or in doubt ─▶ LISTING ─ the venue's listings agree ─▶ CLOSING
        ▲                                                                                              │ no position
        └── an order of the scope is found ── FLAT ◀─ orders, fills and balances agree again ─ CONFIRMING

1. The gate refuses the scope's new orders (`scopes.py`), and its open ones are cancelled. 2. The venue lists its open
orders and fills: an order that the journal lacks is adopted and cancelled, a fill that was missed is applied. 3. Each
strategy's position is closed by IOC limits (`closing.py`); the fills belong to that strategy. 4. The venue lists its
orders and fills once more, and the balances are compared. A position that is too small for an order remains and is
named. In FLAT the scope is still watched: a late fill leads back to CLOSING.

The state is derived from the blotter and the venue's answers, so a new life of execution begins at CANCELLING and
comes to the same end; only the command itself is in the journal.
"""

from collections.abc import Iterator

from engine.execution.flatten.closing import Closing, Rest
from engine.execution.intents.desk import Desk
from engine.execution.orders.blotter import Blotter
from engine.execution.orders.order import Order
from engine.execution.scopes import Scopes
from engine.execution.venue.balances import Balances
from engine.execution.venue.recovery import Recovery
from engine.model.fixed import to_text
from engine.model.scope import Held, Scope
from engine.model.words import FlattenState, OrderFlag
from engine.venues.session import VenueSession

SHOWN = 3  # positions that the text names
CANCEL_WANTED, OURS = OrderFlag.CANCEL_WANTED, OrderFlag.CLOSING


class Progress:
    """How far the flattening of one scope is."""

    __slots__ = ("asked_ns", "orders", "positions", "since_ns", "state", "text")

    def __init__(self, since_ns: int) -> None:
        """Begin with the cancels."""
        self.since_ns = since_ns  # of the command
        self.state = FlattenState.CANCELLING
        self.asked_ns = 0  # the comparison with the venue must begin after this time
        self.orders = 0  # open or in doubt
        self.positions = 0  # that are not flat and can be closed
        self.text = ""

    def begin(self, state: FlattenState, now_ns: int, text: str) -> None:
        """Enter a state."""
        self.state, self.asked_ns, self.text = state, now_ns, text


class Flatten:
    """Advances every flattening."""

    def __init__(
        self, scopes: Scopes, blotter: Blotter, desk: Desk, session: VenueSession, recovery: Recovery,
        balances: Balances, closing: Closing,
    ) -> None:  # fmt: skip
        """Begin without one."""
        self.progress: dict[Scope, Progress] = {}
        self._scopes = scopes
        self._blotter = blotter
        self._desk = desk
        self._session = session
        self._recovery = recovery
        self._balances = balances
        self._closing = closing

    def step(self, now_ns: int) -> int:
        """Do what each flattening needs now; how many of them changed their state."""
        count = 0
        for scope, held in self._scopes.flattening.items():
            one = self.of(scope, held)
            if one is None:
                one = self.progress[scope] = Progress(held.since_ns)
            before = one.state
            self._advance(scope, one, now_ns)
            count += one.state != before
        return count

    def of(self, scope: Scope, held: Held) -> Progress | None:
        """How far this flattening of a scope is; None before its first step, also after an earlier one of the scope."""
        one = self.progress.get(scope)
        return one if one is not None and one.since_ns == held.since_ns else None

    def _advance(self, scope: Scope, one: Progress, now_ns: int) -> None:
        """One scope."""
        orders = list(self._orders(scope))
        one.orders = len(orders)
        if not (self._session.up and self._recovery.complete):
            one.text = "the order session is not ready"
        elif open_orders := [order for order in orders if not order.flags & OURS]:
            one.begin(FlattenState.CANCELLING, now_ns, f"{len(open_orders)} orders are open or in doubt")
            self._cancel(open_orders, now_ns)
        elif one.state == FlattenState.CANCELLING:
            one.begin(FlattenState.LISTING, now_ns, "the venue lists its open orders and fills")
        elif one.state != FlattenState.LISTING or self._recovery.compared_since(one.asked_ns):
            self._close(scope, one, now_ns)

    def _close(self, scope: Scope, one: Progress, now_ns: int) -> None:
        """Close what is open; when nothing is left, confirm it."""
        left = list(self._left(scope, now_ns))
        one.positions = sum(rest.closable for rest in left)
        if one.positions or one.orders:
            why = _text([rest for rest in left if rest.closable]) or "its last orders are in flight"
            one.begin(FlattenState.CLOSING, now_ns, why)
        elif one.state in (FlattenState.LISTING, FlattenState.CLOSING):
            one.begin(FlattenState.CONFIRMING, now_ns, "the venue's orders, fills and balances are compared")
            self._balances.compare_soon(now_ns)
        elif one.state == FlattenState.CONFIRMING and self._is_confirmed(one.asked_ns):
            one.begin(FlattenState.FLAT, now_ns, _text(left))

    def _is_confirmed(self, since_ns: int) -> bool:
        """Whether the venue's listings and the balances of after this time agree with our fills."""
        return self._recovery.compared_since(since_ns) and self._balances.agreed_since(since_ns)

    def _orders(self, scope: Scope) -> Iterator[Order]:
        """The orders of a scope that are open or in doubt."""
        return (one for one in self._blotter.live.values() if scope.covers(one.strategy, one.instrument))

    def _cancel(self, orders: list[Order], now_ns: int) -> None:
        """Cancel the orders whose cancel was not asked for yet; the desk repeats a cancel that the venue refused."""
        for order in orders:
            if not order.flags & CANCEL_WANTED:
                self._desk.cancel(order, now_ns)

    def _left(self, scope: Scope, now_ns: int) -> Iterator[Rest]:
        """Send the orders that close the positions of a scope; what is left of each."""
        for position in self._blotter.ledger.positions:
            if position.strategy and scope.covers(position.strategy, position.instrument.id):
                rest = self._closing.close(position, now_ns)
                if rest is not None:
                    yield rest


def _text(left: list[Rest]) -> str:
    """What is left, the first positions with their reasons."""
    parts = [
        f"strategy {one.position.strategy} holds {to_text(one.position.held, one.position.terms.decimals)}"
        f" {one.position.instrument.symbol}: {one.why}"
        for one in left[:SHOWN]
    ]
    return "; ".join(parts + [f"and {len(left) - SHOWN} more"] * (len(left) > SHOWN))

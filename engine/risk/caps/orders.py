"""Caps on which orders may be open together: their number, orders that would trade with one another, duplicates."""

from engine.model.words import BUY, Reason
from engine.risk.cap_table import CapTable
from engine.risk.caps.registry import cap
from engine.risk.gate import Account, PlacedOrder, Proposed, Refusal

MS = 1_000_000
WINDOW_MOST = 60_000  # ms; the orders of a longer window may have been forgotten


@cap("max_open_orders", int)
class OpenOrders:
    """The account's orders that may still be filled, with the new one and without the one that it replaces.

    A pair, of which the venue fills one, is one.
    """

    exits = False

    def __init__(self, most: int) -> None:
        """Refuse a cap that allows no order."""
        if most < 1:
            raise ValueError("must be at least 1")
        self._most = most

    def precompute(self, table: CapTable) -> None:
        """Enter the bound into the table of the compiled approval."""
        table.bound_open_orders(self._most)

    def check(self, order: Proposed, account: Account) -> Refusal | None:
        """Refuse one order too many."""
        orders = account.sight.open_orders()
        if len(orders) < self._most:
            return None
        count = sum(not one.is_second for one in orders) + (not order.relief)
        return Refusal(Reason.TOO_MANY_ORDERS, count, self._most) if count > self._most else None


@cap("refuse_self_trade", bool)
class SelfTrade:
    """No entry reaches the price of an order of this account on the other side of the same instrument.

    Orders of every strategy count, and those whose cancel is not confirmed; an order that waits at the venue for its
    trigger does not: it is not in the book. It counts as soon as the venue reports that it was triggered.
    """

    exits = False

    def __init__(self, refuse: bool) -> None:
        """Refuse a value that changes nothing."""
        if not refuse:
            raise ValueError("must be true; delete the key to allow self-trades")

    def precompute(self, table: CapTable) -> None:
        """Have the compiled approval ask only while there is an order to trade with."""
        table.refuse_self_trade(self)

    def check(self, order: Proposed, account: Account) -> Refusal | None:
        """Refuse an order that could trade with another of ours."""
        prices = [
            one.price for one in account.sight.open_orders()
            if one.instrument == order.instrument_id and one.side == -order.side and not one.waiting
        ]  # fmt: skip
        if not prices:
            return None
        nearest = min(prices) if order.side == BUY else max(prices)
        reaches = (order.price - nearest) * order.side >= 0
        return Refusal(Reason.SELF_TRADE, order.price, nearest) if reaches else None


@cap("duplicate_window_ms", int)
class Duplicates:
    """No entry of a strategy repeats side, price and size of its order that was decided less than the window before.

    The children of an algorithm and the new order of a REPLACE are no duplicates: they follow another order.
    """

    exits = False

    def __init__(self, window_ms: int) -> None:
        """Refuse a window that bounds nothing, or reaches further back than orders are kept."""
        if not 1 <= window_ms <= WINDOW_MOST:
            raise ValueError(f"must be 1 to {WINDOW_MOST}")
        self._window_ns = window_ms * MS

    def precompute(self, table: CapTable) -> None:
        """Have the compiled approval ask only where an order has the same numbers."""
        table.refuse_repeats(self, self._window_ns)

    def check(self, order: Proposed, account: Account) -> Refusal | None:
        """Refuse an order that repeats another."""
        if order.follows_book or order.relief:
            return None
        oldest_ns = order.decided_ns - self._window_ns
        slack_ns = account.limits.max_intent_age_ns + account.limits.max_intent_ahead_ns
        for one in account.sight.newest_orders():
            if one.child or not one.intent_ns:
                continue
            if one.intent_ns < oldest_ns - slack_ns:  # orders enter in the order of their risk check, not of intents
                return None
            if abs(order.decided_ns - one.intent_ns) < self._window_ns and _repeats(order, one):
                return Refusal(Reason.DUPLICATE_ORDER, order.decided_ns - one.intent_ns, self._window_ns)
        return None


def _repeats(order: Proposed, one: PlacedOrder) -> bool:
    """Whether the order has the strategy, instrument, side, price and size of another."""
    mine = (order.strategy, order.instrument_id, order.side, order.price, order.size)
    return mine == (one.strategy, one.instrument, one.side, one.price, one.size)

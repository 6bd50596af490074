"""Orders that wait for a price, and the trades that trigger them.

The price of a trade triggers a stop, never the book. STOP_LOSS waits for a price that is worse for the order,
TAKE_PROFIT for one that is better. A trailing order follows the best price since its stop price was reached (without
one: since it was placed), and triggers when the price turns back from there by its delta.
"""

from collections import deque

from engine.loopback.orders import STOP_LOSSES, Kind, Order
from engine.model.words import BUY

BASIS_POINTS = 10_000


class Stops:
    """The waiting orders of all markets, and the triggered orders that have not been placed yet."""

    def __init__(self) -> None:
        """Begin without orders."""
        self.reached: deque[Order] = deque()
        self._waiting: dict[str, dict[int, Order]] = {}

    def add(self, order: Order, last: int, now_ns: int) -> None:
        """Add a waiting order; without a stop price it trails from the last price on."""
        if order.trailing and not order.stop and last:
            order.extreme, order.trailing_ns = last, now_ns
        self._waiting.setdefault(order.symbol, {})[order.id] = order

    def remove(self, order: Order) -> None:
        """Remove a waiting order."""
        self._waiting.get(order.symbol, {}).pop(order.id, None)

    def on_trade(self, symbol: str, price: int, now_ns: int) -> None:
        """Trigger the orders that a trade at this price reaches, the oldest first."""
        waiting = self._waiting.get(symbol)
        if not waiting:
            return
        for order in [one for one in waiting.values() if _reaches(one, price, now_ns)]:
            del waiting[order.id]
            self.reached.append(order)


def meets(kind: Kind, side: int, stop: int, price: int) -> bool:
    """Whether a price is at an order's stop price or beyond it."""
    rises = (kind in STOP_LOSSES) == (side == BUY)
    return price >= stop if rises else price <= stop


def _reaches(order: Order, price: int, now_ns: int) -> bool:
    """Whether a trade at this price triggers the order; updates the extreme of a trailing order."""
    if not order.trailing:
        return meets(order.kind, order.side, order.stop, price)
    if not order.extreme:
        if not order.stop or meets(order.kind, order.side, order.stop, price):
            order.extreme, order.trailing_ns = price, now_ns
        return False
    if order.side == BUY:
        order.extreme = min(order.extreme, price)
        return price * BASIS_POINTS >= order.extreme * (BASIS_POINTS + order.trailing)
    order.extreme = max(order.extreme, price)
    return price * BASIS_POINTS <= order.extreme * (BASIS_POINTS - order.trailing)

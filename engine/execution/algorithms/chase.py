"""Chases: a limit order kept at the best price of its own side, never beyond its cap, until filled or out of time.

Each book event may move it: an order without fills is replaced in one request that does nothing if a fill overtakes
it; one with fills is cancelled first and the exact rest is placed when the venue has said how much was filled. So the
fills of all its requests together never exceed the intent. Every request passes risk; between two requests of a chase
lies `chase_interval_ns`; after `chase_rejects` refusals in a row it ends. Where `chase_hold_imbalance` asks for it, a
chase stays where it is while the price goes away and the book leans towards it: more is offered than bid, for a buyer.
"""

from engine.execution.orders.client_id import REQUEST_MAX
from engine.execution.orders.order import CANCELLED, EXPIRED, FILLED, OPEN, PARTLY, REJECTED, Order
from engine.model.words import BUY, OrderFlag


class Chase:
    """One intent being chased: its whole size, and the request that stands for it."""

    __slots__ = ("next_ns", "order", "orders", "rejects", "size", "stopped")

    def __init__(self, order: Order) -> None:
        """Begin with the first request, whose size is the whole."""
        self.order = order
        self.orders = [order]
        self.size = order.size
        self.next_ns = 0
        self.rejects = 0
        self.stopped = False

    @property
    def rest(self) -> int:
        """What is still to be bought or sold, by the venue's word on every request."""
        return self.size - sum(order.venue_filled for order in self.orders)

    @property
    def standing(self) -> Order:
        """The request that counts: the newest, or its predecessor when the newest never came to be."""
        order = self.order
        while order.state == REJECTED and order.predecessor is not None and order.predecessor.live:
            order = order.predecessor
        return order

    def add(self, order: Order) -> None:
        """A further request; those that ended without a fill are let go."""
        self.orders = [one for one in self.orders if one.live or one.venue_filled]
        self.orders.append(order)
        self.order = order

    def holds(self, price: int, imbalance: float, threshold: float) -> bool:
        """Whether to stay rather than move to this price: a worse one, in a book that leans towards the chase."""
        order = self.standing
        return (price - order.price) * order.side > 0 and -imbalance * order.side > threshold

    def price(self, bid: int, ask: int) -> int:
        """The best price of its side, held within its cap."""
        cap = self.order.limit_price
        if self.order.side == BUY:
            return min(bid, cap) if cap else bid
        return max(ask, cap)


def wants(chase: Chase, now_ns: int, max_rejects: int) -> str:  # noqa: PLR0911 - a table of cases, in order
    """What a chase needs now: "end", "move" (it stands and may be moved), "place" (nothing stands) or "" (wait)."""
    order = chase.standing
    if order.state == FILLED or (not order.live and chase.rest <= 0):
        return "end"
    if chase.stopped or order.flags & OrderFlag.CANCEL_WANTED or chase.order.reprice >= REQUEST_MAX:
        return "" if order.live or order.flags & OrderFlag.FILLS_MISSING else "end"
    if chase.rejects >= max_rejects:
        return "" if order.live else "end"
    if now_ns < chase.next_ns:
        return ""
    if order.state in (OPEN, PARTLY):
        return "" if order.cancel_pending else "move"
    if order.live:
        return ""
    repriced = order.state == CANCELLED and order.flags & OrderFlag.REPRICING
    return "place" if repriced or order.state in (REJECTED, EXPIRED) else "end"

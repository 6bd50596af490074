"""How long the venue took to answer the orders of one execution, from check to check."""

from statistics import median

from engine.alerts.order_lane import new_orders
from engine.lanes.ports import RingReader


class Answers:
    """Follows ORDERS of one execution; the record whose change is the venue's first answer has both times."""

    def __init__(self, orders: RingReader) -> None:
        """Begin with the orders that follow."""
        self._orders = orders
        self._orders.cursor = orders.end
        self._found: list[int] = []

    def update(self) -> None:
        """Read the changes since the last call."""
        for row in new_orders(self._orders, self._found.clear):
            if row.sent_ns and row.answer_ns == row.now_ns > row.sent_ns:
                self._found.append(row.answer_ns - row.sent_ns)

    def median_ns(self) -> float:
        """The median in nanoseconds since the last call; nan without an answer."""
        found, self._found = self._found, []
        return median(found) if found else float("nan")

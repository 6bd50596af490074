"""The parents of the router, by ROUTE_ORDERS: those that work, and those that have traded more than their size."""

from typing import TYPE_CHECKING

from engine.alerts.order_lane import new_orders
from engine.lanes.ports import RingReader
from engine.model.words import DONE_STATES

if TYPE_CHECKING:
    from engine.model.rows import OrderRow


class Routes:
    """Follows ROUTE_ORDERS. A looker may be lapped: then it forgets all and follows the later changes."""

    def __init__(self, orders: RingReader) -> None:
        """Begin with the oldest record that the lane holds."""
        self._orders = orders
        self._orders.cursor = orders.oldest
        self.open: dict[int, OrderRow] = {}  # by intent
        self.overfilled: list[OrderRow] = []  # since the last check
        self._reported: dict[int, int] = {}  # by intent: the filled size of the newest report

    def update(self) -> None:
        """Apply the changes since the last call."""
        self.overfilled = []
        for row in new_orders(self._orders, self.open.clear):
            self.open.pop(row.intent_id, None)
            if row.state not in DONE_STATES:
                self.open[row.intent_id] = row
            if row.filled > max(row.size, self._reported.get(row.intent_id, 0)):
                self._reported[row.intent_id] = row.filled
                self.overfilled.append(row)

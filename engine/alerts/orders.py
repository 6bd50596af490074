"""The orders of one execution that wait for the venue: sent, unknown, or with a cancel in flight."""

from typing import NamedTuple

from engine.alerts.order_lane import new_orders
from engine.lanes.ports import RingReader
from engine.model.words import OrderFlag, OrderState

WAITING = frozenset({OrderState.CREATED, OrderState.SENT, OrderState.UNKNOWN, OrderState.CANCELLING})
FOREIGN = int(OrderFlag.FOREIGN)


class Waiting(NamedTuple):
    """An order that waits."""

    client_id: bytes
    instrument: int
    state: OrderState
    since_ns: int


class WaitingOrders:
    """Follows ORDERS of one execution. A looker may be lapped: then it forgets all and follows the later changes."""

    def __init__(self, orders: RingReader) -> None:
        """Begin with the oldest order that the lane holds."""
        self._orders = orders
        self._orders.cursor = orders.oldest
        self._waiting: dict[bytes, Waiting] = {}

    def update(self) -> None:
        """Apply the changes since the last call."""
        for row in new_orders(self._orders, self._waiting.clear):
            if row.flags & FOREIGN or row.state not in WAITING:
                self._waiting.pop(row.client_id, None)
                continue
            known = self._waiting.get(row.client_id)
            since_ns = known.since_ns if known is not None else row.now_ns
            self._waiting[row.client_id] = Waiting(row.client_id, row.instrument, OrderState(row.state), since_ns)

    def older_than(self, since_ns: int) -> list[Waiting]:
        """The orders that wait since an earlier time, the oldest first."""
        return sorted((one for one in self._waiting.values() if one.since_ns < since_ns), key=lambda one: one.since_ns)

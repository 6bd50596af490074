"""What risk's caps read of the blotter: open orders and the latest orders."""

from collections.abc import Callable, Collection, Iterable

from engine.execution.orders.blotter import Blotter
from engine.execution.orders.order import Order


class OrderSight:
    """The account's orders; the gate is made before the blotter, so the blotter comes from a function."""

    def __init__(self, blotter: Callable[[], Blotter]) -> None:
        """Read this blotter."""
        self._blotter = blotter

    def open_orders(self) -> Collection[Order]:
        """The orders that may still be filled."""
        return self._blotter().live.values()

    def newest_orders(self) -> Iterable[Order]:
        """The orders that are not forgotten, the newest first."""
        return reversed(self._blotter().orders.values())

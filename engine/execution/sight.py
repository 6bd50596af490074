"""What risk's caps and breakers read of execution: open orders, the latest orders, the venue's heartbeats."""

from collections.abc import Callable, Collection, Iterable

from engine.execution.orders.blotter import Blotter
from engine.execution.orders.order import Order
from engine.venues.trading.clock import VenueClock


class OrderSight:
    """The account's orders and its session; the gate is made before both, so they come from functions."""

    def __init__(self, blotter: Callable[[], Blotter], clock: Callable[[], VenueClock]) -> None:
        """Read this blotter, and this session's clock."""
        self._blotter = blotter
        self._clock = clock

    def open_orders(self) -> Collection[Order]:
        """The orders that may still be filled."""
        return self._blotter().live.values()

    def newest_orders(self) -> Iterable[Order]:
        """The orders that are not forgotten, the newest first."""
        return reversed(self._blotter().orders.values())

    def heartbeats(self) -> Iterable[tuple[int, int]]:
        """When the venue was asked for its time and when it answered, 0: not yet; the newest first."""
        return reversed(self._clock().asked.items())

"""Our resting orders of one symbol, each with its place in the real market's queue.

An order joins behind the whole real level. The models of what then moves it forward are `engine/book/place_in_queue`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from engine.book.place_in_queue import ahead_of
from engine.loopback.market import DECIMALS, Market
from engine.loopback.order_book import Book
from engine.loopback.orders import Order
from engine.loopback.paper.real_book import RealBook

FAMILIES = {"conservative": 0, "power": 1, "log": 2}


@dataclass(frozen=True, slots=True)
class Queue:
    """What a decrease of a level that no print explains does for an order in it: see `place_in_queue`."""

    family: str = "conservative"
    exponent: float = 0.5  # of "power"

    def __post_init__(self) -> None:
        """Refuse an unknown family."""
        if self.family not in FAMILIES:
            raise ValueError(f"queue {self.family!r}: expected one of {', '.join(FAMILIES)}")
        if not self.exponent > 0:
            raise ValueError(f"exponent {self.exponent}: expected a number above 0")


class Scale(NamedTuple):
    """The decimals of a symbol's numbers on our lanes."""

    price_decimals: int
    size_decimals: int

    @property
    def price_unit(self) -> int:
        """One of the lane's prices, with eight decimals."""
        return int(10 ** (DECIMALS - self.price_decimals))

    @property
    def size_unit(self) -> int:
        """One of the lane's sizes, with eight decimals."""
        return int(10 ** (DECIMALS - self.size_decimals))


@dataclass(slots=True)
class Place:
    """An order's place."""

    ahead: int
    traded: int = 0  # by prints at its price since the level's last change


class PaperBook(Book):
    """Our own resting orders, in the order in which the real market would fill them."""

    def __init__(self, market: Market, first_id: int, real: RealBook, queue: Queue, unit: int) -> None:
        """Without orders. `unit`: one of the lane's sizes with eight decimals."""
        super().__init__(market, first_id)
        self.real, self._queue, self._unit = real, queue, unit
        self._places: dict[int, Place] = {}

    def add(self, order: Order) -> None:
        """Let an order rest behind the real level of its price."""
        super().add(order)
        self._places[order.id] = Place(self.real.side(order.side).size(order.price))

    def shrink(self, order: Order, size: int) -> None:
        """Subtract a size from a resting order; a smaller order keeps its place."""
        super().shrink(order, size)
        if not (order.open and order.remaining):
            self._places.pop(order.id, None)

    def reached(self, side: int, price: int) -> Iterator[Order]:
        """Our orders of a side at this price or a better one for the market, in the order of their fills."""
        half = self.side(side)
        for key in list(half.keys):
            if (abs(key) - price) * side < 0:
                return
            yield from list(half.levels[key].values())

    def follow(self, side: int, price: int, before: int, after: int) -> None:
        """A real level has changed: move our orders at its price forward."""
        half = self.side(side)
        for order_id in half.levels.get(half.key(price), ()):
            place = self._places[order_id]
            place.ahead = self._ahead_after(place, before, after)
            place.traded = 0

    def pass_print(self, order: Order, size: int, left: int) -> int:
        """Move an order forward by a print of `size` at its price, of which `left` is left; what reaches the order."""
        place = self._places[order.id]
        reaches = max(left - place.ahead, 0)
        place.ahead = max(place.ahead - left, 0)
        place.traded += size
        return reaches

    def ahead(self, order: Order) -> int:
        """The real size before a resting order."""
        return self._places[order.id].ahead

    def _ahead_after(self, place: Place, before: int, after: int) -> int:
        unit, queue = self._unit, self._queue
        step = self.market.size_step // unit
        numbers = (one // unit for one in (place.ahead, place.traded, before, after))
        return unit * ahead_of(FAMILIES[queue.family], queue.exponent, step, *numbers)

"""A Kraken of single orders, made from the documentation alone: its book, the window of a subscription, its words.

Nothing of the engine is used: queues are lists, numbers are decimal texts, the checksum is zlib's over the documented
text. The book is deeper than any window, so levels leave the window without a word and come back as new orders.
"""

import json
import random
import zlib
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

PRICE_DECIMALS, SIZE_DECIMALS = 1, 8
MIDDLE = 449_395
REACH = 40
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
CHECKED = 10


@dataclass
class Order:
    """One resting order; price and size are whole numbers of the smallest unit."""

    name: str
    side: int
    price: int
    size: int
    stamp: int  # the number of a moment: later ones are higher


@dataclass
class OrderVenue:
    """One pair's orders, moved by a seed; `depth` is what the client subscribed."""

    symbol: str
    random: random.Random
    depth: int = 10
    levels: dict[int, dict[int, list[Order]]] = field(default_factory=lambda: {1: {}, -1: {}})
    moment: int = 0

    def __post_init__(self) -> None:
        """Begin with a few orders at each of thirty prices a side."""
        for side in (1, -1):
            for step in range(1, 31):
                for _ in range(self.random.randint(1, 4)):
                    self.arrive(side, MIDDLE - side * step)

    def arrive(self, side: int, price: int, size: int = 0) -> Order:
        """An order comes."""
        self.moment += 1
        size = size or self.random.choice((1, 70, 1000, self.random.randint(1, 10**9)))
        order = Order(self.name(), side, price, size, self.moment)
        self.levels[side].setdefault(price, []).append(order)
        return order

    def name(self) -> str:
        """An id as the venue gives them."""
        letters = self.random.choices(LETTERS, k=16)
        return f"O{''.join(letters[:5])}-{''.join(letters[5:10])}-{''.join(letters[10:])}"

    def window(self, side: int) -> list[int]:
        """The prices that the client follows, best first."""
        return sorted(self.levels[side], reverse=side > 0)[: self.depth]

    def best(self, side: int) -> list[tuple[int, int]]:
        """The window's levels with their sums."""
        return [(price, sum(order.size for order in self.levels[side][price])) for price in self.window(side)]

    def queue(self, side: int, price: int) -> list[tuple[str, int]]:
        """The orders at a price, first one first."""
        return [(order.name, order.size) for order in self.levels[side].get(price, ())]

    def snapshot(self) -> str:
        """The window, whole."""
        sides = {
            side: [entry(order, "") for price in self.window(side) for order in self.levels[side][price]]
            for side in (1, -1)
        }
        return self.frame("snapshot", sides)

    def move(self, count: int = 3) -> str:
        """Some events happen; return what the client receives of them in one message."""
        before = {side: set(self.window(side)) for side in (1, -1)}
        events = [self.happen() for _ in range(count)]
        sides: dict[int, list[dict[str, Any]]] = {}
        for side in (1, -1):
            after = set(self.window(side))
            come = [entry(order, "add") for price in after - before[side] for order in self.levels[side][price]]
            self.random.shuffle(come)  # a level that comes into the window is not sent in its turn
            pushed = set(self.levels[side]) - after  # and a level that leaves it is not sent at all
            here = [
                message
                for where, message in events
                if where == side and message["limit_price"] in before[side] - pushed
            ]
            sides[side] = here + come
        return self.frame("update", sides)

    def happen(self) -> tuple[int, dict[str, Any]]:
        """One event: an order comes, is filled in part, is removed, becomes larger. Return its side and its message."""
        side = self.random.choice((1, -1))
        what = self.random.random()
        if what < 0.5 or len(self.levels[side]) < 20:
            return side, entry(self.arrive(side, MIDDLE - side * self.random.randint(1, REACH)), "add")
        price = self.random.choice(self.window(side)[:12])
        queue = self.levels[side][price]
        order = queue[0] if what < 0.7 else self.random.choice(queue)
        if what < 0.7 and order.size > 1:
            order.size -= self.random.randint(1, order.size - 1)
            return side, entry(order, "modify")
        if what < 0.8:
            return side, entry(self.enlarge(queue, order), "modify")
        queue.remove(order)
        if not queue:
            del self.levels[side][price]
        return side, entry(order, "delete")

    def enlarge(self, queue: list[Order], order: Order) -> Order:
        """Its owner makes it larger, and it loses its place."""
        self.moment += 1
        order.size += self.random.randint(1, 10**6)
        order.stamp = self.moment
        queue.remove(order)
        queue.append(order)
        return order

    def frame(self, kind: str, sides: dict[int, list[dict[str, Any]]]) -> str:
        """A message as it is on the wire: numbers as a program prints them."""
        rows = {side: ",".join(written(one) for one in sides[side]) for side in (1, -1)}
        return (
            f'{{"channel":"level3","type":"{kind}","data":[{{"checksum":{documented(self)},"symbol":"{self.symbol}",'
            f'"timestamp":"{clock(self.moment)}","bids":[{rows[1]}],"asks":[{rows[-1]}]}}]}}'
        )


def documented(venue: OrderVenue) -> int:
    """Asks from low to high, bids from high to low: of each order the digits of price and size."""
    text = ""
    for side in (-1, 1):
        for price in venue.window(side)[:CHECKED]:
            for order in venue.levels[side][price]:
                for number in (priced(price), sized(order.size)):
                    text += number.replace(".", "").lstrip("0")
    return zlib.crc32(text.encode())


def priced(number: int) -> str:
    """A price with all its digits."""
    return str(Decimal(number).scaleb(-PRICE_DECIMALS))


def sized(number: int) -> str:
    """A size with all its digits."""
    return format(Decimal(number).scaleb(-SIZE_DECIMALS), "f")


def entry(order: Order, event: str) -> dict[str, Any]:
    """An order's entry in a message."""
    head = {"event": event} if event else {}
    return head | {"order_id": order.name, "limit_price": order.price, "order_qty": order.size, "stamp": order.stamp}


def written(one: dict[str, Any]) -> str:
    """The same on the wire."""
    event = f'"event":"{one["event"]}",' if "event" in one else ""
    price, size = printed(one["limit_price"], PRICE_DECIMALS), printed(one["order_qty"], SIZE_DECIMALS)
    return (
        f'{{{event}"order_id":"{one["order_id"]}","limit_price":{price},"order_qty":{size},'
        f'"timestamp":"{clock(one["stamp"])}"}}'
    )


def printed(number: int, decimals: int) -> str:
    """Without closing zeros, with an exponent where it is small: 0.564, 420.0, 1e-05."""
    return repr(float(Decimal(number).scaleb(-decimals)))


def clock(moment: int) -> str:
    """A moment as the venue writes time."""
    minutes, seconds = divmod(moment, 60)
    return f"2024-01-08T{12 + minutes // 60:02}:{minutes % 60:02}:{seconds:02}.526146327Z"


def parse(frame: str) -> dict[str, Any]:
    """A frame with its numbers as text."""
    found: dict[str, Any] = json.loads(frame, parse_float=str, parse_int=str)
    return found

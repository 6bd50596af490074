"""Time priority in the matching engine, against an oracle, in a flow where many orders wait at each level.

The oracle keeps one list of waiting orders with the number of their arrival and sorts it for every incoming order. It
shares no code with the matching engine. The counts at the end of a run prove that the flow depends on arrival.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import pytest

from engine.loopback.ledger import Ledger
from engine.loopback.market import Market, fixed
from engine.loopback.matching import Matching
from engine.loopback.orders import Kind, Order, OrderRequest, Prevention, Until
from engine.model.words import BUY, SELL

MARKET = Market("BTCUSDT", "BTC", "USDT", notional_min=1, open_orders_max=1_000_000)
PRICE, SIZE = fixed("100"), fixed("0.1")
ACCOUNTS = ("ann", "bob", "cat", "dan", "eve")
MODES = tuple(Prevention)
EVENTS = 6_000
Fill = tuple[int, int, int, int]  # resting number, incoming number, price, size


@dataclass(slots=True)
class Waiting:
    """One order that waits in the oracle."""

    number: int
    account: str
    side: int
    price: int
    left: int
    arrival: int
    amended: bool = False


@dataclass(frozen=True, slots=True)
class Coming:
    """One order on its way in."""

    number: int
    account: str
    side: int
    price: int
    size: int
    mode: Prevention
    rests: bool


class Oracle:
    """Price first, then arrival: sort who waits, and meet them from the front."""

    def __init__(self) -> None:
        """No order waits."""
        self.waiting: dict[int, Waiting] = {}
        self.fills: list[Fill] = []
        self.seen: Counter[str] = Counter()
        self._arrivals = 0

    def queue(self, side: int, price: int) -> list[int]:
        """The numbers that wait at a level, the oldest first."""
        level = [one for one in self.waiting.values() if (one.side, one.price) == (side, price)]
        return [one.number for one in sorted(level, key=lambda one: one.arrival)]

    def place(self, order: Coming) -> None:
        """Meet the other side; what is left waits at the end of its level, or is gone."""
        left = order.size
        facing = [w for w in self.waiting.values() if w.side == -order.side and (order.price - w.price) * w.side <= 0]
        for other in sorted(facing, key=lambda w: (w.price * order.side, w.arrival)):
            if not left:
                return
            left = self._meet(order, other, left)
        if left and order.rests:
            self._arrivals += 1
            self.waiting[order.number] = Waiting(
                order.number, order.account, order.side, order.price, left, self._arrivals
            )

    def amend(self, number: int, left: int) -> None:
        """Reduce an order's remaining size; its arrival stays."""
        self.waiting[number].left = left
        self.waiting[number].amended = True

    def _meet(self, order: Coming, other: Waiting, left: int) -> int:
        """Trade with one waiting order, or prevent it; return the incoming order's remaining size."""
        if other.account == order.account and order.mode is not Prevention.NONE:
            return self._prevent(order, other, left)
        step = min(left, other.left)
        others_after = len(self.queue(other.side, other.price)) > 1
        self.seen["others wait after it"] += others_after
        self.seen["amended, others wait after it"] += other.amended and others_after
        self.seen["partial"] += step < other.left
        self.fills.append((other.number, order.number, other.price, step))
        self._take(other, step)
        return left - step

    def _prevent(self, order: Coming, other: Waiting, left: int) -> int:
        """Let the side give way that the incoming order's mode names."""
        self.seen[order.mode] += 1
        step = min(left, other.left) if order.mode is Prevention.DECREMENT else other.left
        if order.mode is not Prevention.EXPIRE_TAKER:
            self._take(other, step)
        return {Prevention.EXPIRE_MAKER: left, Prevention.DECREMENT: left - step}.get(order.mode, 0)

    def _take(self, other: Waiting, size: int) -> None:
        """Take a size off a waiting order."""
        other.left -= size
        if not other.left:
            del self.waiting[other.number]


class Run:
    """One seed's flow through the matching engine and the oracle."""

    def __init__(self, seed: int) -> None:
        """Rich accounts and an empty book."""
        ledger = Ledger()
        for name in ACCOUNTS:
            ledger.open(name)
            for asset in ("BTC", "USDT"):
                ledger.deposit(name, asset, fixed("1000000000"))
        self.matching, self.oracle = Matching([MARKET], ledger), Oracle()
        self.orders: dict[int, Order] = {}
        self.numbers: dict[int, int] = {}
        self._random = Random(seed)
        self._number = 0

    def play(self) -> None:
        """Live through all events; the books and the money are checked at every hundredth."""
        for event in range(EVENTS):
            draw = self._random.randrange(100)
            if draw < 80 or not self.oracle.waiting:
                self._place()
            elif draw < 86:
                self._cancel(self._some())
            elif draw < 93:
                self._enter_again(self._some())
            else:
                self._amend(self._some())
            if not event % 100:
                self.matching.check()

    def fills(self) -> list[Fill]:
        """The matching engine's trades in their order."""
        sides = {(f.trade_id, f.maker): self.numbers[o.id] for o in self.orders.values() for f in o.fills}
        prints = self.matching.prints
        return [(sides[p.trade_id, True], sides[p.trade_id, False], p.price, p.size) for p in prints]

    def queues(self) -> Iterator[tuple[list[int], list[int]]]:
        """Each level's queue in the matching engine and in the oracle."""
        book = self.matching.books[MARKET.symbol]
        for half in (book.bids, book.asks):
            for key, level in half.levels.items():
                yield [self.numbers[o] for o in level], self.oracle.queue(half.side, abs(key))

    def _some(self) -> int:
        """One of the orders that wait."""
        return self._random.choice(list(self.oracle.waiting))

    def _place(self) -> None:
        """An order near the middle: one in three crosses it, and meets more than one waiting order."""
        side, offset = self._random.choice((BUY, SELL)), self._random.choice((-2, -1, -1, 1, 1, 2, 2, 2, 3))
        price, most = 100 - side * offset, 90 if offset < 0 else 30
        size, rests = self._random.randint(5, most), offset > 0 or self._random.randrange(8) == 0
        self._send(Coming(0, self._random.choice(ACCOUNTS), side, price, size, self._random.choice(MODES), rests))

    def _send(self, order: Coming) -> None:
        """Place one order in both."""
        self._number += 1
        until = Until.GTC if order.rests else Until.IOC
        request = OrderRequest(
            order.account, MARKET.symbol, f"n{self._number}", order.side, Kind.LIMIT, until, order.price * PRICE,
            order.size * SIZE, prevention=order.mode,
        )  # fmt: skip
        found = self.matching.place(request, self._number)
        assert isinstance(found, Order), found
        self.orders[self._number], self.numbers[found.id] = found, self._number
        self.oracle.place(
            Coming(
                self._number, order.account, order.side, order.price * PRICE, order.size * SIZE, order.mode, order.rests
            )
        )

    def _cancel(self, number: int) -> None:
        """Cancel one waiting order in both."""
        self.matching.cancel(self.orders[number], "gone", self._number)
        del self.oracle.waiting[number]

    def _enter_again(self, number: int) -> None:
        """Cancel one waiting order and send it again: it must wait after the others now."""
        was = self.oracle.waiting[number]
        self.oracle.seen["entered again, after others"] += len(self.oracle.queue(was.side, was.price)) > 1
        self._cancel(number)
        self._send(Coming(0, was.account, was.side, was.price // PRICE, was.left // SIZE, Prevention.NONE, rests=True))

    def _amend(self, number: int) -> None:
        """Reduce one waiting order: it must keep its place."""
        was = self.oracle.waiting[number]
        if was.left < 2 * SIZE:
            return
        left = self._random.randrange(1, was.left // SIZE) * SIZE
        order = self.orders[number]
        assert self.matching.amend(order, order.size - order.remaining + left, order.client_id, self._number) is None
        self.oracle.amend(number, left)


def compare(run: Run) -> None:
    """Hold the matching engine's fills, queues and rests against the oracle's."""
    run.play()
    assert run.fills() == run.oracle.fills
    for found, expected in run.queues():
        assert found == expected
    left = {number: one.left for number, one in run.oracle.waiting.items()}
    assert {run.numbers[i]: o.remaining for v in run.matching.open.values() for i, o in v.items()} == left


@pytest.mark.parametrize("seed", [20, 37, 1129])
def test_orders_at_one_price_are_filled_in_the_order_of_their_arrival(seed: int) -> None:
    """A venue without time priority gives a strategy fills in tests that it would not get at a real venue."""
    run = Run(seed)
    compare(run)
    seen = run.oracle.seen
    sys.stdout.write(f"seed {seed}: {len(run.oracle.fills)} fills, {dict(seen)}\n")
    assert len(run.oracle.fills) > 2_000
    assert seen["others wait after it"] > 1_500
    assert seen["partial"] > 400
    assert seen["amended, others wait after it"] > 100
    assert seen["entered again, after others"] > 300
    assert min(seen[mode] for mode in MODES if mode is not Prevention.NONE) > 60


def test_canary_a_last_in_first_out_level_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison must fail when the youngest order of a level is filled first."""

    def youngest_first(self: Matching, order: Order) -> Iterator[Order]:
        half = self.books[order.market.symbol].side(-order.side)
        for key in half.keys:
            if (order.price - abs(key)) * order.side < 0:
                return
            yield from reversed(half.levels[key].values())

    monkeypatch.setattr(Matching, "_facing", youngest_first)
    with pytest.raises(AssertionError):
        compare(Run(20))

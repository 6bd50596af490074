"""The book of orders against two references: a recorded stock exchange, and the matching engine of the chaos."""

import csv
import io
import os
import random
from pathlib import Path

import pytest
import zstandard

from engine.book import OrderBook
from engine.loopback.ledger import Ledger
from engine.loopback.market import Market, fixed
from engine.loopback.matching import Matching
from engine.loopback.orders import Kind, OrderRequest, Prevention, Rejection, Until
from engine.model.words import BUY, SELL

CAPTURES = Path(os.environ.get("STEELYARD_CAPTURES", "../shared/captures"))
LOBSTER = CAPTURES / "other_venues"
MARKET = Market("BTCUSDT", "BTC", "USDT", notional_min=fixed("1"), open_orders_max=10_000)
NEW, REDUCED, GONE, EXECUTED, HIDDEN = 1, 2, 3, 4, 5


def rows(name: str) -> list[list[str]]:
    """A packed table."""
    packed = (LOBSTER / f"AAPL_2012-06-21_first999_{name}_10.csv.zst").read_bytes()
    text = zstandard.ZstdDecompressor().decompressobj().decompress(packed).decode()
    return list(csv.reader(io.StringIO(text)))


def unnamed(side: int, price: int) -> int:
    """An id for the size at a price before the recording began: no order of the venue has one so large."""
    return (1 << 100) + 2 * price + (side > 0)


def levels_of(row: list[str]) -> list[tuple[int, int, int]]:
    """A recorded book as (side, price, size)."""
    numbers = [int(text) for text in row]
    return [(-1 if i % 4 == 0 else 1, numbers[i], numbers[i + 1]) for i in range(0, len(numbers), 2)]


def apply(book: OrderBook, kind: int, number: int, size: int, price: int, side: int) -> None:
    """Send one message. An order that the recording never introduced was there before, or beyond the recorded depth."""
    if kind == NEW:
        assert book.add(number, side, price, size)
    elif kind in (REDUCED, GONE, EXECUTED) and book.order(number) is not None:
        assert book.match(number, size)
        assert kind != GONE or book.order(number) is None, "a deletion left some of the order"
    elif kind in (REDUCED, GONE, EXECUTED):
        book.match(unnamed(side, price), size)


def reveal(book: OrderBook, before: list[str], row: list[str], price: int) -> None:
    """A level that enters the recording's ten is accepted as it is: no message described it while it was deeper."""
    known = {level[:2] for level in levels_of(before)}
    for side, level, size in levels_of(row):
        if (side, level) not in known and level != price:
            for number, _ in book.queue(side, level):
                book.remove(number)
            book.add(unnamed(side, level), side, level, size)


@pytest.mark.skipif(not LOBSTER.is_dir(), reason=f"no recorded traffic in {CAPTURES}")
def test_a_recorded_stock_exchange_is_rebuilt_order_by_order() -> None:
    """Nasdaq's AAPL: after each of 998 messages the best bid and ask, price and size, are those of the recording."""
    messages, books = rows("message"), rows("orderbook")
    book = OrderBook()
    kind, number, size, price, side = (int(text) for text in messages[0][1:])
    assert kind == NEW
    assert book.add(number, side, price, size)
    for level_side, level_price, level_size in levels_of(books[0]):
        before = size if (level_side, level_price) == (side, price) else 0
        if level_size > before:
            assert book.add(unnamed(level_side, level_price), level_side, level_price, level_size - before)
    equal = executions = in_turn = 0
    for message, previous, expected in zip(messages[1:], books, books[1:], strict=False):
        kind, number, size, price, side = (int(text) for text in message[1:])
        if kind == EXECUTED and book.order(number) is not None:
            executions += 1
            in_turn += book.ahead(number) == (0, 0)
        apply(book, kind, number, size, price, side)
        reveal(book, previous, expected, price)
        best = [(side, *(book.levels.best(side) or ())) for side in (-1, 1)]
        equal += best == levels_of(expected)[:2]
    assert equal == 998
    assert executions > 50
    assert in_turn == executions, "an order was executed that, by its place in the queue, was not next"


def place(matching: Matching, draw: random.Random, number: int) -> None:
    """One of three accounts places some order around a price that all of them like."""
    side = draw.choice((BUY, SELL))
    price = fixed("100") + (draw.randrange(-8, 4) * side) * fixed("0.01")
    until = draw.choice((Until.GTC, Until.GTC, Until.GTC, Until.IOC))
    size = draw.randrange(200, 2000) * fixed("0.0001")
    account = draw.choice(("ann", "bob", "cat"))
    request = OrderRequest(
        account,
        "BTCUSDT",
        f"c{number}",
        side,
        Kind.LIMIT,
        price=price,
        size=size,
        until=until,
        prevention=Prevention.NONE,
    )
    assert not isinstance(matching.place(request, number), Rejection)


def follow(book: OrderBook, matching: Matching, before: dict[int, int]) -> dict[int, int]:
    """Apply to the book, one message each, what an event did to the resting orders; return what rests afterwards."""
    reference = matching.books["BTCUSDT"]
    resting = {
        order.id: order
        for half in (reference.bids, reference.asks)
        for q in half.levels.values()
        for order in q.values()
    }
    for number, size in before.items():
        left = resting[number].remaining if number in resting else 0
        if 0 < left < size:
            assert book.match(number, size - left)
        elif not left:
            assert book.ahead(number) is not None
            assert book.remove(number)
    for number, order in resting.items():
        if number not in before:
            assert book.add(number, order.side, order.price, order.remaining)
    return {number: order.remaining for number, order in resting.items()}


@pytest.mark.parametrize("seed", range(3))
def test_queues_stay_those_of_a_reference_matcher(seed: int) -> None:
    """Fed with what happens to orders, the book knows every order's place exactly as the matcher keeps it."""
    print("seed", seed)  # noqa: T201
    draw = random.Random(seed)
    ledger = Ledger()
    for name in ("ann", "bob", "cat"):
        ledger.open(name)
        for asset in ("BTC", "USDT"):
            ledger.deposit(name, asset, fixed("100000000"))
    matching = Matching([MARKET], ledger)
    book, resting = OrderBook(), {}
    for number in range(1200):
        if resting and draw.random() < 0.2:
            matching.cancel(matching.orders["BTCUSDT", draw.choice(list(resting))], f"x{number}", number)
        else:
            place(matching, draw, number)
        resting = follow(book, matching, resting)
        for side, half in ((1, matching.books["BTCUSDT"].bids), (-1, matching.books["BTCUSDT"].asks)):
            assert book.levels.top(side, 100) == half.depth(100)
            for queue in half.levels.values():
                orders = list(queue.values())
                assert book.queue(side, orders[0].price) == [(order.id, order.remaining) for order in orders]
    assert book.count() > 20

"""The embedded exchange's book: levels in order, totals, and the changes that a stream sends."""

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from engine.loopback.market import Market
from engine.loopback.order_book import Book
from engine.loopback.orders import (
    CONTINGENT,
    STOP_LOSSES,
    TIMED,
    UNPRICED,
    Execution,
    Expiry,
    Happening,
    Kind,
    Order,
    OrderRequest,
    Prevention,
    Print,
    Status,
    Until,
)
from engine.model.words import BUY, SELL

MARKET = Market("BTCUSDT", "BTC", "USDT")


def order(number: int, side: int, price: int, size: int) -> Order:
    """One that may rest."""
    return Order(
        number, "ann", MARKET, "", side, Kind.LIMIT, Until.GTC, price, size, 0, Prevention.NONE, 0, 0
    )  # fmt: skip


def test_a_new_book_is_empty_and_counts_from_its_first_number() -> None:
    """A venue that restarts must not use an order's number twice."""
    book = Book(MARKET, 500)
    assert (book.order_id, book.trade_id, book.update_id, book.last_price, book.changes) == (500, 500, 1, 0, set())
    assert (Book(MARKET).order_id, book.bids.best(), book.asks.depth(5)) == (0, (0, 0), [])
    assert (book.side(BUY), book.side(SELL)) == (book.bids, book.asks)
    assert (book.bids.side, book.asks.side) == (BUY, SELL)


def test_levels_are_best_first_on_both_sides() -> None:
    """Price priority is the order of the keys."""
    book = Book(MARKET)
    for number, price in enumerate((101, 103, 102), start=1):
        book.add(order(number, SELL, price, price))
        book.add(order(number + 10, BUY, price - 10, price))
    assert book.asks.depth(2) == [(101, 101), (102, 102)]
    assert book.bids.depth(2) == [(93, 103), (92, 102)]
    assert (book.asks.best(), book.bids.best()) == ((101, 101), (93, 103))
    assert (book.asks.total(103), book.asks.total(104), book.bids.total(91), book.bids.total(-91)) == (103, 0, 101, 0)
    book.check()


def test_each_change_of_a_level_is_numbered_and_named() -> None:
    """A client keeps its copy of the book by these numbers."""
    book, one, two = Book(MARKET), order(1, SELL, 101, 5), order(2, BUY, 99, 7)
    book.add(one)
    book.add(two)
    assert (book.update_id, book.changes) == (3, {(SELL, 101), (BUY, 99)})
    book.changes.clear()
    one.filled = 2
    book.shrink(one, 2)
    assert (book.update_id, book.changes, book.asks.best()) == (4, {(SELL, 101)}, (101, 3))


def test_a_level_ends_with_its_last_order_and_keeps_those_that_came_after() -> None:
    """An order that is left in its level would be filled once more."""
    book, first, second = Book(MARKET), order(1, SELL, 101, 5), order(2, SELL, 101, 7)
    book.add(order(3, SELL, 100, 1))
    book.add(order(4, SELL, 102, 1))
    for one in (first, second):
        book.add(one)
    first.filled = 5
    book.shrink(first, 5)
    assert (list(book.asks.levels[101]), book.asks.total(101)) == ([2], 7)
    second.status = Status.CANCELED
    book.shrink(second, 7)
    assert (book.asks.keys, sorted(book.asks.levels), sorted(book.asks.totals)) == ([100, 102],) * 3
    book.check()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda book: book.asks.keys.reverse(),
        lambda book: book.asks.totals.update({101: 6}),
        lambda book: setattr(book.asks.levels[101][1], "filled", 5),
        lambda book: setattr(book.asks.levels[101][1], "status", Status.CANCELED),
        lambda book: book.add(order(9, BUY, 101, 1)),
    ],
)
def test_canary_a_book_that_is_wrong_is_found(spoil: Any) -> None:
    """The check that every other test leans on must fail where the book is spoilt."""
    book = Book(MARKET)
    for number, price in ((1, 101), (2, 102)):
        book.add(order(number, SELL, price, 5))
    book.add(order(3, BUY, 100, 5))
    book.check()
    spoil(book)
    with pytest.raises(AssertionError):
        book.check()


def test_only_kinds_with_a_stop_wait_for_a_price_and_only_kinds_with_a_price_name_a_time() -> None:
    """A field that the venue would refuse, or miss, decides whether a client's order is accepted."""
    stops = {kind for kind in Kind if "STOP" in kind or "PROFIT" in kind}
    assert (stops, {kind for kind in Kind if "STOP" in kind}) == (CONTINGENT, STOP_LOSSES)
    assert {Kind.MARKET, Kind.STOP_LOSS, Kind.TAKE_PROFIT} == UNPRICED
    assert set(Kind) - UNPRICED - {Kind.LIMIT_MAKER} == TIMED


def test_an_order_that_names_no_more_has_no_more() -> None:
    """A stop, a fill or a time that no test set would have an effect."""
    request = OrderRequest("ann", "BTCUSDT", "", BUY, Kind.LIMIT)
    assert (request.until, request.price, request.size, request.quote_size) == (Until.GTC, 0, 0, 0)
    assert (request.prevention, request.stop, request.trailing) == ("", 0, 0)
    one = order(1, BUY, 100, 5)
    assert (one.status, one.filled, one.spent, one.prevented, one.prevented_match_id) == (Status.NEW, 0, 0, 0, -1)
    assert (one.stop, one.trailing, one.extreme, one.trailing_ns, one.worth, one.hold) == (0, 0, 0, -1, 0, 0)
    assert (one.working_ns, one.works, one.contingent, one.remaining, one.open) == (-1, False, False, 5, True)
    assert (one.symbol, one.order_list, one.expiry) == ("BTCUSDT", None, Expiry.NONE)
    for name in ("stop", "trailing"):
        waits = order(2, BUY, 100, 5)
        setattr(waits, name, 1)
        assert waits.contingent
    one.working_ns, one.filled, one.prevented = 0, 2, 1
    assert (one.works, one.remaining) == (True, 2)
    assert Print("BTCUSDT", 1, 100, 5, True, 0).taker_id == 0
    reported = Execution(Happening.NEW, one, Status.NEW, 0, 0, 0, 1)
    assert (reported.fill, reported.cancel_id, reported.prevented, reported.amended, reported.working_ns) == (
        None,
        "",
        None,
        None,
        -1,
    )
    assert one != order(1, BUY, 100, 5), "two orders are never one"


def test_a_request_never_changes() -> None:
    """The event must carry the order that was refused or accepted."""
    request: Any = OrderRequest("ann", "BTCUSDT", "", BUY, Kind.LIMIT)
    with pytest.raises(FrozenInstanceError):
        request.size = 1

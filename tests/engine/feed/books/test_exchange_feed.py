"""The feed of a venue that sends every order: numbers of a product, books over REST, and its channel of levels."""

from collections.abc import Iterator

import pytest

from engine.model.words import BookState, TickKind
from tests.engine.feed.feed_fakes import Bench
from tests.engine.venues.coinbase_exchange.exchange_oracle import (
    MAKER,
    TIME,
    done,
    made,
    matched,
    name,
    opened,
    raw,
)

PRODUCTS = [
    {
        "id": product, "base_currency": product[:3], "quote_currency": "USD", "quote_increment": "0.01",
        "base_increment": "1e-08", "min_market_funds": "1", "status": "online", "trading_disabled": False,
    }
    for product in ("BTC-USD", "ETH-USD")
]  # fmt: skip
GOOD, SUSPECT, RESYNCING = BookState.GOOD, BookState.SUSPECT, BookState.RESYNCING


def acknowledged(*channels: str) -> bytes:
    """The venue's list of all subscriptions."""
    named = [{"name": channel, "product_ids": ["BTC-USD", "ETH-USD"]} for channel in channels]
    return raw({"type": "subscriptions", "channels": named})


def book(sequence: int) -> dict[str, object]:
    """A product's orders: two at 100.00, one at 101.00."""
    bids = [["100.00", "1", name(1)], ["100.00", "2", name(2)]]
    return {"bids": bids, "asks": [["101.00", "3", name(3)]], "sequence": sequence, "time": TIME}


def make(venue: str, **more: object) -> Bench:
    """A feed of two products whose metadata is known."""
    made_bench = Bench(venue=venue, symbols={"BTC-USD": 7, "ETH-USD": 8}, **more)
    made_bench.ports.rest.answers["/products/BTC-USD/book?level=3"] = book(100)
    made_bench.ports.rest.answers["/products/ETH-USD/book?level=3"] = book(500)
    made_bench.ports.rest.answers["/products"] = PRODUCTS
    made_bench.ports.acknowledge = False
    made_bench.connect()
    made_bench.step()
    return made_bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Both books good, at 101 and 501."""
    found = make("coinbase-exchange", levels=True)
    found.step(0.02, acknowledged("full", "heartbeat"))
    for _ in range(40):
        found.step()
    found.step(0.02, raw(made("received", 101)), raw(made("received", 501, product="ETH-USD")))
    assert (found.state(7), found.state(8)) == (GOOD, GOOD)
    found.published()
    list(found.levels.rows())
    yield found
    found.close()


def test_every_order_is_subscribed_and_the_book_asked_for() -> None:
    """`full` for the orders, heartbeats for quiet times, level 3 for the orders that were there before."""
    bench = make("coinbase-exchange")
    try:
        bench.step(0.02, raw(made("received", 99)), raw(opened(100, name(2), "100.00", "2")))
        bench.step(0.02, raw(opened(101, name(4), "100.50", "1")), acknowledged("full", "heartbeat"))
        for _ in range(10):
            bench.step()
        assert bench.stream.sent == [
            {"type": "subscribe", "product_ids": ["BTC-USD", "ETH-USD"], "channels": ["full", "heartbeat"]}
        ]
        assert "/products/BTC-USD/book?level=3" in bench.ports.rest.asked
        assert bench.state(7) == GOOD
        track = bench.feed.pipeline.tracks[0]
        assert (track.dropped, track.orders.count()) == (2, 4)
        assert (bench.top().bid_price[:2], bench.top().bid_size[:2]) == ((10050, 10000), (10**8, 3 * 10**8))
    finally:
        bench.close()


def test_orders_move_levels_and_trades_are_published(bench: Bench) -> None:
    """A trade with the first in the queue: the level shrinks by it, the print has the taker's side."""
    bench.step(0.02, raw(matched(102, name(1), "100.00", "1", trade=5)), raw(done(103, name(1), "0", reason="filled")))
    rows = bench.published()
    assert [(row.price, row.size, row.detail) for row in bench.levels.rows() if row.kind == TickKind.LEVEL] == [
        (10000, 2 * 10**8, 3 * 10**8)
    ]
    assert [(row.side, row.price, row.size) for row in rows if row.kind == TickKind.PRINT] == [(-1, 10000, 10**8)]
    assert [(row.side, row.size) for row in rows if row.kind == TickKind.BEST] == [(1, 2 * 10**8)]
    assert bench.feed.pipeline.tracks[0].orders.ahead(2) == (0, 0)


def test_messages_about_no_order_of_the_book_are_not_published(bench: Bench) -> None:
    """Most orders come and go without being open: readers must not be woken for them."""
    books = bench.top().change_count
    bench.step(0.02, raw(made("received", 102)), raw(done(103, name(50), "0", reason="filled")))
    assert bench.published() == []
    assert bench.top().change_count == books
    assert bench.feed.pipeline.tracks[0].rule.last == 103


def test_a_hole_in_a_products_numbers_is_published_first_and_mends_that_book_alone(bench: Bench) -> None:
    """The other product goes on; a new answer of REST makes it whole, with what came meanwhile."""
    bench.ports.rest.answers["/products/BTC-USD/book?level=3"] = book(104)
    bench.step(0.02, raw(opened(103, name(4), "100.50", "1")), raw(made("received", 104)))
    assert bench.published()[0].detail == SUSPECT
    assert bench.state(8) == GOOD
    for _ in range(40):
        bench.step()
    assert bench.state(7) in (GOOD, RESYNCING)
    bench.step(0.02, raw(opened(105, name(5), "100.70", "1")))
    assert bench.state(7) == GOOD
    assert bench.top().bid_price[0] == 10070
    track = bench.feed.pipeline.tracks[0]
    assert (track.gaps, track.resyncs, len(bench.ports.streams)) == (1, 1, 1)


def test_an_answer_older_than_the_stream_is_asked_for_again(bench: Bench) -> None:
    """A cached book must not be bridged over a hole."""
    bench.step(0.02, raw(made("received", 110)))
    for _ in range(60):
        bench.step()
    assert bench.state(7) != GOOD
    assert bench.feed.pipeline.tracks[0].refetches >= 1
    bench.ports.rest.answers["/products/BTC-USD/book?level=3"] = book(110)
    for _ in range(30):
        bench.step(0.2, raw(made("heartbeat", 110)))
    bench.step(0.02, raw(made("received", 111)))
    assert bench.state(7) == GOOD


def test_what_contradicts_the_book_is_published_at_once(bench: Bench) -> None:
    """A trade names an order that the book does not have: the book was wrong before, even if the numbers follow."""
    bench.step(0.02, raw(matched(102, MAKER, "100.00", "1")))
    assert next(row for row in bench.published() if row.kind == TickKind.STATE).detail == SUSPECT
    assert bench.state(8) == GOOD


def test_a_message_that_cannot_be_read_makes_its_book_suspect(bench: Bench) -> None:
    """At once, and not when the next number shows the hole."""
    bench.step(0.02, raw(opened(102, MAKER, "100.01", "1", side="up")))
    assert bench.state(7) in (SUSPECT, RESYNCING)
    assert (bench.state(8), bench.feed.malformed) == (GOOD, 1)


def test_a_price_finer_than_the_instrument_is_named(bench: Bench) -> None:
    """The venue changed its step: no snapshot can mend that, in orders no more than in levels."""
    bench.step(0.02, raw(opened(102, MAKER, "100.001", "1")))
    assert (bench.state(7), bench.state(8)) == (BookState.MISFIT, GOOD)


def test_a_book_older_than_its_heartbeat_grows_stale_and_a_quiet_one_does_not(bench: Bench) -> None:
    """A quiet product sends its sequence every second; a higher one means that its last message was lost."""
    for second in range(69):
        bench.step(1, raw(made("heartbeat", 101)), raw(made("heartbeat", 501 + (second > 60), product_id="ETH-USD")))
    assert (bench.state(7), bench.state(8)) == (GOOD, BookState.STALE)


def test_a_book_that_stays_older_than_its_heartbeat_is_subscribed_again(bench: Bench) -> None:
    """A book must not stay stale for ever: the stopped channel is an error, and is subscribed to again, alone."""
    bench.stream.sent.clear()
    for _ in range(20):
        bench.step(1, raw(made("heartbeat", 101)), raw(made("heartbeat", 502, product_id="ETH-USD")))
    assert (bench.state(7), bench.state(8)) == (GOOD, BookState.REFUSED)
    assert [(message["type"], message["product_ids"]) for message in bench.stream.sent[:2]] == [
        ("unsubscribe", ["ETH-USD"]), ("subscribe", ["ETH-USD"]),
    ]  # fmt: skip
    bench.ports.rest.answers["/products/ETH-USD/book?level=3"] = book(502)
    bench.step(0.1, acknowledged("full", "heartbeat"), raw(made("received", 503, product="ETH-USD")))
    for _ in range(40):
        bench.step(0.1)
    bench.step(0.1, raw(made("received", 504, product="ETH-USD")))
    bench.ports.rest.answers["/products/ETH-USD/book?level=3"] = book(504)
    for _ in range(40):
        bench.step(0.1)
    assert bench.state(8) == GOOD


def test_a_refusal_is_an_error_with_the_venues_words() -> None:
    """The venue refuses `full` without a key for each product: the log names the refusal, not silence."""
    bench = make("coinbase-exchange")
    no = raw({"type": "error", "message": "Failed to subscribe", "reason": "full requires authentication"})
    try:
        for _ in range(12):
            if bench.stream.sent:
                bench.stream.sent.clear()
                bench.stream.inbox.append(no)
            bench.step(0.2)
        assert "refused: Failed to subscribe full requires authentication" in bench.feed.connections.failure
        assert bench.state(7) == BookState.DISCONNECTED
    finally:
        bench.close()


def test_levels_come_with_their_subscription_and_a_missing_trade_resyncs() -> None:
    """Without a key changes have no numbers, so the trades' own numbers show that a message was lost."""
    bench = make("coinbase-exchange-level2")
    try:
        snapshot = {"type": "snapshot", "product_id": "BTC-USD", "bids": [["100.00", "1"]], "asks": [["101.00", "1"]]}
        change = {"type": "l2update", "product_id": "BTC-USD", "changes": [["buy", "100.50", "2"]], "time": TIME}
        bench.step(0.2, raw(snapshot), raw(change), acknowledged("level2_50", "heartbeat"))
        bench.step(0.2)
        bench.step(0.2, acknowledged("level2_50", "matches", "heartbeat"))
        requests = [message["channels"] for message in bench.stream.sent]
        assert requests == [["level2_batch", "heartbeat"], ["matches", "heartbeat"]]
        assert (bench.state(7), bench.top().bid_price[0]) == (GOOD, 10050)
        bench.step(0.02, raw(matched(5, MAKER, "100.50", "1", trade=5)), raw(matched(9, MAKER, "100.50", "1", trade=6)))
        assert bench.state(7) == GOOD
        bench.published()
        bench.step(0.02, raw(matched(12, MAKER, "100.50", "1", trade=8)))
        for _ in range(3):
            bench.step(0.2)
        rows = bench.published()
        assert next(row.detail for row in rows if row.kind == TickKind.STATE) == SUSPECT
        assert [row.size for row in rows if row.kind == TickKind.PRINT] == [10**8]
        requests = [message["type"] for message in bench.stream.sent[2:] if "BTC-USD" in message["product_ids"]]
        assert requests[:2] == ["unsubscribe", "subscribe"]
        bench.step(0.02, raw(snapshot))
        assert (bench.state(7), bench.top().bid_price[0]) == (GOOD, 10000)
    finally:
        bench.close()

"""The feed of Kraken's channel of orders against a venue of orders that is made from the documentation alone."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

import shm
from engine.model.words import BookState, TickKind
from engine.venues.kraken.kind import KRAKEN
from engine.venues.kraken.order_market import KrakenOrderDialect
from tests.engine.feed.feed_fakes import Bench
from tests.engine.venues.kraken.order_venue import OrderVenue
from tests.engine.venues.kraken.test_order_scan import number_of

PAIRS = {
    "result": {
        name: {"wsname": name, "pair_decimals": 1, "lot_decimals": 8, "ordermin": "0.0001", "costmin": "0.5"}
        for name in ("XBT/USD", "ETH/USD")
    }
}
HEARTBEAT = b'{"channel":"heartbeat"}'
GOOD, SUSPECT, RESYNCING = BookState.GOOD, BookState.SUSPECT, BookState.RESYNCING


class Orders:
    """Two books of orders, each with its venue's messages."""

    def __init__(self, seed: int, depth: int = 100) -> None:
        """Subscribed and good."""
        draw = random.Random(seed)
        self.venues = {symbol: OrderVenue(symbol, draw, depth=depth) for symbol in ("BTC/USD", "ETH/USD")}
        self.bench = Bench(venue="kraken-level3", symbols={"BTC/USD": 7, "ETH/USD": 8}, levels=True)
        self.bench.ports.rest.answers["/0/public/AssetPairs"] = PAIRS
        self.bench.ports.acknowledge = False
        self.bench.connect()
        self.bench.step()
        for symbol in self.venues:
            self.bench.step(0.2, acknowledged(symbol))
            self.send(symbol, "snapshot")

    def send(self, symbol: str, what: str = "move", *, wrong: bool = False) -> None:
        """A message of a venue, or one whose checksum is spoilt."""
        venue = self.venues[symbol]
        frame = venue.snapshot() if what == "snapshot" else venue.move()
        self.bench.step(0.02, spoilt(frame) if wrong else frame.encode())

    def assert_true(self, symbol: str) -> None:
        """Every level and every queue is the venue's."""
        venue, track = self.venues[symbol], self.track(symbol)
        for side in (1, -1):
            assert track.book.top(side, 10**6) == venue.best(side)
            for price in venue.window(side):
                expected = [(number_of(name), size) for name, size in venue.queue(side, price)]
                assert track.orders.queue(side, price) == expected
        assert track.orders.count() == sum(
            len(venue.queue(side, price)) for side in (1, -1) for price in venue.window(side)
        )

    def track(self, symbol: str) -> object:
        """The feed's track of a symbol."""
        return next(track for track in self.bench.feed.pipeline.tracks if track.symbol == symbol)

    def asked(self) -> list[tuple[str, str]]:
        """The requests about books that the feed sent after the first subscription."""
        return [(message["method"], message["params"]["symbol"][0]) for message in self.bench.stream.sent[2:]]


def spoilt(frame: str) -> bytes:
    """A frame with another checksum."""
    number = json.loads(frame)["data"][0]["checksum"]
    return frame.replace(f'"checksum":{number}', f'"checksum":{number ^ 1}').encode()


def acknowledged(symbol: str) -> bytes:
    """The venue's answer to a subscription."""
    result = {"channel": "level3", "snapshot": True, "symbol": symbol}
    return json.dumps({"method": "subscribe", "result": result, "success": True}).encode()


@pytest.fixture
def seed() -> int:
    """Another one each time; printed."""
    chosen = random.SystemRandom().randrange(1 << 32)
    print("seed", chosen)  # noqa: T201
    return chosen


@pytest.fixture
def orders(seed: int) -> Iterator[Orders]:
    """Both books good."""
    made = Orders(seed)
    yield made
    made.bench.close()


@pytest.mark.parametrize("depth", [10, 100])
def test_queues_and_levels_are_the_venues_through_thousands_of_messages(
    depth: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fills, amendments, levels that leave the window without a word and come back out of turn: not one miscount."""
    market = replace(KRAKEN.markets["level3"], dialect=lambda: KrakenOrderDialect(depth=depth))
    monkeypatch.setitem(KRAKEN.markets, "level3", market)
    orders = Orders(seed, depth)
    try:
        orders.assert_true("BTC/USD")
        for turn in range(1500):
            orders.send("BTC/USD")
            if turn % 50 == 0:
                orders.assert_true("BTC/USD")
        orders.assert_true("BTC/USD")
        track = orders.track("BTC/USD")
        assert (track.suspect, track.contradictions, track.checksum_checked) == (0, 0, 1501)
        assert (track.depth, track.checksum_ok, orders.bench.feed.malformed) == (depth, 1501, 0)
    finally:
        orders.bench.close()


def test_the_books_are_subscribed_with_their_depth_and_nothing_is_asked_over_rest(orders: Orders) -> None:
    """A subscription begins with the snapshot; no trades on this address."""
    expected = {"channel": "level3", "depth": 100, "snapshot": True}
    assert [message["params"] for message in orders.bench.stream.sent] == [
        expected | {"symbol": ["BTC/USD"]}, expected | {"symbol": ["ETH/USD"]}
    ]  # fmt: skip
    assert orders.bench.stream.target == "/v2"
    assert {target.partition("?")[0] for target in orders.bench.ports.rest.asked} == {"/0/public/AssetPairs"}
    assert (orders.bench.state(7), orders.bench.state(8)) == (GOOD, GOOD)


def test_a_checksum_that_fails_is_published_first_and_resubscribes_that_book_alone(orders: Orders) -> None:
    """The feed finds it at once; it publishes no level of the message, and the other book goes on."""
    list(orders.bench.levels.rows())
    orders.send("BTC/USD", wrong=True)
    row = next(row for row in orders.bench.levels.rows() if not isinstance(row, shm.Lapped))
    assert (row.kind, row.detail) == (TickKind.STATE, SUSPECT)
    for _ in range(60):
        orders.send("ETH/USD")
    assert (orders.bench.state(7), orders.bench.state(8)) == (RESYNCING, GOOD)
    assert orders.asked() == [("unsubscribe", "BTC/USD"), ("subscribe", "BTC/USD")]
    orders.send("BTC/USD")  # a change that was under way
    orders.send("BTC/USD", "snapshot")
    orders.send("BTC/USD")
    assert orders.bench.state(7) == GOOD
    orders.assert_true("BTC/USD")
    track = orders.track("BTC/USD")
    assert (track.suspect, track.resyncs, len(orders.bench.ports.streams)) == (1, 1, 1)


def test_a_message_that_never_came_is_missed(orders: Orders) -> None:
    """No number shows it: the checksum or an unknown order does, before a wrong level is published."""
    venue = orders.venues["BTC/USD"]
    orders.bench.published()
    lost = 0
    while orders.bench.state(7) == GOOD:
        venue.move(10)
        lost += 1
        orders.send("BTC/USD")
        assert lost < 50
    rows = orders.bench.published()
    assert next(row.detail for row in rows if row.kind == TickKind.STATE) == SUSPECT
    orders.send("BTC/USD", "snapshot")
    assert orders.bench.state(7) == GOOD
    orders.assert_true("BTC/USD")


@pytest.mark.parametrize("event", ["modify", "delete"])
def test_an_order_that_the_book_does_not_have_makes_it_suspect(orders: Orders, event: str) -> None:
    """Far from the top no checksum sees it: the book lost its coming."""
    venue = orders.venues["BTC/USD"]
    before = venue.move(0)
    row = (
        f'{{"event":"{event}","order_id":"OAAAAA-BBBBB-CCCCCC","limit_price":44000.0,"order_qty":1.0,'
        '"timestamp":"2024-01-08T12:26:39.526146327Z"}'
    )
    orders.bench.step(0.02, before.replace('"bids":[]', f'"bids":[{row}]').encode())
    assert orders.bench.state(7) in (SUSPECT, RESYNCING)
    assert orders.track("BTC/USD").contradictions == 1


def test_an_order_that_is_published_again_is_there_once(orders: Orders) -> None:
    """A level that left and came back within one message: its orders are sent again though the book still has them."""
    venue = orders.venues["BTC/USD"]
    price = venue.window(1)[4]
    order = venue.levels[1][price][0]
    again = (
        f'{{"event":"add","order_id":"{order.name}","limit_price":{price / 10},"order_qty":{order.size / 10**8:.8f},'
        f'"timestamp":"{json.loads(venue.snapshot())["data"][0]["bids"][0]["timestamp"][:11]}12:00:00.5Z"}}'
    )
    frame = venue.move(0).replace('"bids":[]', f'"bids":[{again}]')
    count = orders.track("BTC/USD").orders.count()
    orders.bench.step(0.02, frame.encode())
    assert (orders.bench.state(7), orders.track("BTC/USD").orders.count()) == (GOOD, count)
    orders.assert_true("BTC/USD")


def test_a_quiet_book_lives_by_the_connections_heartbeats(orders: Orders) -> None:
    """No news of a pair for a while is no fault of its book; none of the connection is."""
    for _ in range(30):
        orders.bench.step(1, HEARTBEAT)
    assert orders.bench.state(7) == GOOD
    for _ in range(8):
        orders.bench.step(1)
    assert orders.bench.state(7) in (BookState.STALE, BookState.DISCONNECTED)


def test_a_size_finer_than_the_pair_is_named(orders: Orders) -> None:
    """The venue changed its precision: no snapshot can mend that, written with an exponent or not."""
    frame = orders.venues["BTC/USD"].move(0)
    row = (
        '{"event":"add","order_id":"OAAAAA-BBBBB-CCCCCC","limit_price":44000.0,"order_qty":1.5e-09,'
        '"timestamp":"2024-01-08T12:26:39.526146327Z"}'
    )
    orders.bench.step(0.02, frame.replace('"bids":[]', f'"bids":[{row}]').encode())
    assert (orders.bench.state(7), orders.bench.state(8)) == (BookState.MISFIT, GOOD)


@pytest.mark.parametrize("size", ["1e99999999", "1e9999999999999"])
def test_an_exponent_beyond_all_sense_ends_nothing(orders: Orders, size: str) -> None:
    """Written out it would fill the memory: the frame is refused, and the other book goes on."""
    frame = orders.venues["BTC/USD"].move(0)
    row = (
        f'{{"event":"add","order_id":"OAAAAA-BBBBB-CCCCCC","limit_price":44000.0,"order_qty":{size},'
        '"timestamp":"2024-01-08T12:26:39.526146327Z"}'
    )
    orders.bench.step(0.02, frame.replace('"bids":[]', f'"bids":[{row}]').encode())
    assert orders.bench.feed.malformed == 1
    assert orders.bench.state(8) == GOOD

"""A book of orders on the way from frames to ticks, against a small exchange that trades in plain lists."""

import random

import pytest

from engine.feed.books.order_track import OrderTrack
from engine.feed.books.outbox import Outbox
from engine.feed.books.pipeline import Pipeline
from engine.model.words import BookState
from engine.venues.coinbase_exchange.market import ExchangeDialect
from tests.engine.venues.coinbase_exchange.exchange_oracle import (
    MAKER,
    TIME,
    done,
    made,
    matched,
    modified,
    name,
    opened,
    prevented,
    raw,
)  # fmt: skip

GOOD, SUSPECT = BookState.GOOD, BookState.SUSPECT


class Exchange:
    """Price-time priority in lists, and the frames it would send: prices in cents, sizes in units."""

    def __init__(self, seed: int) -> None:
        """An empty book."""
        self.draw = random.Random(seed)
        self.queues: dict[tuple[int, int], list[list[int]]] = {}
        self.sequence = 1000
        self.orders = self.trades = 0
        self.frames: list[bytes] = []

    def send(self, build: object, *arguments: object, **named: object) -> None:
        """The next message of the product."""
        self.sequence += 1
        self.frames.append(raw(build(self.sequence, *arguments, **named)))  # type: ignore[operator]

    def take_frames(self) -> list[bytes]:
        """What was sent since the last call."""
        frames, self.frames = self.frames, []
        return frames

    def place(self) -> None:
        """An order is received, meets what it crosses, rests or is done."""
        self.orders += 1
        side, price, size = self.draw.choice((1, -1)), self.draw.randrange(95, 106), self.draw.randrange(1, 20)
        self.send(lambda number: made("received", number, order_id=name(self.orders), order_type="limit"))
        for level in sorted((p for s, p in self.queues if s == -side), key=lambda p: p * side):
            while size and (price - level) * side >= 0 and (-side, level) in self.queues:
                size -= self.fill(-side, level, size)
        if size:
            self.send(opened, name(self.orders), cents(price), str(size), word(side))
            self.queues.setdefault((side, price), []).append([self.orders, size])
        else:
            self.send(done, name(self.orders), "0", word(side), "filled")

    def fill(self, side: int, price: int, size: int) -> int:
        """The first in turn is met; how much of it there was."""
        maker = self.queues[side, price][0]
        met = min(size, maker[1])
        self.trades += 1
        self.send(matched, name(maker[0]), cents(price), str(met), word(side), trade=self.trades)
        maker[1] -= met
        if not maker[1]:
            self.leave(side, price, maker)
            self.send(done, name(maker[0]), "0", word(side), "filled")
        return met

    def leave(self, side: int, price: int, order: list[int]) -> None:
        """An order is out of its queue."""
        self.queues[side, price].remove(order)
        if not self.queues[side, price]:
            del self.queues[side, price]

    def touch(self) -> None:
        """A resting order is cancelled, made smaller, or moved away from the other side."""
        if not self.queues:
            return
        (side, price), queue = self.draw.choice(list(self.queues.items()))
        order = self.draw.choice(queue)
        kind = self.draw.randrange(3)
        if kind == 0:
            self.leave(side, price, order)
            self.send(done, name(order[0]), str(order[1]), word(side))
        elif kind == 1 and order[1] > 1:
            smaller = self.draw.randrange(1, order[1])
            self.send(prevented, name(order[0]), (str(order[1]), str(smaller)), cents(price), word(side))
            order[1] = smaller
        elif kind == 2:
            self.modify(side, price, order)

    def modify(self, side: int, price: int, order: list[int]) -> None:
        """A user makes an order larger, or moves it away: it goes to the end of its queue."""
        away = price - side * self.draw.randrange(3)
        size = order[1] + self.draw.randrange(1, 3)
        self.leave(side, price, order)
        sizes, prices = (str(order[1]), str(size)), (cents(price), cents(away))
        self.send(modified, name(order[0]), sizes, prices, word(side))
        self.queues.setdefault((side, away), []).append([order[0], size])

    def step(self) -> None:
        """Something happens."""
        if self.draw.random() < 0.6:
            self.place()
        else:
            self.touch()

    def book(self) -> bytes:
        """The answer of `book?level=3`."""
        rows = {
            side: [
                [cents(price), str(size), name(number)]
                for (s, price), queue in sorted(self.queues.items(), key=lambda item: -item[0][1] * side)
                if s == side
                for number, size in queue
            ]
            for side in (1, -1)
        }
        return raw({"bids": rows[1], "asks": rows[-1], "sequence": self.sequence, "time": TIME})


def cents(price: int) -> str:
    """A price as text."""
    return f"{price / 100:.2f}"


def word(side: int) -> str:
    """A side as text."""
    return "buy" if side > 0 else "sell"


def pipeline() -> tuple[Pipeline, OrderTrack]:
    """One product of a connection."""
    dialect, outbox = ExchangeDialect(), Outbox()
    market = dialect.market()
    market.add("BTC-USD", 2, 0)
    made_pipeline = Pipeline(market, outbox)
    track = OrderTrack(0, 0, "BTC-USD", dialect.rule(), outbox)
    made_pipeline.add(track)
    return made_pipeline, track


def same(track: OrderTrack, exchange: Exchange) -> bool:
    """Whether every queue is the exchange's, order by order, and every level their sum."""
    queues = {place: [tuple(order) for order in queue] for place, queue in exchange.queues.items()}
    found = {
        (side, price): track.orders.queue(side, price)
        for side in (1, -1)
        for price, size in track.book.top(side, 10**6)
        if size == sum(size for _, size in track.orders.queue(side, price))
    }
    return found == queues


@pytest.mark.parametrize("seed", range(4))
def test_every_queue_is_the_exchanges(seed: int) -> None:
    """From a snapshot that comes while messages are queued, through ten thousand messages of every kind."""
    print("seed", seed)  # noqa: T201
    exchange = Exchange(seed)
    feed, track = pipeline()
    for _ in range(200):
        exchange.step()
    feed.process(exchange.take_frames()[-50:], 1, 1)
    assert track.kept_count == 50
    answer = exchange.book()
    for _ in range(50):
        exchange.step()
    feed.process(exchange.take_frames(), 1, 1)
    assert feed.snapshot(0, answer, 1, 1)
    assert (track.state, track.dropped) == (GOOD, 50)
    for _ in range(3000):
        exchange.step()
        feed.process(exchange.take_frames(), 2, 2)
        assert track.state == GOOD
    assert same(track, exchange)
    assert (track.suspect, track.contradictions, feed.malformed, track.prints.gaps) == (0, 0, 0, 0)
    assert track.prints.published > 500


@pytest.mark.parametrize("seed", range(3))
def test_a_lost_message_is_found_and_a_snapshot_makes_the_book_whole_again(seed: int) -> None:
    """Whatever is lost and whenever: a book that is called good is the exchange's."""
    print("seed", seed)  # noqa: T201
    exchange, draw = Exchange(seed), random.Random(seed)
    feed, track = pipeline()
    feed.snapshot(0, exchange.book(), 1, 1)
    for _ in range(2000):
        exchange.step()
        frames = exchange.take_frames()
        if frames and draw.random() < 0.01:
            del frames[draw.randrange(len(frames))]
        feed.process(frames, 2, 2)
        if track.state != GOOD and draw.random() < 0.2:
            feed.snapshot(0, exchange.book(), 2, 2)
            track.confirm(2)
        lost_the_last = exchange.sequence != track.rule.last
        assert track.state != GOOD or lost_the_last or same(track, exchange)
    assert track.suspect > 5
    assert track.contradictions == 0


def begun() -> tuple[Pipeline, OrderTrack]:
    """A good book at number 10: one order of size 5 at 1.00."""
    feed, track = pipeline()
    answer = {"bids": [["1.00", "5", MAKER]], "asks": [["2.00", "5", name(9)]], "sequence": 9, "time": TIME}
    assert feed.snapshot(0, raw(answer), 1, 1)
    feed.process([raw(made("received", 10))], 1, 1)
    assert track.state == GOOD
    return feed, track


@pytest.mark.parametrize(
    "message",
    [
        matched(11, name(77), "1.00", "1"),
        matched(11, MAKER, "1.00", "6"),
        matched(11, MAKER, "1.01", "1"),
        matched(11, MAKER, "1.00", "1", side="sell"),
        opened(11, MAKER, "1.00", "1"),
        done(11, MAKER, "4"),
        done(11, MAKER, "5", side="sell"),
        modified(11, MAKER, ("4", "3"), ("1.00", "1.00")),
        modified(11, MAKER, ("5", "3"), ("1.00", "1.00"), side="sell"),
    ],
)
def test_what_contradicts_the_book_makes_it_suspect(message: dict[str, object]) -> None:
    """Numbers without a hole do not prove a book: the venue's own words about its orders do."""
    feed, track = begun()
    feed.process([raw(message)], 2, 2)
    assert (track.state, track.contradictions, track.wants_snapshot) == (SUSPECT, 1, True)


def test_what_is_not_on_the_book_is_of_no_interest() -> None:
    """An order filled on arrival is done without having been open, and may have changed before."""
    feed, track = begun()
    others = [
        done(11, name(5), "0", reason="filled"), done(12, name(6), None), modified(13, name(5), ("1", "2"), ("1", "1")),
    ]  # fmt: skip
    feed.process([raw(message) for message in others], 2, 2)
    assert (track.state, track.applied, track.orders.count()) == (GOOD, 4, 2)


def test_a_snapshot_with_an_order_twice_is_not_used() -> None:
    """A spoilt answer must not become a book."""
    feed, track = pipeline()
    row = ["1.00", "5", MAKER]
    feed.snapshot(0, raw({"bids": [row, row], "asks": [], "sequence": 9, "time": TIME}), 1, 1)
    assert (track.state, track.contradictions) == (SUSPECT, 1)
    assert track.wants_snapshot

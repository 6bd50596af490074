"""Every venue's scanner on frames that chance has spoilt, without an oracle and so by the million.

The oracles of the venues' own tests check the numbers. Here the claim is smaller and holds for any bytes: a
scanner answers, hands over only what a book may hold, and remembers nothing of a spoilt frame. `make sanitize` runs
this in a build where a byte read outside the frame, or a sum that overflows, ends the process.
"""

import os
import random
from collections.abc import Iterator

import pytest

from engine.feed.books.order_track import OrderTrack
from engine.feed.books.outbox import Outbox
from engine.feed.books.pipeline import Pipeline
from engine.feed.books.track import Track
from engine.venues.catalogue import dialect_of, interfaces
from engine.venues.market import Market
from tests.engine.venues.binance import sbe_oracle, test_binance_scan
from tests.engine.venues.coinbase import test_coinbase_scan
from tests.engine.venues.coinbase_exchange import exchange_oracle, test_exchange_scan
from tests.engine.venues.kraken import test_kraken_scan
from tests.engine.venues.kraken.order_venue import OrderVenue
from tests.engine.venues.mutations import MUTATIONS

CHECKED = 512  # every so many spoilt frames a good one must read as ever
CHUNK = 256
TIME = 1_723_161_255_308_123
LISTINGS = {"BTCUSDT": (8, 8), "BTC-USD": (2, 8), "BTC/USD": (1, 8)}
LEVELS = [{"price": 6183763 + i, "qty": i} for i in range(9)]
EXPONENTS = {"priceExponent": -2, "qtyExponent": -5, "symbol": b"BTCUSDT", "eventTime": TIME}
IDS = {"bookUpdateId": 7, "firstBookUpdateId": 7, "lastBookUpdateId": 9, "transactTime": TIME}
BEST = {"bidPrice": 6183763, "bidQty": 3, "askPrice": 6183764, "askQty": 1}
TRADES = [{"id": 7 + i, "price": 100 + i, "qty": 1, "isBuyerMaker": i % 2} for i in range(5)]
VALUES = {**EXPONENTS, **IDS, **BEST, "trades": TRADES, "bids": LEVELS[:0:-1], "asks": LEVELS[1:]}
BINARY = tuple(sbe_oracle.encode(template, VALUES) for template in sbe_oracle.SCHEMA)
ADVANCED = (
    test_coinbase_scan.frame(7, "update", [("offer", "101.5", "1"), ("bid", "100", "0"), ("bid", "99.25", "12.5")]),
    test_coinbase_scan.frame(8, "snapshot", [("offer", "101.5", "1"), ("bid", "99.25", "12.5")]),
    test_coinbase_scan.trades(9, [9, 8, 7]),
)
KRAKEN = (test_kraken_scan.UPDATE, test_kraken_scan.UPDATE.replace(b"update", b"snapshot"), test_kraken_scan.TRADE)
ORDER_VENUE = OrderVenue("BTC/USD", random.Random(7), depth=2)
ORDERS = (ORDER_VENUE.snapshot().encode(), *(ORDER_VENUE.move(4).encode() for _ in range(4)))
EXCHANGE = tuple(map(exchange_oracle.raw, (*test_exchange_scan.ORDERS, *test_exchange_scan.LEVELS)))
TEXT = (*test_binance_scan.FRAMES, *ADVANCED, *EXCHANGE, *KRAKEN, *ORDERS)
ODD = (b"\x00", b"\xff", b"\x7f", b"\x80", b"\\", b'"', b"0", b"9" * 19, b"[" * 40, b"{", b"}", b"]", b",", b".", b"e5", b" ")  # fmt: skip  # noqa: E501


def samples(venue: str) -> tuple[bytes, ...]:
    """Frames to spoil: a venue's JSON is spoilt into every other's, too."""
    return (*BINARY, *test_binance_scan.FRAMES[:1]) if venue.endswith("-sbe") else TEXT


def listed(venue: str) -> Market:
    """A venue's scanner with a symbol that the samples have."""
    market = dialect_of(venue).market()
    for symbol, decimals in LISTINGS.items():
        market.add(symbol, *decimals)
    return market


def spoil(draw: random.Random, whole: bytes, other: bytes) -> bytes:
    """One to three accidents, among them the front of one frame with the back of another."""
    spoilt = bytearray(whole)
    for _ in range(draw.randint(1, 3)):
        at, kind = draw.randrange(len(spoilt) + 1), draw.randrange(6)
        if kind == 0:
            del spoilt[at : at + draw.randint(1, 9)]
        elif kind == 1:
            spoilt[at:at] = draw.choice(ODD)
        elif kind == 2:
            spoilt[at : at + 1] = bytes([draw.randrange(256)])
        elif kind == 3:
            del spoilt[at:]
        elif kind == 4:
            spoilt[at:] = other[draw.randrange(len(other)) :]
        else:
            spoilt[at:at] = spoilt[at : at + draw.randint(1, 60)]
    return bytes(spoilt)


def spoilt_frames(venue: str, seed: int) -> Iterator[bytes]:
    """As many as this run has time for."""
    draw, whole = random.Random(seed), samples(venue)
    for _ in range(MUTATIONS):
        yield spoil(draw, draw.choice(whole), draw.choice(whole))


def orders_of(message: dict[str, object]) -> list[tuple[int, int]]:
    """Price and size of the orders that a message brings."""
    return [(price, size) for event, _, _, price, size, _ in message.get("events", ()) if event != "done"]


@pytest.fixture
def seed() -> int:
    """A seed of its own for each run; printed, and set by STEELYARD_SEED to have a run again."""
    chosen = int(os.environ.get("STEELYARD_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
    print(f"STEELYARD_SEED={chosen}")  # noqa: T201
    return chosen


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("venue", sorted(interfaces()))
def test_a_scanner_answers_whatever_comes_and_forgets_it(venue: str, seed: int) -> None:
    """A rest that a spoilt frame leaves would be read into the next good one."""
    scanner, fresh, whole = listed(venue), listed(venue), samples(venue)
    expected = [fresh.decode(frame) for frame in whole]
    assert sum(bool(found) for found in expected) >= 2, "the samples are not this venue's"
    for turn, frame in enumerate(spoilt_frames(venue, seed)):
        for message in scanner.decode(frame) or ():
            assert -1 <= message["index"] < len(LISTINGS), frame
            for price, size in (*message.get("bids", ()), *message.get("asks", ()), *orders_of(message)):
                assert price > 0, frame
                assert size >= 0, frame
        if turn % CHECKED == 0:
            assert [scanner.decode(one) for one in whole] == expected, frame
        if turn % CHECKED == 1:
            scanner.decode_snapshot(frame, 0)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("venue", sorted(interfaces()))
def test_a_pipeline_of_spoilt_frames_ends_with_books_in_order(venue: str, seed: int) -> None:
    """Rules, tracks and books after the scanner accept its messages, without a crossed side or a crash."""
    dialect, outbox = dialect_of(venue), Outbox()
    pipeline = Pipeline(listed(venue), outbox)
    for index, symbol in enumerate(LISTINGS):
        track = OrderTrack if dialect.by_order else Track
        pipeline.add(track(index, index, symbol, dialect.rule(), outbox, dialect.depth, levels=True))
    frames = [*samples(venue)]
    for frame in spoilt_frames(venue, seed):
        frames.append(frame)
        if len(frames) == CHUNK:
            pipeline.process(frames, TIME, TIME)
            frames = [*samples(venue)]
    assert pipeline.malformed > MUTATIONS // 10
    assert pipeline.messages > pipeline.frames // CHUNK
    for track in pipeline.tracks:
        for side in (1, -1):
            prices = [-side * price for price, _ in track.book.top(side, 1 << 30)]
            assert prices == sorted(set(prices))

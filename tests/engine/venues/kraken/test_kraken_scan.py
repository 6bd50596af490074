"""Kraken's scanner, and its checksum against the venue's own worked examples."""

import json
import os
import random
import zlib
from pathlib import Path

import pytest

from engine.book import Book
from engine.model.fixed import to_fixed
from engine.venues.dialect import AnswerKind
from engine.venues.kraken.market import KrakenDialect
from engine.venues.kraken.scan import KrakenMarket, checksum

CAPTURES = Path(os.environ.get("STEELYARD_CAPTURES", "../shared/captures"))
needs_captures = pytest.mark.skipif(not CAPTURES.is_dir(), reason=f"no recorded traffic in {CAPTURES}")
UPDATE = (
    b'{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[],"asks":[{"price":29431.1,"qty":0.00000000},'
    b'{"price":29433.3,"qty":0.80000000}],"checksum":3547452596,"timestamp":"2023-07-30T15:29:58.343415Z"}]}'
)
TRADE = (
    b'{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":29430.2,"qty":0.5,"ord_type":"market",'
    b'"trade_id":9007199254740993,"timestamp":"2023-07-30T15:29:58.000001Z"}]}'
)


def market() -> KrakenMarket:
    """A scanner of one pair."""
    made = KrakenMarket()
    made.add("BTC/USD", 1, 8)
    return made


@needs_captures
def test_the_checksum_is_the_venues_own() -> None:
    """The documentation's worked example, verified by hand."""
    for vector in json.loads((CAPTURES / "vectors/checksum_vectors.json").read_text()):
        if vector["venue"] not in ("KRAKEN_V2", "KRAKEN"):
            continue
        widths = [max(len(level[i].partition(".")[2]) for level in vector["asks"] + vector["bids"]) for i in (0, 1)]
        book = Book()
        for side, name in ((1, "bids"), (-1, "asks")):
            for price, size in (level[:2] for level in vector[name]):
                book.set(side, to_fixed(price, widths[0]), to_fixed(size, widths[1]))
        assert checksum(book) == vector["checksum"]


def test_the_checksum_is_crc32_over_the_digits() -> None:
    """Against zlib, for books thinner than ten levels too."""
    draw = random.Random(5)
    for levels in (0, 1, 9, 10, 40):
        book = Book()
        for i in range(levels):
            book.set(1, 1000 - i, draw.randrange(1, 10**12))
            book.set(-1, 1001 + i, draw.randrange(1, 10**12))
        text = "".join(f"{price}{size}" for side in (-1, 1) for price, size in book.top(side, 10))
        assert checksum(book) == zlib.crc32(text.encode())


def test_numbers_keep_their_digits() -> None:
    """Kraken's numbers are JSON numbers; a float would lose them, and 2^53 its ids."""
    [found] = market().decode(UPDATE)
    assert found["asks"] == [(294311, 0), (294333, 80000000)]
    assert (found["checksum"], found["venue_ns"]) == (3547452596, 1690730998343415000)
    [trade] = market().decode(TRADE)
    assert (trade["print_id"], trade["side"], trade["price"], trade["size"]) == (9007199254740993, -1, 294302, 50000000)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"29431.1", b"29431.12"), (b"29431.1", b'"29431.1"'), (b"29431.1", b"2.9e4"), (b"29431.1", b"-29431.1"), (b"29431.1", b"029431.1"),  # noqa: E501
     (b"3547452596", b"4294967296"), (b"3547452596", b"-1"), (b"0.80000000", b"0.800000001"), (b'"price":29431.1', b'"price":29431.1,"price":1'),  # noqa: E501
     (b'"qty":0.80000000', b'"size":1'), (b"}]}", b"}]}x"), (b"}]}", b"}]"), (b'"update"', b'"change"'), (b"2023-07-30T", b"2023-13-30T")],  # noqa: E501
)  # fmt: skip
def test_what_is_not_exactly_a_book_message_is_refused(old: bytes, new: bytes) -> None:
    """Nothing half-read reaches a book."""
    assert UPDATE.count(old)
    assert market().decode(UPDATE.replace(old, new)) is None


def test_scanner_and_json_agree_on_spoilt_frames() -> None:
    """Python's json reads every frame that the scanner accepts as the same numbers."""
    print("seed", 3)  # noqa: T201
    draw, scanner = random.Random(3), market()
    accepted = 0
    for _ in range(20000):
        spoilt = bytearray(UPDATE)
        for _ in range(draw.randint(1, 2)):
            spoilt[draw.randrange(len(spoilt))] = draw.choice(b'0123456789.,:"[]{}eE -\\\x00\xc3')
        found = scanner.decode(bytes(spoilt))
        if not found or found[0]["index"] < 0:
            continue
        accepted += 1
        [entry] = json.loads(bytes(spoilt), parse_float=str)["data"]
        for name in ("bids", "asks"):
            levels = [(to_fixed(str(one["price"]), 1), to_fixed(str(one["qty"]), 8)) for one in entry.get(name, ())]
            assert found[0][name] == levels
        assert found[0]["checksum"] == entry["checksum"]
    assert accepted > 1000


def test_a_refusal_that_leaves_the_connection_up_is_a_refusal() -> None:
    """Heartbeats go on after it, so an unchecked one looks alive."""
    answer = KrakenDialect().answer(
        b'{"error":"Subscription depth not supported","method":"subscribe","success":false}'
    )
    assert (answer.kind, answer.text) == (AnswerKind.REFUSED, "Subscription depth not supported")
    assert (
        KrakenDialect().answer(b'{"method":"subscribe","result":{"channel":"book"},"success":true}').kind
        == AnswerKind.ACCEPTED
    )
    assert KrakenDialect().answer(b'{"channel":"heartbeat"}').kind == AnswerKind.OTHER


def test_a_depth_that_kraken_does_not_have_is_refused() -> None:
    """At start, by value."""
    with pytest.raises(ValueError, match="was 11"):
        KrakenDialect(depth=11)

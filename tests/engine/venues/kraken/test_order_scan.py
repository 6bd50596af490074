"""Kraken's channel of orders: its scanner against json, and its checksum against the venue's worked example."""

import json
import random
import zlib
from typing import Any

import pytest

from engine.book import OrderBook
from engine.model.fixed import to_fixed
from engine.venues.dialect import AnswerKind
from engine.venues.kraken.order_market import KrakenOrderDialect, plain
from engine.venues.kraken.order_scan import KrakenOrderMarket, order_checksum
from tests.engine.venues.kraken.order_venue import OrderVenue, parse

# The worked example of Kraken's guide to this checksum: prices without their point, sizes of the queue at each.
ASKS = {
    449395: (452308393, 111261, 100000, 1000000), 449500: (10334926,), 449530: (64537,), 449550: (250000,),
    449596: (35630000, 35630000), 449601: (338072,), 449602: (88967575,), 449670: (314392283,), 449785: (6778960,),
    449792: (35630000,),
}  # fmt: skip
BIDS = {
    449394: (88968699, 45210000, 10000000, 14296323, 25000000, 10292988, 33880000, 128140860), 449371: (3346877,),
    449347: (35630000,), 449302: (22734299, 1000000, 5550000, 70000000, 15000000), 449280: (105240,),
    449196: (33870000,), 449195: (7610000,), 449120: (35630000,), 449097: (6690000,), 449019: (88982,),
}  # fmt: skip
DOCUMENTED = 1063832831
LETTERS = "-ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuvwxyz"
SPOILING = b'0123456789.,:"[]{}eE -\\\x00\xc3abcdefnull'
UPDATE = (
    b'{"channel":"level3","type":"update","data":[{"checksum":2841398499,"symbol":"BTC/USD","bids":[],"asks":['
    b'{"event":"delete","order_id":"OOIATY-6EIWY-ACVIUN","limit_price":56.6,"order_qty":302.89736033,'
    b'"timestamp":"2023-10-06T18:21:00.097010033Z"},{"event":"add","order_id":"O2BN53-5RSB2-V3J57T","limit_price":56.4,'
    b'"order_qty":3500.77668626,"timestamp":"2023-10-06T18:20:27.383408052Z"},{"event":"modify",'
    b'"order_id":"OWG5ZU-LHUHH-BICPEX","limit_price":57.0,"order_qty":1e-05,'
    b'"timestamp":"2023-10-06T18:20:50.84Z"}],"timestamp":"2023-10-06T18:21:00.097010033Z"}]}'
)
ACTIONS = {"add": "opened", "modify": "changed", "delete": "done", None: "opened"}


def market() -> KrakenOrderMarket:
    """A scanner of one pair."""
    made = KrakenOrderMarket()
    made.add("BTC/USD", 1, 8)
    return made


def number_of(name: str) -> int:
    """An id as a number: six bits a letter."""
    codes = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuvwxyz-"
    found = 0
    for letter in name:
        found = found << 6 | codes.index(letter) + 1
    return found


def read(frame: bytes) -> list[tuple[str, int, int, int, int]]:
    """What json reads from a frame's events: action, order, side, price and size, without those of deleted orders."""
    [entry] = json.loads(frame, parse_float=str, parse_int=str)["data"]
    found = []
    for side, name in ((1, "bids"), (-1, "asks")):
        for order in entry.get(name, ()):
            action = ACTIONS[order.get("event")]
            price, size = (
                (0, 0) if action == "done" else
                (to_fixed(plain(order["limit_price"]), 1), to_fixed(plain(order["order_qty"]), 8))
            )  # fmt: skip
            found.append((action, number_of(order["order_id"]), side, price, size))
    return found


def book_of(levels: dict[int, dict[int, tuple[int, ...]]]) -> OrderBook:
    """A book of orders by side and price."""
    book, number = OrderBook(), 0
    for side, prices in levels.items():
        for price, sizes in prices.items():
            for size in sizes:
                number += 1
                assert book.add(number, side, price, size)
    return book


def test_the_checksum_is_the_venues_own() -> None:
    """The guide's example: 35 orders at twenty prices, in queue order."""
    assert order_checksum(book_of({1: BIDS, -1: ASKS})) == DOCUMENTED


def test_the_checksum_sees_the_turn_of_orders_and_nothing_below_ten_levels() -> None:
    """What it is for: levels alone would hold with two orders the wrong way round."""
    turned = {449394: tuple(reversed(BIDS[449394]))}
    assert order_checksum(book_of({1: BIDS | turned, -1: ASKS})) != DOCUMENTED
    deeper = {449000: (5, 6), 440000: (7,)}
    assert order_checksum(book_of({1: BIDS | deeper, -1: ASKS})) == DOCUMENTED
    assert order_checksum(OrderBook()) == zlib.crc32(b"")


def test_events_are_read_whatever_the_order_of_keys() -> None:
    """The scanner reads no field by its position; the stamp is the order's, not the message's."""
    [found] = market().decode(UPDATE) or [{}]
    assert [event[:5] for event in found["events"]] == read(UPDATE)  # type: ignore[union-attr, index]
    assert found["events"][1][5] == 1696616427383408052  # type: ignore[index]
    draw = random.Random(4)
    message = parse(UPDATE.decode())
    for _ in range(20):
        shuffled = json.dumps(shuffle(message, draw)).replace('"1e-05"', "1e-05").encode()
        [same] = market().decode(shuffled.replace(b'"2841398499"', b"2841398499")) or [{}]
        assert same["events"] == found["events"]


def shuffle(value: Any, draw: random.Random) -> Any:
    """Every object's keys in another order."""
    if isinstance(value, list):
        return [shuffle(one, draw) for one in value]
    if not isinstance(value, dict):
        return value
    keys = list(value)
    draw.shuffle(keys)
    return {key: shuffle(value[key], draw) for key in keys}


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1e-05", 1000), ("1E-05", 1000), ("1.5e-7", 15), ("2e+3", 2000 * 10**8), ("0.00001", 1000),
        ("420.0", 420 * 10**8), ("12e0", 12 * 10**8), ("100e-10", 1), ("0e-99", 0), ('"0.45210000"', 45210000),
        ("1.250000000000", 125000000),
    ],
)  # fmt: skip
def test_a_number_is_read_however_a_program_prints_it(text: str, size: int) -> None:
    """Small sizes come with exponents; the checksum is over the digits of the pair's precision, and those are known."""
    [found] = market().decode(UPDATE.replace(b"3500.77668626", text.encode())) or [{}]
    assert found["events"][1][4] == size  # type: ignore[index]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"3500.77668626", b"1e-09"), (b"3500.77668626", b"1.23e-7x"), (b"3500.77668626", b"-1"),
        (b"3500.77668626", b"1e400"), (b"3500.77668626", b"1e"), (b"3500.77668626", b"01e-5"),
        (b"3500.77668626", b"9223372036854775807e1"), (b"3500.77668626", b"null"), (b"56.4", b"0"), (b"56.4", b"56.41"),
        (b'"add"', b'"added"'), (b'"add"', b"1"), (b"O2BN53-5RSB2-V3J57T", b""),
        (b"O2BN53-5RSB2-V3J57T", b"O2BN53-5RSB2-V3J57T123"), (b"O2BN53-5RSB2", b"O2BN53_5RSB2"),
        (b"2841398499", b"4294967296"), (b'"checksum":2841398499,', b""), (b'"symbol":"BTC/USD",', b""),
        (b"18:20:27.3", b"25:20:27.3"), (b'"timestamp":"2023-10-06T18:20:50.84Z"', b'"time":1'),
        (b'"update"', b'"snapshot"'), (b'"update"', b'"change"'), (b"}]}", b"}]}x"),
        (b'"order_id":"O2', b'"order_id":"O","order_id":"O2'),
    ],
)  # fmt: skip
def test_what_is_not_exactly_a_message_of_orders_is_refused(old: bytes, new: bytes) -> None:
    """Nothing half-read reaches a book, and the book it was of is known."""
    assert old in UPDATE
    assert market().decode(UPDATE.replace(old, new)) is None


def test_an_order_that_is_gone_is_known_by_its_id() -> None:
    """The size that was left need not be sent, nor sent in our decimals."""
    bare = UPDATE.replace(b'"limit_price":56.6,"order_qty":302.89736033,', b'"limit_price":56.66,')
    [found] = market().decode(bare) or [{}]
    assert found["events"][0][:2] == ("done", number_of("OOIATY-6EIWY-ACVIUN"))  # type: ignore[index]


def test_no_two_ids_are_one() -> None:
    """Two orders under one number would be one order of the wrong size."""
    draw, seen = random.Random(8), {}
    for _ in range(2000):
        name = "".join(draw.choices(LETTERS, k=draw.randint(1, 21)))
        frame = UPDATE.replace(b"O2BN53-5RSB2-V3J57T", name.encode())
        [found] = market().decode(frame) or [{}]
        number = found["events"][1][1]  # type: ignore[index]
        assert seen.setdefault(number, name) == name
        assert number == number_of(name) < 1 << 128


def test_one_book_has_one_source() -> None:
    """Levels of the other channel are not read where orders are."""
    other = UPDATE.replace(b"level3", b"book")
    assert market().decode(other) == []


def test_scanner_and_json_agree_on_spoilt_frames() -> None:
    """Python's json reads every frame that the scanner accepts as the same numbers."""
    seed = random.randrange(1 << 32)
    print("seed", seed)  # noqa: T201
    draw, scanner, accepted = random.Random(seed), market(), 0
    venue = OrderVenue("BTC/USD", draw)
    whole = [UPDATE, venue.snapshot().encode()[:3000] + b'x"', *(venue.move(1).encode() for _ in range(5))]
    for _ in range(30000):
        spoilt = bytearray(draw.choice(whole))
        for _ in range(draw.randint(1, 2)):
            spoilt[draw.randrange(len(spoilt))] = draw.choice(SPOILING)
        found = scanner.decode(bytes(spoilt))
        if not found or found[0]["index"] < 0:  # type: ignore[operator]
            continue
        accepted += 1
        assert [event[:5] for event in found[0]["events"]] == read(bytes(spoilt))  # type: ignore[attr-defined]
    assert accepted > 1000


def test_a_message_that_the_scanner_refuses_spoils_its_book() -> None:
    """No number would show that it is missing."""
    dialect = KrakenOrderDialect()
    answer = dialect.answer(UPDATE.replace(b'"add"', b'"added"'))
    assert (answer.kind, answer.spoilt) == (AnswerKind.MALFORMED, ("BTC/USD",))
    refusal = b'{"error":"EGeneral:Invalid arguments:token","method":"subscribe","success":false,"req_id":3}'
    assert dialect.answer(refusal).kind == AnswerKind.REFUSED
    assert dialect.answer(b'{"channel":"heartbeat"}').kind == AnswerKind.OTHER


def test_a_subscription_has_its_depth_and_no_token() -> None:
    """The token is put in below every record; a depth that the venue does not have is refused by value."""
    message = json.loads(KrakenOrderDialect(depth=10).subscribe([("level3", "BTC/USD"), ("level3", "ETH/USD")], 4))
    params = {"channel": "level3", "symbol": ["BTC/USD", "ETH/USD"], "depth": 10, "snapshot": True}
    assert message == {"method": "subscribe", "params": params, "req_id": 4}
    with pytest.raises(ValueError, match="was 25"):
        KrakenOrderDialect(depth=25)


@pytest.mark.parametrize(("depth", "count"), [(10, 5), (100, 25), (1000, 100)])
def test_no_more_symbols_a_second_than_the_venue_counts(depth: int, count: int) -> None:
    """200 a second, and each symbol counts by its depth: one that is refused for it is a book that does not come."""
    dialect = KrakenOrderDialect(depth=depth)
    assert 150 < dialect.batch * count * 1_000_000_000 / dialect.pace_ns < 200

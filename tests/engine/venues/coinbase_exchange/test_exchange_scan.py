"""Coinbase Exchange's scanner against json, on whole and on spoilt frames."""

import json
import random
import uuid

import pytest

from engine.venues.coinbase_exchange.market import ExchangeDialect
from engine.venues.coinbase_exchange.scan import ExchangeMarket
from engine.venues.dialect import AnswerKind
from tests.engine.venues.coinbase_exchange.exchange_oracle import (
    MAKER,
    PRODUCTS,
    TIME,
    done,
    made,
    matched,
    modified,
    name,
    opened,
    prevented,
    raw,
    read_levels,
    read_order,
)  # fmt: skip

SPOILING = b'0123456789.,:"[]{}eE -\\\x00\xc3abcdefnull'
ORDERS = [
    opened(10, MAKER, "200.2", "1.00"),
    done(11, MAKER, "0.5"),
    done(12, MAKER, None, reason="filled"),
    matched(13, MAKER, "400.23", "5.23512"),
    modified(14, MAKER, ("80", "70.00000001"), ("7", "6.5")),
    prevented(15, MAKER, ("12.234412", "5.23512"), "400.23"),
    prevented(16, MAKER, ("12.234412", "5.23512"), None),
    made("received", 17, order_id=MAKER, order_type="market", funds="3000.234", side="buy"),
    opened(18, MAKER, "1.5", "2", side="sell", product_id="ETH-USD"),
    opened(19, MAKER, "1.5", "2", product_id="NOT-OURS"),
]
LEVELS = [
    {
        "type": "l2update",
        "product_id": "BTC-USD",
        "changes": [["buy", "22356.27", "0.00000000"], ["sell", "22357.3", "1"]],
        "time": TIME,
    },
    {
        "type": "snapshot",
        "product_id": "ETH-USD",
        "bids": [["10101.10", "0.450541"]],
        "asks": [["10102.55", "0.5"], ["10103", "7"]],
    },
    {"type": "l2update", "product_id": "BTC-USD", "changes": []},
]


def market(*, by_order: bool = True) -> ExchangeMarket:
    """A scanner of two products."""
    found = ExchangeMarket(by_order=by_order)
    for symbol, decimals in PRODUCTS.items():
        found.add(symbol, *decimals)
    return found


def fields_of(found: dict[str, object], expected: dict[str, object]) -> dict[str, object]:
    """Those of the scanner's fields that the oracle has."""
    return {key: found[key] for key in expected}


@pytest.mark.parametrize("message", ORDERS, ids=lambda message: f"{message['type']}{message['sequence']}")
def test_what_became_of_an_order_is_read_whatever_the_order_of_keys(message: dict[str, object]) -> None:
    """The scanner reads no field by its position."""
    draw = random.Random(3)
    expected = read_order(message)
    for _ in range(20):
        keys = list(message)
        draw.shuffle(keys)
        found = market().decode(raw({key: message[key] for key in keys}))
        assert found
        assert fields_of(found[0], expected) == expected


@pytest.mark.parametrize("message", LEVELS)
def test_levels_are_read_from_changes_and_snapshots(message: dict[str, object]) -> None:
    """Both sides are mixed in a change."""
    [found] = market(by_order=False).decode(raw(message))
    expected = read_levels(message)
    assert fields_of(found, expected) == expected


def test_a_match_is_a_change_of_the_makers_order_and_a_print_by_the_taker() -> None:
    """One frame, both, and the change first: it is what is replayed after a snapshot."""
    change, trade = market().decode(raw(matched(50, MAKER, "400.23", "5.23512", side="sell", trade=10)))
    assert (change["action"], change["side"], change["size"]) == ("matched", -1, 523512000)
    assert (trade["kind"], trade["side"], trade["print_id"], trade["ordinary"]) == ("print", 1, 10, True)
    [last] = market().decode(raw(matched(50, MAKER, "400.23", "5.23512") | {"type": "last_match"}))
    assert (last["kind"], last["ordinary"]) == ("print", False)


def test_one_book_has_one_source() -> None:
    """Levels are not read where orders are, nor orders where levels are: a recording may hold both."""
    assert all(market().decode(raw(message)) == [] for message in LEVELS)
    assert all(market(by_order=False).decode(raw(message)) == [] for message in ORDERS if message["type"] != "match")
    [trade] = market(by_order=False).decode(raw(ORDERS[3]))
    assert trade["kind"] == "print"


def test_a_message_without_a_number_is_a_copy_for_its_owner() -> None:
    """Applied as a change of the book it would change the book twice."""
    for message in ORDERS:
        private = {key: value for key, value in message.items() if key != "sequence"} | {"user_id": "5844eceecf7e803e"}
        assert market().decode(raw(private)) == []
        assert ExchangeDialect().answer(raw(private)).kind == AnswerKind.OTHER


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"200.2"', b"200.2"), (b'"200.2"', b'"200.222"'), (b'"200.2"', b'"0"'), (b'"1.00"', b'"0.00"'),
     (b'"1.00"', b'"1e2"'), (b"123456Z", b"123456"), (b'"order_id"', b'"id"'),
     (b'"buy"', b'"bid"'), (b":10,", b':"10",'), (b":10,", b":-1,"), (MAKER.encode(), MAKER[:-1].encode()),
     (MAKER.encode(), MAKER.replace("-", "_").encode()), (b"ac928c66", b"xc928c66"),
     (b'"BTC-USD"', b'"BTC\\u002dUSD"'), (b"}", b',"price":"1"}'), (b"}", b"")],
)  # fmt: skip
def test_what_is_not_exactly_an_order_is_refused(old: bytes, new: bytes) -> None:
    """Nothing half-read reaches a book."""
    whole = raw(ORDERS[0])
    assert old in whole
    assert market().decode(whole.replace(old, new, 1)) is None


@pytest.mark.parametrize("field", ["new_price", "new_size", "old_size"])
def test_a_change_whose_number_is_no_text_is_refused_and_not_left_out(field: str) -> None:
    """A price that is not read must make the book suspect; an order left at its old price is a wrong book."""
    [message] = [order for order in ORDERS if order["type"] == "change" and order.get(field) is not None][:1]
    assert market().decode(raw(message | {field: 66.59})) is None
    assert market().decode(raw(message | {field: [66]})) is None


def test_escapes_are_skipped_where_the_text_does_not_matter() -> None:
    """A reason with a quote in it must not make every book of a connection suspect; a broken escape is no JSON."""
    for text in (r"a \"quoted\" \\ \/ \b\f\n\r\t é \ud83d\ude00", r"\u0000"):
        frame = (
            raw(ORDERS[0])[:-1]
            + b',"note":"'
            + text.encode()
            + b'","more":{"'
            + text.encode()
            + b'":["'
            + text.encode()
            + b'"]}}'
        )
        [found] = market().decode(frame)
        assert found["price"] == 20020
    for broken in (rb"\x", rb"\u12g4", rb"\u123", "\\", b"\\"):
        text = broken.encode() if isinstance(broken, str) else broken
        assert market().decode(raw(ORDERS[0])[:-1] + b',"note":"' + text + b'"}') is None


@pytest.mark.parametrize("by_order", [True, False])
def test_scanner_and_json_agree_on_spoilt_frames(*, by_order: bool) -> None:
    """Python's json reads every frame that the scanner accepts as the same numbers; other frames are refused."""
    seed = random.randrange(1 << 32)
    print("seed", seed)  # noqa: T201
    draw, scanner = random.Random(seed), market(by_order=by_order)
    whole = [raw(message) for message in (ORDERS if by_order else LEVELS)]
    accepted = 0
    for _ in range(40000):
        spoilt = bytearray(draw.choice(whole))
        for _ in range(draw.randint(1, 2)):
            spoilt[draw.randrange(len(spoilt))] = draw.choice(SPOILING)
        found = scanner.decode(bytes(spoilt))
        if not found or found[0]["index"] < 0 or found[0]["kind"] not in ("delta", "snapshot"):
            continue
        accepted += 1
        message = json.loads(bytes(spoilt), parse_float=str)
        expected = read_order(message) if by_order else read_levels(message)
        assert fields_of(found[0], expected) == expected
    assert accepted > 1000


def rest_book(sequence: int, bids: list[list[object]], asks: list[list[object]]) -> bytes:
    """The answer of `book`."""
    return raw({"bids": bids, "asks": asks, "sequence": sequence, "auction_mode": False, "auction": None, "time": TIME})


def test_a_book_of_orders_is_read_with_the_owner_of_each() -> None:
    """Level 3: price, size, order."""
    bids = [["200.20", "1", name(5)], ["200.20", "0.5", name(3)], ["199", "2", MAKER.upper()]]
    found = market().decode_snapshot(rest_book(33, bids, [["201", "1", name(9)]]), 0)
    assert found
    assert found["bids"] == [(20020, 10**8, 5), (20020, 5 * 10**7, 3), (19900, 2 * 10**8, uuid.UUID(MAKER).int)]
    assert (found["asks"], found["last"]) == ([(20100, 10**8, 9)], 33)


@pytest.mark.parametrize(
    ("by_order", "row"),
    [(True, ["200", "1", 2]), (True, ["200", "1"]), (True, ["200", "1", MAKER, 1]), (True, ["200"]), (True, []),
     (False, ["200", "1", MAKER]), (False, [200, "1", 2]), (False, ["200.123", "1", 2])],
)  # fmt: skip
def test_a_book_of_another_level_is_refused(*, by_order: bool, row: list[object]) -> None:
    """Levels read as orders would have no owners, and every match would contradict them."""
    assert market(by_order=by_order).decode_snapshot(rest_book(1, [row], []), 0) is None


def test_a_large_book_keeps_every_owner() -> None:
    """The arenas grow while a snapshot is read."""
    rows = [[str(100000 - i), "1", name(i + 1)] for i in range(5000)]
    found = market().decode_snapshot(rest_book(1, rows, rows), 1)
    assert found
    assert [row[2] for row in found["bids"]] == list(range(1, 5001)) == [row[2] for row in found["asks"]]


def test_heartbeats_and_tickers_are_understood() -> None:
    """A product's sequence, and the best prices at some trade, without sizes or with them."""
    [beat] = market().decode(raw(made("heartbeat", 90, last_trade_id=20)))
    assert (beat["kind"], beat["last"]) == ("beat", 90)
    [best] = market().decode(raw(made("ticker", 90, best_bid="200.1", best_ask="200.2", price="200.1")))
    assert (best["bid"], best["ask"]) == ((20010, -1), (20020, -1))
    sizes = {"best_bid_size": "1", "best_ask_size": "0.5"}
    [best] = market().decode(raw(made("ticker", 90, best_bid="200.1", best_ask="200.2") | sizes))
    assert (best["bid"], best["ask"]) == ((20010, 10**8), (20020, 5 * 10**7))

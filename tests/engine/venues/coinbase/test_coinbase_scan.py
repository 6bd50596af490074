"""Coinbase's scanner, its connection's numbering, and what a hole in it does."""

import json
import random

import pytest

from engine.feed.books.outbox import Outbox
from engine.feed.books.pipeline import Pipeline
from engine.feed.books.track import Track
from engine.model.fixed import to_fixed
from engine.model.words import BookState
from engine.venues.coinbase.market import CoinbaseDialect
from engine.venues.coinbase.scan import CoinbaseMarket
from engine.venues.dialect import AnswerKind


def frame(number: int, kind: str, updates: list, product: str = "BTC-USD") -> bytes:
    """A level2 message."""
    rows = [
        {"side": side, "event_time": "2026-08-09T21:05:48.17Z", "price_level": price, "new_quantity": size}
        for side, price, size in updates
    ]
    event = {"type": kind, "product_id": product, "updates": rows}
    return json.dumps(
        {"channel": "l2_data", "timestamp": "2026-08-09T21:05:48.228568804Z", "sequence_num": number, "events": [event]}
    ).encode()


def trades(number: int, ids: list[int]) -> bytes:
    """A market_trades message, newest first."""
    rows = [
        {
            "product_id": "BTC-USD",
            "trade_id": str(i),
            "price": "1.5",
            "size": "2",
            "time": "2026-08-09T21:05:48Z",
            "side": "BUY",
        }
        for i in ids
    ]
    event = {"type": "update", "trades": rows}
    return json.dumps(
        {"channel": "market_trades", "timestamp": "2026-08-09T21:05:48.2Z", "sequence_num": number, "events": [event]}
    ).encode()


def market() -> CoinbaseMarket:
    """A scanner of two products."""
    made = CoinbaseMarket()
    made.add("BTC-USD", 2, 8)
    made.add("ETH-USD", 2, 8)
    return made


def test_both_sides_are_read_out_of_the_mixed_list() -> None:
    """Bids and offers stand in one list, in any order."""
    [found] = market().decode(
        frame(4, "update", [("offer", "101.5", "1"), ("bid", "100", "0"), ("offer", "102", "0.00000001")])
    )
    assert (found["bids"], found["asks"]) == ([(10000, 0)], [(10150, 100000000), (10200, 1)])
    assert (found["last"], found["venue_ns"]) == (4, 1786309548228568804)


def test_trades_are_handed_over_oldest_first_with_the_takers_side() -> None:
    """The venue writes them newest first and names the maker."""
    found = market().decode(trades(9, [7, 6, 5]))
    assert [one["print_id"] for one in found] == [5, 6, 7]
    assert {one["side"] for one in found} == {-1}


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"101.5", b"101.555"), (b'"offer"', b'"ask"'), (b'"101.5"', b"101.5"), (b"48.228568804Z", b"48.228568804"), (b"snapshot", b"snap"),  # noqa: E501
     (b'"sequence_num": 0', b'"sequence_num": -1'), (b"]}]}", b"]}]"), (b'"new_quantity": "1"', b'"quantity": "1"')],
)  # fmt: skip
def test_what_is_not_exactly_a_book_message_is_refused(old: bytes, new: bytes) -> None:
    """Nothing half-read reaches a book."""
    whole = frame(0, "snapshot", [("offer", "101.5", "1")])
    assert whole.count(old)
    assert market().decode(whole.replace(old, new)) is None


def test_an_escape_where_the_text_does_not_matter_spoils_nothing() -> None:
    """A frame whose number is not read makes every book of the connection suspect: a quoted word must not do that."""
    note = rb'"note":"he said \"\u00e9\\","more":["\/\n"],'
    whole = frame(4, "update", [("bid", "100", "1")])
    [found] = market().decode(whole.replace(b'"sequence_num"', note + b'"sequence_num"'))
    assert (found["last"], found["bids"]) == (4, [(10000, 100000000)])
    status = rb'{"channel":"status","timestamp":"2026-08-09T21:05:48Z","sequence_num":5,"events":[{"text":"\"up\""}]}'
    assert market().decode(status) == []
    assert market().decode(whole.replace(b'"BTC-USD"', rb'"BTC\u002dUSD"')) is None


def test_scanner_and_json_agree_on_spoilt_frames() -> None:
    """Python's json reads every frame that the scanner accepts as the same numbers."""
    print("seed", 4)  # noqa: T201
    draw, scanner = random.Random(4), market()
    whole = frame(7, "update", [("offer", "101.5", "1"), ("bid", "100", "0"), ("bid", "99.25", "12.5")])
    accepted = 0
    for _ in range(20000):
        spoilt = bytearray(whole)
        for _ in range(draw.randint(1, 2)):
            spoilt[draw.randrange(len(spoilt))] = draw.choice(b'0123456789.,:"[]{}eE -\\\x00\xc3')
        found = scanner.decode(bytes(spoilt))
        if not found or found[0]["index"] < 0:
            continue
        accepted += 1
        [event] = json.loads(bytes(spoilt))["events"]
        for side, name in (("bid", "bids"), ("offer", "asks")):
            rows = [one for one in event["updates"] if one["side"] == side]
            assert found[0][name] == [
                (to_fixed(one["price_level"], 2), to_fixed(one["new_quantity"], 8)) for one in rows
            ]
    assert accepted > 1000


def test_a_hole_in_the_connections_numbers_makes_every_book_suspect() -> None:
    """What was lost may have been for any product, and a frame of another channel counts as well."""
    scanner, outbox = market(), Outbox()
    pipeline = Pipeline(scanner, outbox)
    for index, symbol in enumerate(("BTC-USD", "ETH-USD")):
        pipeline.add(Track(index, index, symbol, CoinbaseDialect().rule(), outbox))
    levels = [("offer", "101", "1"), ("bid", "100", "1")]
    heartbeat = b'{"channel":"heartbeats","timestamp":"2026-08-09T21:05:48Z","sequence_num":2,"events":[]}'
    pipeline.process([frame(0, "snapshot", levels), frame(1, "snapshot", levels, "ETH-USD"), heartbeat], 1, 1)
    assert [track.state for track in pipeline.tracks] == [BookState.GOOD, BookState.GOOD]
    pipeline.process([frame(4, "update", [("bid", "100", "2")])], 2, 2)
    assert [track.state for track in pipeline.tracks] == [BookState.SUSPECT, BookState.SUSPECT]
    assert pipeline.tracks[0].book.best(1) == (10000, 100000000)
    pipeline.process([frame(5, "snapshot", levels), frame(6, "update", [("bid", "100", "3")])], 3, 3)
    assert [track.state for track in pipeline.tracks] == [BookState.GOOD, BookState.SUSPECT]
    assert pipeline.tracks[0].resyncs == 1


def test_an_acknowledgement_names_every_subscription_so_far() -> None:
    """Acknowledgements are cumulative, one a request, and come after the first data."""
    dialect = CoinbaseDialect()
    answer = dialect.answer(
        b'{"channel":"subscriptions","events":[{"subscriptions":{"heartbeats":["heartbeats"],"level2":["BTC-USD"]}}]}'
    )
    assert answer.kind == AnswerKind.ACCEPTED
    assert answer.named == (("heartbeats", "heartbeats"), ("level2", "BTC-USD"))


def test_an_error_names_the_products_in_its_words() -> None:
    """No number and no channel comes with it."""
    dialect = CoinbaseDialect()
    reason = b'"Failed to subscribe","reason":"FOO-USD is not a valid product"'
    answer = dialect.answer(b'{"type":"error","message":' + reason + b"}")
    assert (answer.kind, answer.named) == (AnswerKind.REFUSED, (("", "FOO-USD"),))
    assert dialect.answer(b'{"type":"error","message":"authentication failure"}').text == "authentication failure"

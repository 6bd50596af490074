"""Market streams: a book followed by the documented procedure is the book."""

from itertools import pairwise
from typing import Any

import pytest

from tests.engine.loopback.binance.test_rest import documented
from tests.engine.loopback.binance.wire import MARKET, MILLISECOND_NS, SECOND_NS, Wire, read

STEP_NS = 100 * MILLISECOND_NS


def followed(diffs: list[Any], snapshot: Any) -> tuple[int, dict[str, dict[str, str]]]:
    """The documented procedure for a local book; fails on a gap."""
    book = {side: dict(map(tuple, snapshot[name])) for side, name in (("b", "bids"), ("a", "asks"))}
    at = snapshot["lastUpdateId"]
    for diff in diffs:
        if diff["u"] <= at:
            continue
        assert diff["U"] <= at + 1, (at, diff["U"])
        for side in ("b", "a"):
            for price, size in diff[side]:
                book[side].pop(price, None)
                if float(size):
                    book[side][price] = size
        at = diff["u"]
    return at, book


def test_book_from_snapshot_and_diffs_is_the_book() -> None:
    """At any moment a snapshot plus diffs must give what the matching engine holds."""
    wire = Wire(quiet=False)
    session = wire.venue.connect("/ws/btcusdt@depth@100ms", wire.now_ns)
    wire.wait(3 * STEP_NS + 7)
    _, snapshot = wire.rest("GET", "depth", symbol="BTCUSDT", limit=5000)
    wire.wait(20 * STEP_NS)
    wire.now_ns += STEP_NS - wire.now_ns % STEP_NS
    diffs = read(session)
    wire.venue.step(wire.now_ns)
    diffs += read(session)
    at, book = followed(diffs, snapshot)
    _, now = wire.rest("GET", "depth", symbol="BTCUSDT", limit=5000)
    assert at == now["lastUpdateId"]
    assert book == {"b": dict(map(tuple, now["bids"])), "a": dict(map(tuple, now["asks"]))}
    assert all(later["U"] == earlier["u"] + 1 for earlier, later in pairwise(diffs))


def test_dropped_diff_is_a_gap_a_client_can_see() -> None:
    """The fault must look as a real gap looks: U jumps."""
    wire = Wire(quiet=False)
    session = wire.venue.connect("/stream?streams=btcusdt@depth@100ms", wire.now_ns)
    wire.wait(5 * STEP_NS)
    wire.venue.faults.drop_depth()
    wire.wait(10 * STEP_NS)
    diffs = [one["data"] for one in read(session)]
    gaps = [b["U"] - a["u"] - 1 for a, b in pairwise(diffs)]
    assert sorted(gaps)[-2:] == [0, max(gaps)]
    assert max(gaps) > 0


@pytest.mark.parametrize(
    ("stream", "section"),
    [
        ("btcusdt@trade", "> Trade Streams"),
        ("btcusdt@bookTicker", "Individual Symbol Book Ticker Streams"),
        ("btcusdt@depth", "Diff. Depth Stream"),
        ("btcusdt@depth5", "Partial Book Depth Streams"),
    ],
)
def test_event_has_the_documented_fields(stream: str, section: str) -> None:
    """Names and their order of magnitude, as the parsers expect them."""
    wire = Wire()
    raw = wire.venue.connect(f"/ws/{stream}", wire.now_ns)
    micro = wire.venue.connect(f"/stream?streams={stream}&timeUnit=MICROSECOND", wire.now_ns)
    wire.signed("POST", "order", **MARKET)
    wire.wait(2 * SECOND_NS)
    event, wrapped = read(raw)[0], read(micro)[0]
    published = documented(section, "web-socket-streams")
    assert event.keys() == published.keys()
    assert wrapped["stream"] == stream
    if "E" in event:
        assert wrapped["data"]["E"] // 1000 == event["E"]


def test_best_reported_equals_the_book_at_its_update_id() -> None:
    """The best is the second witness of the book: they must never disagree."""
    wire = Wire(quiet=False)
    session = wire.venue.connect("/stream?streams=btcusdt@bookTicker/btcusdt@depth@100ms", wire.now_ns)
    _, snapshot = wire.rest("GET", "depth", symbol="BTCUSDT", limit=5000)
    wire.wait(20 * STEP_NS)
    best, diffs, compared = {}, [], 0
    for one in read(session):
        if one["stream"].endswith("bookTicker"):
            best[one["data"]["u"]] = one["data"]
            continue
        diffs.append(one["data"])
        at, book = followed(diffs, snapshot)
        if at in best:
            compared += 1
            assert best[at]["b"] == max(book["b"], key=float)
            assert best[at]["A"] == book["a"][min(book["a"], key=float)]
    assert compared


def test_subscriptions_are_made_listed_and_ended() -> None:
    """SUBSCRIBE, LIST_SUBSCRIPTIONS and UNSUBSCRIBE on a connection that began with nothing."""
    wire = Wire()
    session = wire.venue.connect("/ws", wire.now_ns)
    wire.raw(session, {"method": "SUBSCRIBE", "params": ["btcusdt@trade", "nosuch@trade"], "id": 1})
    wire.raw(session, {"method": "LIST_SUBSCRIPTIONS", "id": 2})
    wire.raw(session, {"method": "UNSUBSCRIBE", "params": ["btcusdt@trade"], "id": 3})
    wire.signed("POST", "order", **MARKET)
    expected = [{"result": None, "id": 1}, {"result": ["btcusdt@trade", "nosuch@trade"], "id": 2}]
    assert read(session) == [*expected, {"result": None, "id": 3}]


@pytest.mark.parametrize(
    ("rubbish", "code"),
    [("{", 3), ("[]", 2), ('{"method":"DANCE","id":1}', 2), ('{"method":"SET_PROPERTY","params":["x",1],"id":1}', 0)],
)
def test_rubbish_gets_an_error_and_the_connection_lives(rubbish: str, code: int) -> None:
    """A venue that falls over a bad frame could not be left alone."""
    wire = Wire()
    session = wire.venue.connect("/ws", wire.now_ns)
    wire.raw(session, rubbish)
    assert read(session)[0]["error"]["code"] == code
    assert not session.closed


def test_too_many_messages_end_the_connection() -> None:
    """Five a second, as the real wire: a client that forgets it is cut off here and not in production."""
    wire = Wire()
    session = wire.venue.connect("/ws", wire.now_ns)
    for number in range(6):
        wire.raw(session, {"method": "LIST_SUBSCRIPTIONS", "id": number})
    assert session.closed
    assert session.close_code == 1008


def test_what_comes_out_does_not_depend_on_how_often_the_venue_is_stepped() -> None:
    """A chaos in steps of seconds and a server that steps all the time must see one market."""

    def sent(steps: int) -> list[bytes]:
        """All messages of a second of market, produced in so many steps."""
        wire = Wire(quiet=False)
        session = wire.venue.connect(
            "/stream?streams=btcusdt@depth@100ms/btcusdt@trade/ethusdt@bookTicker", wire.now_ns
        )
        out: list[bytes] = []
        for _ in range(steps):
            wire.wait(SECOND_NS // steps)
            out += session.drain()
        return out

    assert sent(1) == sent(50)

"""Binance's trading wire against recorded documentation and published signatures."""

import json
import os
import random
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.model.fixed import INT64_MAX
from engine.model.instrument import Instrument
from engine.model.words import BUY, SELL, OrderState, OrderType, TimeInForce
from engine.venues.binance.signing import Ed25519Signer, HmacSigner, signed_query, socket_payload
from engine.venues.binance.trading import reader
from engine.venues.binance.trading.decimals import read_amount, read_client_id, read_plain
from engine.venues.binance.trading.reader import (
    BALANCE_MOST,
    BinanceTrading,
    amount,
    asset_of,
    client_id_of,
    fixed,
    read_any,
    side_of,
    wide,
)
from engine.venues.session import Waits
from engine.venues.trading.clock import VenueClock
from engine.venues.trading.news import FillNews, Frame, News, OrderNews, Outcome, ReplaceNews, UnreadableError, readable

CAPTURES = Path(os.environ.get("STEELYARD_CAPTURES", "../shared/captures"))
BTC = Instrument(1, "binance", "BTCUSDT", "BTC", "USDT", 2, 5, 1, 1, 1, 10**12, 0)
ETHBTC = Instrument(2, "binance", "ETHBTC", "ETH", "BTC", 8, 8, 1, 1, 1, 10**12, 0)
KEY_BODY = b"MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u"
PEM = b"-----BEGIN PRIVATE KEY-----\n" + KEY_BODY + b"\n-----END PRIVATE KEY-----\n"
OURS = bytes.fromhex("4d96324ff9d44481926157ec08158a40")
MS = 1_000_000
needs_captures = pytest.mark.skipif(not CAPTURES.exists(), reason=f"no recorded traffic at {CAPTURES}")


@pytest.fixture
def wire() -> BinanceTrading:
    """A wire for two symbols."""
    return BinanceTrading([BTC, ETHBTC], Ed25519Signer("key", PEM), 5000)


def vectors() -> list[dict[str, Any]]:
    """The published signatures."""
    path = CAPTURES / "vectors" / "signing_vectors.json"
    return [one for one in json.loads(path.read_text()) if "binance" in one["name"]] if path.exists() else []


def documented(section: str, kind: str = "response") -> list[dict[str, Any]]:
    """The documentation's own examples."""
    found = []
    for name in ("web-socket-api", "user-data-stream"):
        path = CAPTURES / "fixtures" / "binance_docs_examples" / f"{name}.examples.ndjson"
        for line in path.read_text().splitlines():
            one = json.loads(line)
            if section in one["section"] and one["kind"] == kind:
                found.append(one["json"])
    return found


def payload_of(vector: dict[str, Any]) -> bytes:
    """What a vector signs."""
    if "payload_fields_joined_by_SOH" in vector:
        return "\x01".join(vector["payload_fields_joined_by_SOH"]).encode()
    return str(vector["payload"]).encode()


@needs_captures
@pytest.mark.parametrize("vector", vectors(), ids=lambda one: one["name"])
def test_signatures_are_the_published_ones(vector: dict[str, Any]) -> None:
    """A signature that is almost right is refused by the venue, at the worst moment."""
    signer: Any = (
        HmacSigner(vector["apiKey"], vector["secretKey"])
        if vector["alg"].startswith("HMAC")
        else Ed25519Signer("", vector["private_key_pem"].encode())
    )
    assert signer.sign(payload_of(vector)) == vector["signature"]


@needs_captures
@pytest.mark.parametrize("vector", [one for one in vectors() if "wsapi" in one["name"]], ids=lambda one: one["name"])
def test_the_socket_payload_is_sorted_raw_and_without_the_signature(vector: dict[str, Any]) -> None:
    """From parameters in any order to the published payload."""
    pairs = [pair.split("=") for pair in vector["payload"].split("&")]
    params = {"signature": "never signed", **dict(reversed(pairs))}
    assert socket_payload(params) == vector["payload"].encode()


def test_a_rest_query_is_signed_as_sent() -> None:
    """The signature comes last, percent-encoded."""
    signed = signed_query(Ed25519Signer("key", PEM), "symbol=BTCUSDT&timestamp=1")
    assert signed.startswith("symbol=BTCUSDT&timestamp=1&signature=")
    assert not set(signed.rpartition("=")[2]) & set("+/=")


@needs_captures
def test_a_logon_carries_the_published_signature() -> None:
    """Session logon of the derived vector, byte for byte."""
    vector = next(one for one in vectors() if one["name"] == "DERIVED_binance_wsapi_session_logon_ed25519")
    api_key = vector["payload"].split("&")[0].partition("=")[2]
    signer = Ed25519Signer(api_key, PEM)
    params = {"apiKey": api_key, "timestamp": 1649729878532}
    assert signer.sign(socket_payload(params)) == vector["signature"]
    sent = json.loads(BinanceTrading([BTC], signer).logon(1, 1649729878532 * MS))
    assert sent["params"]["signature"] == signer.sign(socket_payload({**params, "recvWindow": 5000}))


def test_a_key_of_another_kind_is_refused() -> None:
    """Only Ed25519 can log a session on."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError, match=r"another kind .*expected an Ed25519 private key"):
        Ed25519Signer("key", pem)


@pytest.mark.parametrize(
    ("time_in_force", "kind"),
    [
        (TimeInForce.GTC, "LIMIT"),
        (TimeInForce.IOC, "LIMIT"),
        (TimeInForce.FOK, "LIMIT"),
        (TimeInForce.POST_ONLY, "LIMIT_MAKER"),
    ],
)
def test_a_placement_has_exactly_the_orders_fields(wire: BinanceTrading, time_in_force: TimeInForce, kind: str) -> None:
    """All decimals, never a float, never an exponent."""
    request = json.loads(wire.place(7, 1, SELL, time_in_force, 2341610, 847, OURS, 1660801715431 * MS + 999_999))
    expected = {
        "newClientOrderId": OURS.hex(), "newOrderRespType": "FULL", "price": "23416.10", "quantity": "0.00847",
        "recvWindow": 5000, "side": "SELL", "symbol": "BTCUSDT", "timestamp": 1660801715431, "type": kind,
    }  # fmt: skip
    if time_in_force != TimeInForce.POST_ONLY:
        expected["timeInForce"] = time_in_force.name
    assert request == {"id": 7, "method": "order.place", "params": expected}


def test_a_replacement_stops_on_failure_and_touches_only_what_has_no_fill(wire: BinanceTrading) -> None:
    """Otherwise a fill that overtakes it is bought twice."""
    request = json.loads(wire.replace(8, 1, BUY, TimeInForce.GTC, 100, 5, OURS, bytes(16), 1))
    assert request["method"] == "order.cancelReplace"
    assert request["params"]["cancelReplaceMode"] == "STOP_ON_FAILURE"
    assert request["params"]["cancelRestrictions"] == "ONLY_NEW"
    assert request["params"]["cancelOrigClientOrderId"] == bytes(16).hex()


def test_questions_are_well_formed(wire: BinanceTrading) -> None:
    """Each is JSON, with the window and the time."""
    at = 1660801715431 * MS
    asked = [
        wire.status(1, 1, OURS, at), wire.status_by_venue_id(1, 1, b"5", at), wire.open_orders(1, at),
        wire.balances(1, at), wire.fills_of(1, 1, b"5", at), wire.fills_after(1, 1, b"4", at),
        wire.fills_last(1, 1, at), wire.cancel(1, 1, OURS, at),
    ]  # fmt: skip
    for frame in asked:
        params = json.loads(frame)["params"]
        assert (params["timestamp"], params["recvWindow"]) == (1660801715431, 5000)


@needs_captures
def test_documented_answers_to_a_placement_are_read(wire: BinanceTrading) -> None:
    """ACK, RESULT and FULL, with the fills of the last."""
    answers = documented("Place new order (TRADE)")[:3]
    orders = []
    for answer in answers:
        news = wire.read(json.dumps(answer | {"id": 3}).encode())
        assert (news.kind, news.request_id, news.outcome) == (Frame.ANSWER, 3, Outcome.ACCEPTED)
        orders.append(wire.read_order(news.body))
    assert [order.state for order, _ in orders] == [OrderState.OPEN, OrderState.OPEN, OrderState.FILLED]
    order, fills = orders[2]
    assert (order.client_id, order.venue_order_id, order.size, order.executed) == (OURS, b"12569099453", 847, 847)
    assert [(fill.fill_id, fill.price, fill.size, fill.side) for fill in fills] == [
        (b"1650422481", 2341610, 635, SELL),
        (b"1650422482", 2341650, 212, SELL),
    ]


@needs_captures
def test_a_documented_cancel_names_the_order_and_not_the_cancel(wire: BinanceTrading) -> None:
    """`origClientOrderId` is the order; `clientOrderId` is the cancel's own."""
    news = wire.read(json.dumps(documented("Cancel order (TRADE)")[0] | {"id": 1}).encode())
    order, _ = wire.read_order(news.body)
    assert (order.client_id, order.state, order.executed) == (b"4d96324ff9d44481926157", OrderState.CANCELLED, 1)


@needs_captures
def test_documented_listings_are_read(wire: BinanceTrading) -> None:
    """Open orders and own trades."""
    news = wire.read(json.dumps(documented("Current open orders")[0] | {"id": 1}).encode())
    (order,) = wire.read_orders(news.body)
    assert (order.state, order.executed) == (OrderState.PARTLY_FILLED, 720)
    news = wire.read(json.dumps(documented("Account trade history")[0] | {"id": 1}).encode())
    fills = wire.read_fills(news.body)
    assert [(fill.fill_id, fill.venue_order_id, fill.maker) for fill in fills] == [
        (b"1650422481", b"12569099453", True),
        (b"1650422482", b"12569099453", True),
    ]


@needs_captures
def test_the_documented_replacement_matrix_is_read(wire: BinanceTrading) -> None:
    """Each half's outcome, from a result as from an error."""
    seen = set()
    for answer in documented("Cancel and replace order"):
        news = wire.read(json.dumps(answer | {"id": 1}).encode())
        both = wire.read_replace(news)
        seen.add((both.cancel, both.place))
        assert (both.cancelled is not None) == (both.cancel == Outcome.ACCEPTED)
        assert (both.placed is not None) == (both.place == Outcome.ACCEPTED)
    yes, no = Outcome.ACCEPTED, Outcome.REFUSED
    assert {(yes, yes), (no, no), (yes, no)} <= seen


@needs_captures
def test_the_documented_execution_report_is_read(wire: BinanceTrading) -> None:
    """A new order without a fill."""
    news = wire.read(json.dumps(documented("Order Update", "event")[0]).encode())
    assert news.kind == Frame.REPORT
    assert news.order is not None
    assert (news.order.state, news.order.price, news.order.venue_order_id) == (OrderState.OPEN, 10264410, b"4293153")
    assert news.fill is None


def report(**change: Any) -> bytes:
    """An execution report of a trade."""
    event = {
        "e": "executionReport", "E": 1, "s": "BTCUSDT", "c": OURS.hex(), "S": "BUY", "o": "LIMIT", "f": "GTC",
        "q": "0.00847", "p": "23416.10000000", "C": "", "x": "TRADE", "X": "PARTIALLY_FILLED", "r": "NONE",
        "i": 42, "l": "0.00500", "z": "0.00600", "L": "23416.00", "n": "0.00000500", "N": "BTC", "T": 1660801715431,
        "t": 77, "m": True,
    }  # fmt: skip
    return json.dumps({"subscriptionId": 0, "event": event | change}).encode()


def test_a_trade_is_an_order_and_a_fill(wire: BinanceTrading) -> None:
    """Cumulative and last size are different numbers."""
    news = wire.read(report())
    assert news.order is not None
    assert news.fill is not None
    assert (news.order.executed, news.fill.size, news.fill.fee, news.fill.fee_asset) == (600, 500, 500, b"BTC")
    assert (news.fill.fill_id, news.fill.maker, news.fill.price) == (b"77", True, 2341600)


def test_a_cancels_report_names_the_order_in_its_original_id(wire: BinanceTrading) -> None:
    """`c` is the cancel's own id there."""
    news = wire.read(report(c="cancel", C=OURS.hex(), x="CANCELED", X="CANCELED", t=-1, n="0", N=None))
    assert news.order is not None
    assert (news.order.client_id, news.order.state, news.fill) == (OURS, OrderState.CANCELLED, None)


@pytest.mark.parametrize(
    ("status", "code", "text", "outcome"),
    [
        (400, -2010, "Account has insufficient balance for requested action.", Outcome.REFUSED),
        (400, -2010, "Duplicate order sent.", Outcome.UNKNOWN),
        (400, -1021, "Timestamp for this request is outside of the recvWindow.", Outcome.REFUSED),
        (400, -1013, "Filter failure: LOT_SIZE", Outcome.REFUSED),
        (400, -1006, "An unexpected response was received from the message bus.", Outcome.UNKNOWN),
        (400, -1007, "Timeout", Outcome.UNKNOWN),
        (503, -1008, "Server busy", Outcome.UNKNOWN),
        (500, -1000, "Unknown", Outcome.UNKNOWN),
        (418, -1003, "Way too many requests", Outcome.REFUSED),
        (429, -1015, "Too many new orders", Outcome.REFUSED),
        (403, 0, "", Outcome.REFUSED),
    ],
)
def test_an_error_means_refused_only_when_that_is_certain(
    wire: BinanceTrading, status: int, code: int, text: str, outcome: Outcome
) -> None:
    """Every doubt is a question to the venue, never a second order."""
    frame = json.dumps({"id": 1, "status": status, "error": {"code": code, "msg": text}}).encode()
    assert wire.read(frame).outcome == outcome


def test_a_rate_limits_end_is_read(wire: BinanceTrading) -> None:
    """Epoch milliseconds of the venue's clock."""
    error = {"code": -1003, "msg": "", "data": {"serverTime": 1, "retryAfter": 1659142907531}}
    news = wire.read(json.dumps({"id": 1, "status": 418, "error": error}).encode())
    assert news.retry_after_ns == 1659142907531 * MS


@pytest.mark.parametrize(
    "frame",
    [
        b'{"id":null,"status":401,"error":{"code":-2015,"msg":"revoked"}}',
        b'{"subscriptionId":0,"event":{"e":"eventStreamTerminated","E":1}}',
        b'{"e":"serverShutdown","E":1770123456789}',
        b'{"subscriptionId":0,"event":{"e":"serverShutdown","E":1}}',
    ],
)
def test_the_end_of_a_session_is_seen(wire: BinanceTrading, frame: bytes) -> None:
    """A session that is dead and looks alive is the worst kind."""
    assert wire.read(frame).kind == Frame.SHUTDOWN


def test_what_does_not_concern_orders_is_let_pass(wire: BinanceTrading) -> None:
    """Balances, other symbols."""
    assert wire.read(b'{"subscriptionId":0,"event":{"e":"outboundAccountPosition","E":1}}').kind == Frame.OTHER


def test_a_report_of_another_symbol_has_its_order_and_no_number(wire: BinanceTrading) -> None:
    """Without the symbol's decimals its numbers mean nothing; an order of ours there is an alarm."""
    news = wire.read(report(s="DOGEUSDT"))
    assert (news.kind, news.fill) == (Frame.REPORT, None)
    assert news.order is not None
    assert (news.order.symbol, news.order.price, news.order.size, news.order.executed) == ("DOGEUSDT", 0, 0, 0)


def test_an_unknown_answer_leaves_both_halves_of_a_replacement_unknown(wire: BinanceTrading) -> None:
    """-1007 speaks of the whole request."""
    both = wire.read_replace(News(Frame.ANSWER, outcome=Outcome.UNKNOWN))
    assert (both.cancel, both.place) == (Outcome.UNKNOWN, Outcome.UNKNOWN)


@pytest.mark.parametrize(
    ("text", "decimals", "number"), [("0.00847000", 5, 847), ("12", 2, 1200), ("-0.5", 1, -5), ("1.0", 0, 1)]
)
def test_numbers_are_read_exactly(text: str, decimals: int, number: int) -> None:
    """Never through a float."""
    assert fixed(text, decimals) == number


def test_the_compiled_reading_of_a_number_is_the_plain_one() -> None:
    """Nine numbers of each order are read by it: a digit that it lost would be a wrong size."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - to repeat it
    draw = random.Random(seed)
    read = 0
    for _ in range(20_000):
        text = "".join(draw.choices("00123456789.-+ _e\u0661", (*[9] * 11, 4, *[0.1] * 6), k=draw.randrange(24)))
        decimals = draw.randrange(10)
        plain = read_plain(text, decimals)
        if plain is not None:
            read += 1
            assert plain == read_any(text, decimals, INT64_MAX), (text, decimals)
        expected = -7 if plain is None or plain < 0 else plain
        assert read_amount(text, decimals, lambda *_: -7) == expected, (text, decimals)
    assert read > 1_000
    assert read_plain("-60000.50000000", 2) == -6_000_050
    assert read_plain(f"1.{'0' * 41}", 2) is None, "the plain reading refuses so many digits"


def test_an_id_is_ours_only_in_our_form() -> None:
    """One digit read wrongly would be another order's id; capitals are never ours."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - to repeat it
    draw, ours = random.Random(seed), re.compile(r"[0-9a-f]{32}")
    for _ in range(5_000):
        text = "".join(
            draw.choices("0123456789abcdefgA/:`\u0661", (*[9] * 16, *[0.05] * 6), k=draw.choice((31, 32, 33)))
        )
        assert read_client_id(text) == (bytes.fromhex(text) if ours.fullmatch(text) else None), text


CHANGES: tuple[dict[str, Any], ...] = (
    {}, {"t": -1}, {"s": "DOGEUSDT"}, {"p": "-1"}, {"p": 1}, {"S": "HOLD"}, {"e": "listStatus"},
    {"e": "serverShutdown"}, {"e": "balanceUpdate"}, {"e": "balanceUpdate", "a": "BTC", "d": "0.5"},
    {"e": "outboundAccountPosition"}, {"e": 5}, {"T": -1}, {"i": "1"}, {"N": "A" * 17}, {"c": "web", "C": "x" * 32},
)  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_an_event_means_the_same_read_at_once_and_step_by_step(
    wire: BinanceTrading, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    """The quick reading is for speed alone: it may decide nothing, and hide no fault of a message."""

    def found(frame: bytes) -> News | str:
        try:
            return wire.read(frame)
        except UnreadableError as error:
            return str(error)

    quick = found(report(**change))
    monkeypatch.setattr(reader, "known_event", lambda _: None)
    assert found(report(**change)) == quick


def test_a_number_that_would_lose_a_digit_is_refused() -> None:
    """A silent rounding is a wrong position."""
    with pytest.raises(ValueError, match="more than 5 decimals"):
        fixed("0.008471", 5)


def test_ids_of_others_stay_text() -> None:
    """32 characters that are no hex digits too."""
    assert client_id_of(OURS.hex()) == OURS
    assert client_id_of("web_1") == b"web_1"
    assert client_id_of("z" * 32) == b"z" * 32


def test_the_venues_clock_is_measured_by_its_shortest_round_trip() -> None:
    """And its doubt is half of that."""
    clock = VenueClock()
    clock.sample(1000, 2000, 6500)
    assert (clock.offset_ns, clock.doubt_ns) == (5000, 500)
    clock.sample(3000, 3100, 8060)
    assert (clock.offset_ns, clock.doubt_ns) == (5010, 50)
    clock.sample(4000, 9000, 11500)
    assert (clock.venue_ns(10), clock.venue_ns_least(10)) == (5020, 4970)


def answer(**words: object) -> bytes:
    """A frame of the API with these words."""
    return json.dumps(words).encode()


ERROR = {"code": -2010, "msg": "no" * 150}
READ: list[tuple[bytes, News]] = [
    (answer(id=3, status=200, result={"a": 1}), News(Frame.ANSWER, 3, Outcome.ACCEPTED, "", body=b'{"a": 1}')),
    (answer(id=3, status=399), News(Frame.ANSWER, 3, Outcome.ACCEPTED, "")),
    (answer(id=3, status=400), News(Frame.ANSWER, 3, Outcome.REFUSED, "-1000")),
    (answer(id=3, status=500), News(Frame.ANSWER, 3, Outcome.UNKNOWN, "-1000")),
    (answer(id=3, status=400, error=ERROR), News(Frame.ANSWER, 3, Outcome.REFUSED, "-2010", ("no" * 150)[:200])),
    (answer(id=3, status=400, error={}), News(Frame.ANSWER, 3, Outcome.REFUSED)),
    (answer(id=3, status=400, error={"data": {}}), News(Frame.ANSWER, 3, Outcome.REFUSED, body=b"{}")),
    (answer(id=3, status=429, error={"data": {"retryAfter": 5}}),
     News(Frame.ANSWER, 3, Outcome.REFUSED, retry_after_ns=5 * MS, body=b'{"retryAfter": 5}')),
    (answer(id=3, status=400, error={"data": [1]}), News(Frame.ANSWER, 3, Outcome.REFUSED, body=b"[1]")),
    (answer(id="x", status=200), News(Frame.OTHER)),
    (answer(status=401, error=ERROR), News(Frame.SHUTDOWN, error="-2010", text=("no" * 150)[:200])),
    (answer(e="serverShutdown"), News(Frame.SHUTDOWN)),
    (answer(e="something"), News(Frame.OTHER)),
    (answer(event={"e": "balanceUpdate", "a": "BTC", "d": "-1.5"}),
     News(Frame.TRANSFER, text="BTC", amount=-150_000_000)),
    (answer(event={"e": "balanceUpdate", "a": "A" * 17, "d": str(2**64)}),
     News(Frame.TRANSFER, text="A" * 16, amount=2**64 * 10**8)),
    (answer(event={"e": "listStatus"}), News(Frame.OTHER)),
]  # fmt: skip


@pytest.mark.parametrize(("frame", "news"), READ)
def test_a_frame_is_read_field_by_field(wire: BinanceTrading, frame: bytes, news: News) -> None:
    """A field that an answer lacks must not be read from it: execution acts on every field."""
    assert wire.read(frame) == news


def test_a_message_without_content_answers_nothing() -> None:
    """Its outcome is no outcome on which execution acts, and its number is no request's number."""
    nothing = News(Frame.OTHER)
    assert nothing.outcome not in set(Outcome)
    assert nothing == News(Frame.OTHER, -1, 0, "", "", 0, None, None, b"", 0)
    assert (len(set(Outcome)), len(set(Frame))) == (3, 5)


ORDER = {"symbol": "BTCUSDT", "orderId": 42, "clientOrderId": OURS.hex()}
FULL = ORDER | {
    "status": "FILLED", "side": "SELL", "price": "234.50", "origQty": "0.00009", "executedQty": "0.00007",
    "transactTime": 5, "fills": [
        {"price": "234.51", "qty": "0.00003", "commission": "0.00000004", "commissionAsset": "BNB", "tradeId": 8},
    ],
}  # fmt: skip


def test_an_order_of_an_answer_is_read_field_by_field(wire: BinanceTrading) -> None:
    """A field that is read as its neighbour is a wrong size, a wrong price or another account's order."""
    order, fills = wire.read_order(answer(**FULL))
    assert order == OrderNews("BTCUSDT", OURS, b"42", OrderState.FILLED, SELL, 23450, 9, 7, 5 * MS)
    assert fills == [FillNews("BTCUSDT", OURS, b"42", b"8", SELL, 23451, 3, 4, b"BNB", False, 5 * MS)]
    assert wire.read_order(answer(**ORDER)) == (OrderNews("BTCUSDT", OURS, b"42", OrderState.OPEN, 0, 0, 0, 0, 0), [])
    (listed,) = wire.read_orders(b"[" + answer(**ORDER, updateTime=6, status="NEWER", origClientOrderId="x") + b"]")
    assert listed == OrderNews("BTCUSDT", b"x", b"42", OrderState.OPEN, 0, 0, 0, 0, 6 * MS, "NEWER")
    (foreign,) = wire.read_orders(b"[" + answer(**FULL | {"symbol": "DOGEUSDT", "status": ""}) + b"]")
    assert foreign == OrderNews("DOGEUSDT", OURS, b"42", OrderState.OPEN, SELL, 0, 0, 0, 5 * MS, "none")


def test_a_trade_of_the_account_is_read_field_by_field(wire: BinanceTrading) -> None:
    """These are the fills that recovery finds."""
    trade = {
        "symbol": "BTCUSDT", "id": 8, "orderId": 42, "price": "234.51", "qty": "0.00003", "commission": "0.00000004",
        "commissionAsset": "BNB", "time": 5, "isBuyer": True, "isMaker": False,
    }  # fmt: skip
    fills = wire.read_fills(json.dumps([trade, trade | {"isBuyer": False, "isMaker": True}]).encode())
    assert fills == [
        FillNews("BTCUSDT", b"", b"42", b"8", BUY, 23451, 3, 4, b"BNB", False, 5 * MS),
        FillNews("BTCUSDT", b"", b"42", b"8", SELL, 23451, 3, 4, b"BNB", True, 5 * MS),
    ]
    with pytest.raises(UnreadableError, match="fills of 'DOGEUSDT'"):
        wire.read_fills(json.dumps([trade | {"symbol": "DOGEUSDT"}]).encode())


def test_a_report_is_read_field_by_field(wire: BinanceTrading) -> None:
    """What it leaves out is nothing: no fill, no fee, the taker's side."""
    at, least = 1660801715431 * MS, {"n": None, "N": None, "m": False, "t": 0, "c": "web"}
    order = OrderNews("BTCUSDT", OURS, b"42", OrderState.PARTLY_FILLED, BUY, 2341610, 847, 600, at)
    fill = FillNews("BTCUSDT", OURS, b"42", b"77", BUY, 2341600, 500, 500, b"BTC", True, at)
    assert wire.read(report()) == News(Frame.REPORT, order=order, fill=fill)
    bare = FillNews("BTCUSDT", b"web", b"42", b"0", BUY, 2341600, 500, 0, b"", False, at)
    assert wire.read(report(**least)).fill == bare
    kept = {
        name: value for name, value in json.loads(report())["event"].items() if name not in {"t", "C", "n", "N", "m"}
    }
    assert wire.read(answer(event=kept)) == News(Frame.REPORT, order=order)
    assert wire.read(answer(event=kept | {"t": 77})).fill == FillNews(
        "BTCUSDT", OURS, b"42", b"77", BUY, 2341600, 500, 0, b"", False, at
    )
    other = OrderNews("DOGEUSDT", OURS, b"42", OrderState.OPEN, SELL, 0, 0, 0, at, "ODD")
    assert wire.read(report(s="DOGEUSDT", S="SELL", X="ODD", c="cancel", C=OURS.hex())).order == other


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({}, ReplaceNews(Outcome.REFUSED, Outcome.REFUSED, "-2021", "-2021", "outer")),
        ({"cancelResult": "FAILURE", "newOrderResult": "NOT_ATTEMPTED", "cancelResponse": {"code": -2011, "msg": "a"}},
         ReplaceNews(Outcome.REFUSED, Outcome.REFUSED, "-2011", "-2021", "outer")),
        ({"cancelResult": "FAILURE", "cancelResponse": {"code": -1007}},
         ReplaceNews(Outcome.UNKNOWN, Outcome.REFUSED, "-1007", "-2021", "outer")),
        ({"newOrderResult": "FAILURE", "newOrderResponse": {"code": -2010, "msg": "b" * 300}},
         ReplaceNews(Outcome.REFUSED, Outcome.REFUSED, "", "-2010", "b" * 200)),
        ({"cancelResult": "FAILURE", "newOrderResult": "FAILURE", "cancelResponse": {}, "newOrderResponse": None},
         ReplaceNews(Outcome.REFUSED, Outcome.REFUSED, "", "-2021", "outer")),
        ({"cancelResult": "SUCCESS", "newOrderResult": "SUCCESS", "cancelResponse": ORDER, "newOrderResponse": FULL},
         ReplaceNews(Outcome.ACCEPTED, Outcome.ACCEPTED, "", "-2021", "outer",
                     OrderNews("BTCUSDT", OURS, b"42", OrderState.OPEN, 0, 0, 0, 0, 0),
                     OrderNews("BTCUSDT", OURS, b"42", OrderState.FILLED, SELL, 23450, 9, 7, 5 * MS),
                     [FillNews("BTCUSDT", OURS, b"42", b"8", SELL, 23451, 3, 4, b"BNB", False, 5 * MS)])),
    ],
)  # fmt: skip
def test_each_half_of_a_replacement_has_its_own_outcome(
    wire: BinanceTrading, result: dict[str, object], expected: ReplaceNews
) -> None:
    """An old order treated as gone, or a new one treated as placed, is an order without a watcher."""
    news = News(Frame.ANSWER, 1, Outcome.REFUSED, "-2021", "outer", body=json.dumps(result).encode())
    assert wire.read_replace(news) == expected


@pytest.mark.parametrize("body", [b"", b"[]", b'{"cancelResult":"SUCCESS"}'])
def test_an_answer_without_halves_speaks_of_both(wire: BinanceTrading, body: bytes) -> None:
    """Also when it has halves and nothing is known of the whole."""
    found = wire.read_replace(News(Frame.ANSWER, 1, Outcome.UNKNOWN, "-1007", "late", body=body))
    assert found == ReplaceNews(Outcome.UNKNOWN, Outcome.UNKNOWN, "-1007", "-1007", "late")


def test_a_refusal_that_means_no_right_is_known_by_its_code_or_words(wire: BinanceTrading) -> None:
    """Entries stop at once; treated as one order's refusal, every further one would be sent and refused."""
    assert [code for code in range(-2030, -999) if wire.denied(str(code), "")] == [-2015, -2014, -1002]
    assert [code for code in range(-2030, -999) if wire.gone(str(code))] == [-2026, -2013]
    texts = ("This action is disabled on this account.", "This account may not place or cancel orders.", "Filter")
    assert [wire.denied("-2010", text) for text in texts] == [True, True, False]


def test_balances_are_free_and_locked_together(wire: BinanceTrading) -> None:
    """What is locked in an order is still held."""
    rows = [{"asset": "BTC", "free": "1.5", "locked": "0.25"}, {"asset": "X", "free": str(2**70), "locked": "0"}]
    assert wire.read_balances(answer(balances=rows)) == (
        {"BTC": 175_000_000, "X": 2**70 * 10**8},
        {"BTC": 25_000_000},
    )


I64 = 2**63 - 1
EDGES: list[tuple[str, int, int]] = [
    ('{"symbol":"BTCUSDT","orderId":%d,"clientOrderId":"x"}', -1, I64),
    ('{"symbol":"BTCUSDT","orderId":1,"clientOrderId":"x","transactTime":%d}', 0, I64 // MS),
    ('{"symbol":"BTCUSDT","orderId":1,"clientOrderId":"x","origQty":"%d"}', 0, I64 // 10**5),
]
CLOCKS = 8_000_000_000_000


@pytest.mark.parametrize(("text", "least", "most"), EDGES)
def test_a_number_that_no_record_holds_cannot_be_read(wire: BinanceTrading, text: str, least: int, most: int) -> None:
    """Cut to 64 bits it would be another order, another time or another size; its edges are inside."""
    for inside in (least, most):
        assert isinstance(wire.read_order((text % inside).encode())[0], OrderNews)
    for outside in (least - 1, most + 1):
        with pytest.raises(UnreadableError):
            wire.read_order((text % outside).encode())


def test_the_venues_clock_and_codes_have_their_edges(wire: BinanceTrading) -> None:
    """A deadline made of a clock beyond 2223 would not fit 64 bits, nor a code beyond 32 bits its record."""
    assert [wire.read_time(answer(serverTime=one)) for one in (0, CLOCKS)] == [0, CLOCKS * MS]
    for clock in (-1, CLOCKS + 1):
        with pytest.raises(UnreadableError):
            wire.read_time(answer(serverTime=clock))
    assert [wire.read(answer(id=1, status=400, error={"code": one})).error for one in (-(2**31), 2**31 - 1)] == [
        str(-(2**31)), str(2**31 - 1),
    ]  # fmt: skip
    for code in (-(2**31) - 1, 2**31):
        with pytest.raises(UnreadableError):
            wire.read(answer(id=1, status=400, error={"code": code}))


def test_numbers_and_names_as_wide_as_a_record_and_no_wider() -> None:
    """One more would be cut: a name is another asset, a number another amount."""
    assert (fixed(str(I64), 0), fixed(str(-I64), 0), amount("0", 8)) == (I64, -I64, 0)
    for text in (str(I64 + 1), str(-I64 - 1)):
        with pytest.raises(ValueError, match="is wider than 64 bits at 0 decimals"):
            fixed(text, 0)
    with pytest.raises(ValueError, match="is below zero"):
        amount("-1", 0)
    assert wide(f"{2**100 // 10**8 - 1}.00000001") == (2**100 // 10**8 - 1) * 10**8 + 1
    assert fixed(str(2**100 - 1), 0, BALANCE_MOST) == 2**100 - 1
    with pytest.raises(ValueError, match="is wider than 101 bits"):
        fixed(str(2**100), 0, BALANCE_MOST)
    assert asset_of("A" * 16) == b"A" * 16
    with pytest.raises(ValueError, match="expected at most 16 bytes"):
        asset_of("A" * 17)
    assert (fixed("1.50", 1), fixed("1.5", 1), fixed("1.500", 2)) == (15, 15, 150)
    for text in ("1_0", " 1", "1.", ".5", "+1", "1e3", ""):
        with pytest.raises(ValueError, match="is no decimal number"):
            fixed(text, 2)


def test_a_request_is_valid_for_five_seconds_by_default() -> None:
    """A longer window lets an old order come to be; a shorter one refuses it in every hiccup of the network."""
    wire = BinanceTrading([BTC], Ed25519Signer("key", PEM))
    assert json.loads(wire.logon(1, MS))["params"]["recvWindow"] == 5000
    assert wire.receive_window_ns == 5_000 * MS


def test_a_side_is_one_of_two() -> None:
    """Any other word would be an order in neither direction."""
    assert (side_of("BUY"), side_of("SELL")) == (BUY, SELL)
    with pytest.raises(ValueError, match="expected BUY or SELL"):
        side_of("buy")


def test_what_cannot_be_read_is_kept_short_with_its_cause() -> None:
    """A frame of megabytes must not fill the log, and a failed assertion is our own mistake, never the venue's."""

    @readable
    def read(failure: Exception, text: bytes) -> None:
        """Fail on every text."""
        assert isinstance(text, bytes)
        raise failure

    with pytest.raises(UnreadableError) as caught:
        read(ValueError("w" * 300), b"x" * 600)
    found = caught.value
    assert (found.why, found.text, str(found)) == (f"ValueError: {'w' * 200}", b"x" * 500, found.why)
    assert isinstance(found.__cause__, ValueError)
    for failure in (ZeroDivisionError(), KeyError(), TypeError(), RecursionError(), msgspec.DecodeError()):
        with pytest.raises(UnreadableError):
            read(failure, b"")
    with pytest.raises(AssertionError):
        read(AssertionError(), b"")


@pytest.mark.parametrize(("words", "may"), [({}, True), ({"canTrade": True}, True), ({"canTrade": False}, False)])
def test_an_account_may_trade_unless_the_venue_forbids_it(
    wire: BinanceTrading, words: dict[str, bool], may: bool
) -> None:
    """A barred account is known before its first order is refused; a missing answer bars no account."""
    assert wire.may_trade(answer(balances=[], **words)) is may


@pytest.mark.parametrize(("waits", "price", "expected"), [
    (Waits(OrderType.STOP, 5_900_000), 0, {"type": "STOP_LOSS", "stopPrice": "59000.00"}),
    (Waits(OrderType.STOP_LIMIT, 5_900_000), 5_890_000,
     {"type": "STOP_LOSS_LIMIT", "stopPrice": "59000.00", "price": "58900.00", "timeInForce": "GTC"}),
    (Waits(OrderType.TAKE_PROFIT, 6_100_000), 0, {"type": "TAKE_PROFIT", "stopPrice": "61000.00"}),
    (Waits(OrderType.TAKE_PROFIT_LIMIT, 6_100_000), 6_100_000,
     {"type": "TAKE_PROFIT_LIMIT", "stopPrice": "61000.00", "price": "61000.00", "timeInForce": "GTC"}),
    (Waits(OrderType.STOP, 0, 150), 0, {"type": "STOP_LOSS", "trailingDelta": 150}),
])  # fmt: skip
def test_a_native_order_has_exactly_the_parameters_of_its_type(
    wire: BinanceTrading, waits: Waits, price: int, expected: dict[str, Any]
) -> None:
    """A parameter too many is refused (-1106), a missing one (-1102) too."""
    sent = json.loads(wire.place_native(7, waits, 1, SELL, TimeInForce.GTC, price, 150_000, OURS, 5 * MS))
    common = {
        "newClientOrderId": OURS.hex(), "newOrderRespType": "FULL", "quantity": "1.50000", "recvWindow": 5000,
        "side": "SELL", "symbol": "BTCUSDT", "timestamp": 5,
    }  # fmt: skip
    assert sent == {"id": 7, "method": "order.place", "params": common | expected}


@pytest.mark.parametrize(("side", "stop", "stop_limit", "expected"), [
    (SELL, Waits(OrderType.STOP, 5_900_000), 0,
     {"belowType": "STOP_LOSS", "belowStopPrice": "59000.00", "aboveType": "LIMIT_MAKER", "abovePrice": "61000.00"}),
    (BUY, Waits(OrderType.STOP_LIMIT, 6_200_000), 6_210_000,
     {"aboveType": "STOP_LOSS_LIMIT", "aboveStopPrice": "62000.00", "abovePrice": "62100.00",
      "aboveTimeInForce": "GTC", "belowType": "LIMIT_MAKER", "belowPrice": "61000.00"}),
])  # fmt: skip
def test_a_pair_has_its_stop_on_the_side_of_a_loss(
    wire: BinanceTrading, side: int, stop: Waits, stop_limit: int, expected: dict[str, Any]
) -> None:
    """With the two places exchanged the venue refuses every pair."""
    other = OURS[:-1] + b"z"
    request = wire.place_pair(7, stop, 1, side, stop_limit, 6_100_000, 150_000, OURS, other, 5 * MS)
    sent = json.loads(request)["params"]
    place, limit = ("below", "above") if side == SELL else ("above", "below")
    ids = {f"{place}ClientOrderId": OURS.hex(), f"{limit}ClientOrderId": other.hex()}
    common = {
        "listClientOrderId": f"L-{other.hex()}", "newOrderRespType": "RESULT", "quantity": "1.50000",
        "recvWindow": 5000, "side": "BUY" if side == BUY else "SELL", "symbol": "BTCUSDT", "timestamp": 5,
    }  # fmt: skip
    assert sent == common | ids | expected
    assert json.loads(request)["method"] == "orderList.place.oco"


def test_the_cancel_of_one_order_of_a_pair_is_answered_with_both(wire: BinanceTrading) -> None:
    """The venue cancels the list; an answer about other orders says nothing about ours."""
    both = [
        {
            "symbol": "BTCUSDT", "orderId": number, "origClientOrderId": name.hex(), "clientOrderId": "cancelled",
            "status": "CANCELED", "side": "SELL", "type": "LIMIT_MAKER", "price": "61000.00", "origQty": "1.0",
        }
        for number, name in ((4, OURS), (5, b"o" * 16))
    ]  # fmt: skip
    body = json.dumps({"orderListId": 1, "orderReports": both}).encode()
    news, others = wire.read_cancelled(body, b"o" * 16)
    assert (news.client_id, [one.client_id for one in others]) == (b"o" * 16, [OURS])
    with pytest.raises(UnreadableError, match="is answered without it"):
        wire.read_cancelled(body, b"x" * 16)
    assert wire.read_cancelled(json.dumps(both[0]).encode(), OURS) == (
        wire.read_order(json.dumps(both[0]).encode())[0],
        [],
    )


@pytest.mark.parametrize(("kind", "price", "found"), [
    ("STOP_LOSS", "0.00000000", (OrderType.STOP, 5_900_000)),
    ("TAKE_PROFIT_LIMIT", "59100.00000000", (OrderType.TAKE_PROFIT_LIMIT, 5_910_000)),
    ("LIMIT_MAKER", "59100.00000000", (OrderType.LIMIT, 5_910_000)),
])  # fmt: skip
def test_an_order_has_its_type_and_without_a_limit_its_trigger_s_price(
    wire: BinanceTrading, kind: str, price: str, found: tuple[int, int]
) -> None:
    """An orphan stop that is adopted as a limit order would make its own fills false."""
    order = {
        "symbol": "BTCUSDT", "orderId": 4, "clientOrderId": OURS.hex(), "status": "NEW", "side": "SELL", "type": kind,
        "price": price, "stopPrice": "59000.00000000", "origQty": "1.0", "executedQty": "0.0",
    }  # fmt: skip
    news, _ = wire.read_order(json.dumps(order).encode())
    assert (news.order_type, news.price) == found
    event = {
        "e": "executionReport", "s": "BTCUSDT", "c": OURS.hex(), "S": "SELL", "o": kind, "q": "1.0", "p": price,
        "P": "59000.00000000", "X": "NEW", "i": 4, "l": "0.0", "z": "0.0", "L": "0.0", "T": 1, "t": -1,
    }  # fmt: skip
    report = wire.read(json.dumps({"event": event}).encode()).order
    assert report is not None
    assert (report.order_type, report.price) == found

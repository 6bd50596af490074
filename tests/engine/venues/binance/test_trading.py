"""Binance's trading wire against recorded documentation and published signatures."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from engine.model.instrument import Instrument
from engine.model.words import BUY, SELL, OrderState, TimeInForce
from engine.venues.binance.signing import Ed25519Signer, HmacSigner, signed_query, socket_payload
from engine.venues.binance.trading import BinanceTrading, client_id_of, fixed
from engine.venues.trading import Frame, News, Outcome
from engine.venues.trading_clock import VenueClock

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
def test_a_placement_says_exactly_what_was_meant(wire: BinanceTrading, time_in_force: TimeInForce, kind: str) -> None:
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
        wire.status(1, 1, OURS, at), wire.status_by_venue_id(1, 1, 5, at), wire.open_orders(1, at),
        wire.balances(1, at), wire.fills_of(1, 1, 5, at), wire.fills_from(1, 1, 5, at), wire.fills_last(1, 1, at),
        wire.cancel(1, 1, OURS, at),
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
    assert (order.client_id, order.venue_order_id, order.size, order.executed) == (OURS, 12569099453, 847, 847)
    assert [(fill.fill_id, fill.price, fill.size, fill.side) for fill in fills] == [
        (1650422481, 2341610, 635, SELL),
        (1650422482, 2341650, 212, SELL),
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
        (1650422481, 12569099453, True),
        (1650422482, 12569099453, True),
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
    assert (news.order.state, news.order.price, news.order.venue_order_id) == (OrderState.OPEN, 10264410, 4293153)
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
    assert (news.fill.fill_id, news.fill.maker, news.fill.price) == (77, True, 2341600)


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
def test_an_error_says_refused_only_when_it_is_sure(
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


def test_a_report_of_another_symbol_says_whose_it_is_and_no_number(wire: BinanceTrading) -> None:
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


def test_a_number_that_would_lose_a_digit_is_refused() -> None:
    """A silent rounding is a wrong position."""
    with pytest.raises(ValueError, match="more than 5 decimals"):
        fixed("0.008471", 5)


def test_ids_of_others_stay_text() -> None:
    """32 characters that are no hex digits too."""
    assert client_id_of(OURS.hex()) == OURS
    assert client_id_of("web_1") == b"web_1"
    assert client_id_of("z" * 32) == b"z" * 32


def test_the_venues_clock_is_believed_by_its_shortest_round_trip() -> None:
    """And its doubt is half of that."""
    clock = VenueClock()
    clock.sample(1000, 2000, 6500)
    assert (clock.offset_ns, clock.doubt_ns) == (5000, 500)
    clock.sample(3000, 3100, 8060)
    assert (clock.offset_ns, clock.doubt_ns) == (5010, 50)
    clock.sample(4000, 9000, 11500)
    assert (clock.venue_ns(10), clock.venue_ns_least(10)) == (5020, 4970)

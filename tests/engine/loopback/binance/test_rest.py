"""REST: shapes as documented, signatures, times, errors and limits."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from engine.loopback.binance.keys import Key, rest_payload, socket_payload
from engine.loopback.binance.limits import LimitSettings
from tests.engine.loopback.binance.wire import LIMIT, MARKET, MILLISECOND_NS, PRIVATE, PUBLIC_PEM, SECOND_NS, Wire

ROOT = Path(__file__).parents[4]
CAPTURES = Path(os.environ.get("STEELYARD_CAPTURES", ROOT.parent / "shared" / "captures"))


def documented(section: str, document: str = "rest-api", index: int = 0) -> Any:
    """A published example answer, where the recorded material is at hand."""
    path = CAPTURES / "fixtures" / "binance_docs_examples" / f"{document}.examples.ndjson"
    if not path.exists():
        pytest.skip(f"no recorded material at {CAPTURES}: set STEELYARD_CAPTURES")
    found = [json.loads(line) for line in path.read_text().splitlines()]
    answers = [one["json"] for one in found if one["section"].endswith(section) and one["kind"] != "request"]
    return answers[index]


@pytest.mark.parametrize(
    ("method", "path", "section", "index", "values"),
    [
        ("GET", "exchangeInfo", "Exchange information", 0, None),
        ("GET", "depth", "Order book", 0, {"symbol": "BTCUSDT"}),
        ("GET", "ticker/bookTicker", "Symbol order book ticker", 0, {"symbol": "BTCUSDT"}),
        ("GET", "ticker/price", "Symbol price ticker", 0, {"symbol": "BTCUSDT"}),
        ("GET", "time", "Check server time", 0, None),
        ("POST", "order", "New order (TRADE)", 0, {**LIMIT, "newOrderRespType": "ACK"}),
        ("POST", "order", "New order (TRADE)", 1, {**LIMIT, "newOrderRespType": "RESULT"}),
        ("POST", "order", "New order (TRADE)", 2, MARKET),
        ("GET", "account", "Account information (USER_DATA)", 0, {}),
        ("GET", "rateLimit/order", "Query Unfilled Order Count (USER_DATA)", 0, {}),
        ("GET", "account/commission", "Query Commission Rates (USER_DATA)", 0, {"symbol": "BTCUSDT"}),
    ],
)
def test_answer_has_the_documented_fields(
    method: str, path: str, section: str, index: int, values: dict[str, Any] | None
) -> None:
    """A field missing here is a client broken there."""
    wire = Wire()
    market = values is not None and (method == "POST" or "symbol" not in values or "commission" in path)
    status, answer = (
        wire.signed(method, path, **(values or {})) if market else wire.rest(method, path, **(values or {}))
    )
    assert status == 200, answer
    assert shape(answer) == shape(documented(section, index=index))


def shape(value: Any) -> Any:
    """The names in an answer, two levels deep."""
    if isinstance(value, list):
        return [shape(value[0])] if value and isinstance(value[0], dict) else []
    return {
        name: shape(one) if isinstance(one, list) else None
        for name, one in value.items()
        if name not in {"rateLimits", "sors", "filters"}
    }


def test_cancelled_queried_and_listed_orders_have_the_documented_fields() -> None:
    """Four ways to receive an order's result; each has its own fields."""
    wire = Wire()
    name = "mine"
    wire.signed("POST", "order", **LIMIT, newClientOrderId=name)
    _, known = wire.signed("GET", "order", symbol="BTCUSDT", origClientOrderId=name)
    _, open_orders = wire.signed("GET", "openOrders", symbol="BTCUSDT")
    _, all_orders = wire.signed("GET", "allOrders", symbol="BTCUSDT")
    _, gone = wire.signed("DELETE", "order", symbol="BTCUSDT", origClientOrderId=name)
    wire.signed("POST", "order", **MARKET)
    _, trades = wire.signed("GET", "myTrades", symbol="BTCUSDT")
    assert known.keys() == documented("Query order (USER_DATA)").keys()
    assert open_orders == all_orders == [known]
    assert gone.keys() == documented("Cancel order (TRADE)").keys()
    assert (gone["origClientOrderId"], gone["status"]) == (name, "CANCELED")
    assert trades[0].keys() == documented("Account trade list (USER_DATA)")[0].keys()


def test_published_signatures_verify() -> None:
    """Our reading of what is signed is held against the venue's own examples."""
    path = CAPTURES / "vectors" / "signing_vectors.json"
    if not path.exists():
        pytest.skip(f"no recorded material at {CAPTURES}: set STEELYARD_CAPTURES")
    vectors = {one["name"]: one for one in json.loads(path.read_text())}
    for name in (
        "binance_rest_ascii",
        "binance_rest_non_ascii_symbol",
        "binance_wsapi_ascii",
        "binance_wsapi_non_ascii",
    ):
        one = vectors[name]
        key = Key(one["apiKey"], "a", one["secretKey"].encode())
        if "wsapi" in name:
            values = dict(pair.split("=", 1) for pair in one["payload"].split("&"))
            payload = socket_payload({**dict(reversed(values.items())), "signature": one["signature"]})
        else:
            payload = rest_payload(f"{one['payload']}&signature={one['signature']}", "")
        assert payload == one["payload"].encode()
        assert key.signed(payload, one["signature"].upper())
        assert not key.signed(payload + b"1", one["signature"])
    one = vectors["binance_rest_query_plus_body"]
    query, body = one["payload"].split("quantity", 1)
    joined = rest_payload(query, f"quantity{body}&signature={one['signature']}")
    assert Key("k", "a", one["secretKey"].encode()).signed(joined, one["signature"])


def test_ed25519_signature_is_checked() -> None:
    """The engine's own key is of this kind."""
    import base64

    key = Key.ed25519("k", "a", PUBLIC_PEM)
    signature = base64.b64encode(PRIVATE.sign(b"payload")).decode()
    assert key.signed(b"payload", signature)
    assert not key.signed(b"other", signature)
    assert not key.signed(b"payload", "rubbish")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"price": "40000.001"}, -1013),
        ({"quantity": "0.000001"}, -1013),
        ({"quantity": "0.00001"}, -1013),
        ({"price": "40000.000000001"}, -1111),
        ({"price": "cheap"}, -1100),
        ({"newClientOrderId": "a b"}, -1100),
        ({"price": ""}, -1105),
        ({"symbol": "NOPE"}, -1121),
        ({"side": "HOLD"}, -1117),
        ({"type": "STOP"}, -1116),
        ({"timeInForce": "GTX"}, -1115),
        ({"quoteOrderQty": "5"}, -1106),
        ({"surprise": "1"}, -1104),
        ({"side": "SELL", "quantity": "101"}, -2010),
        ({"timestamp": 1}, -1021),
        ({"timestamp": 1_900_000_000_000}, -1021),
        ({"timestamp": "soon"}, -1100),
        ({"recvWindow": "60001"}, -1131),
        ({"signature": "00"}, -1022),
    ],
)
def test_wrong_order_gets_the_real_code(change: dict[str, Any], code: int) -> None:
    """A client decides by the code what to do next."""
    wire = Wire()
    status, answer = wire.signed("POST", "order", **{**LIMIT, **change})
    assert (status, answer["code"]) == (400, code), answer
    assert not wire.truth("accepted")


@pytest.mark.parametrize(("key", "code"), [("Z" * 64, -2015), ("short", -2014), ("", -2014)])
def test_unknown_key_is_turned_away(key: str, code: int) -> None:
    """No account without a key."""
    wire = Wire()
    status, answer = wire.rest("GET", "account", key, timestamp=wire.now_ns // MILLISECOND_NS)
    assert (status, answer["code"]) == (401, code)


def test_filter_is_named_in_the_answer() -> None:
    """The engine learns which step it broke from the words alone."""
    wire = Wire()
    assert wire.signed("POST", "order", **{**LIMIT, "price": "40000.001"})[1]["msg"] == "Filter failure: PRICE_FILTER"
    assert wire.signed("POST", "order", **{**LIMIT, "quantity": "0.00001"})[1]["msg"] == "Filter failure: NOTIONAL"


def test_duplicate_while_open_unknown_after() -> None:
    """The three answers about an id: duplicate while open, unknown to cancel, no such order to query."""
    wire = Wire()
    wire.signed("POST", "order", **LIMIT, newClientOrderId="once")
    _, twice = wire.signed("POST", "order", **LIMIT, newClientOrderId="once")
    assert (twice["code"], twice["msg"]) == (-2010, "Duplicate order sent.")
    assert wire.signed("DELETE", "openOrders", symbol="BTCUSDT")[0] == 200
    assert wire.signed("DELETE", "order", symbol="BTCUSDT", origClientOrderId="once")[1]["code"] == -2011
    assert wire.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="never")[1]["code"] == -2013


def test_order_limit_answers_429_and_fills_give_the_count_back() -> None:
    """-1015 comes with the time to wait; an order that was filled does not count."""
    wire = Wire(limits=LimitSettings(orders_10_seconds=2))
    for _ in range(3):
        assert wire.signed("POST", "order", **MARKET)[0] == 200
    for price in ("40000", "40001"):
        assert wire.signed("POST", "order", **{**LIMIT, "price": price})[0] == 200
    status, headers, body = wire.full("POST", "order", timestamp=wire.now_ns // MILLISECOND_NS, **LIMIT)
    assert (status, json.loads(body)["code"], headers["x-mbx-order-count-10s"]) == (429, -1015, "2")
    assert 1 <= int(headers["retry-after"]) <= 10
    wire.wait(10 * SECOND_NS)
    assert wire.signed("POST", "order", **LIMIT)[0] == 200


def test_weight_over_the_limit_is_429_then_a_ban() -> None:
    """A client that does not stop at 429 is banned with 418 until a given time."""
    wire = Wire(limits=LimitSettings(weight_minute=50))
    statuses = [wire.full("GET", "depth", symbol="BTCUSDT", limit=500)[0] for _ in range(30)]
    assert statuses[:3] == [200, 200, 429]
    assert statuses[-1] == 418
    wire.wait(121 * SECOND_NS)
    assert wire.full("GET", "ping")[0] == 200


def test_request_late_at_the_matching_engine_is_refused_there() -> None:
    """A recvWindow is checked again after the modelled delay: a request in time on receipt may be late."""
    wire = Wire(request_delay_ns=300 * MILLISECOND_NS)
    late = wire.signed("POST", "order", **LIMIT, recvWindow=200)
    assert late[1]["code"] == -1021
    assert not wire.truth("accepted")
    wire.now_ns = wire.venue.now_ns
    assert wire.signed("POST", "order", **LIMIT, recvWindow=400)[0] == 200

"""The WebSocket API: logon, orders, replaces, user data; and what goes wrong on the way."""

import base64
from typing import Any

import pytest

from engine.loopback.binance.faults import FaultRates
from engine.loopback.binance.keys import Key, socket_payload
from engine.loopback.binance.limits import LimitSettings
from engine.loopback.binance.session import Session
from tests.engine.loopback.binance.test_rest import documented
from tests.engine.loopback.binance.wire import (
    ED_KEY,
    LIMIT,
    MARKET,
    MILLISECOND_NS,
    PRIVATE,
    SECOND_NS,
    Wire,
    events,
    read,
)

FAR = {**LIMIT, "price": "50000"}
TAKING = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT_MAKER", "quantity": "0.01", "price": "70000"}


def logged_on(wire: Wire) -> Session:
    """A session logged on with the Ed25519 key."""
    session = wire.api()
    params: dict[str, Any] = {"apiKey": ED_KEY, "timestamp": wire.now_ns // MILLISECOND_NS}
    payload = socket_payload({name: str(value) for name, value in params.items()})
    answer = wire.plain(session, "session.logon", **params, signature=base64.b64encode(PRIVATE.sign(payload)).decode())
    assert answer["status"] == 200, answer
    return session


def stamp(wire: Wire) -> int:
    """The time as requests carry it."""
    return wire.now_ns // MILLISECOND_NS


def test_after_logon_requests_need_no_signature() -> None:
    """The engine trades this way: one logon, then only a timestamp; after the logout the session has no account."""
    wire = Wire()
    session = logged_on(wire)
    status = wire.plain(session, "session.status")["result"]
    assert status.keys() == documented("Query session status", "web-socket-api")["result"].keys()
    placed = wire.plain(session, "order.place", **LIMIT, newClientOrderId="a" * 32, timestamp=stamp(wire))
    assert placed["result"]["status"] == "NEW"
    assert [limit["rateLimitType"] for limit in placed["rateLimits"]] == ["ORDERS", "ORDERS", "REQUEST_WEIGHT"]
    assert wire.truth("accepted")[-1]["account"] == "engine"
    wire.plain(session, "session.logout")
    refused = wire.plain(session, "order.place", **LIMIT, timestamp=stamp(wire))
    assert refused["error"]["code"] == -1102


def test_a_deleted_key_is_rejected_also_in_its_session_and_a_new_one_trades_the_same_account() -> None:
    """A key is changed while the account trades: what the old key may still do would hide a forgotten process."""
    wire = Wire()
    old = logged_on(wire)
    [first, second] = wire.venue.settings.keys
    wire.venue.set_keys((first, second))
    assert wire.plain(old, "order.place", **LIMIT, timestamp=stamp(wire))["status"] == 200, "the same keys again"
    new = Key("N" * 64, "engine", b"secret of the new key")
    wire.venue.set_keys((new,))
    assert wire.plain(old, "order.place", **LIMIT, timestamp=stamp(wire))["error"]["code"] == -2015
    assert wire.signed("GET", "account")[1]["code"] == -2015
    assert wire.venue.keys.find("N" * 64).account == "engine"


def test_hmac_key_cannot_log_on() -> None:
    """The real venue accepts only Ed25519 here."""
    wire = Wire()
    assert wire.ask(wire.api(), "session.logon")["status"] == 400


def test_own_events_have_the_documented_fields_in_order() -> None:
    """NEW, TRADE and CANCELED as the user data stream sends them, with the balances after."""
    wire = Wire()
    session = logged_on(wire)
    assert wire.plain(session, "userDataStream.subscribe")["result"] == {"subscriptionId": 0}
    wire.plain(session, "order.place", **LIMIT, newClientOrderId="mine", timestamp=stamp(wire))
    wire.raw(session, {"id": 1, "method": "order.place", "params": {**MARKET, "timestamp": stamp(wire)}})
    first = read(session)
    cancel = {"symbol": "BTCUSDT", "origClientOrderId": "mine", "timestamp": stamp(wire)}
    wire.raw(session, {"id": 2, "method": "order.cancel", "params": cancel})
    received = [one["event"] for one in [*first, *read(session)] if "event" in one]
    reports = [one for one in received if one["e"] == "executionReport"]
    steps = [(one["x"], one["X"]) for one in reports]
    assert steps == [("NEW", "NEW"), ("TRADE", "FILLED"), ("CANCELED", "CANCELED")]
    published = documented("Order Update", "user-data-stream")["event"]
    assert reports[0].keys() == published.keys() - {"v"}
    assert (reports[2]["C"], reports[2]["c"] != "mine") == ("mine", True)
    assert reports[1]["n"] == "0.00001000"
    position = next(one for one in received if one["e"] == "outboundAccountPosition")
    assert position.keys() == documented("Account Update", "user-data-stream")["event"].keys()


def test_balance_update_is_reported_and_logout_ends_the_subscription() -> None:
    """Money from outside is an event too; a logout ends what lived on the logon."""
    wire = Wire()
    session = logged_on(wire)
    wire.plain(session, "userDataStream.subscribe")
    wire.venue.deposit("engine", "USDT", 5, wire.now_ns)
    assert events(session)[0].keys() == documented("Balance Update", "user-data-stream")["event"].keys()
    wire.plain(session, "session.logout")
    wire.venue.deposit("engine", "USDT", 5, wire.now_ns)
    assert events(session) == []


def test_subscription_by_signature_needs_no_logon() -> None:
    """How a client with an HMAC key receives its own events."""
    wire = Wire()
    session = wire.api()
    assert wire.ask(session, "userDataStream.subscribe.signature")["result"] == {"subscriptionId": 0}
    wire.signed("POST", "order", **LIMIT)
    assert [one["e"] for one in events(session)] == ["executionReport", "outboundAccountPosition"]


@pytest.mark.parametrize(
    ("mode", "known", "order", "status", "code", "results"),
    [
        ("STOP_ON_FAILURE", True, FAR, 200, 0, ("SUCCESS", "SUCCESS")),
        ("STOP_ON_FAILURE", False, FAR, 400, -2022, ("FAILURE", "NOT_ATTEMPTED")),
        ("ALLOW_FAILURE", False, TAKING, 400, -2022, ("FAILURE", "FAILURE")),
        ("STOP_ON_FAILURE", True, TAKING, 409, -2021, ("SUCCESS", "FAILURE")),
        ("ALLOW_FAILURE", False, FAR, 409, -2021, ("FAILURE", "SUCCESS")),
    ],
)
def test_cancel_replace_keeps_the_outcome_matrix(
    mode: str, known: bool, order: dict[str, str], status: int, code: int, results: tuple[str, str]
) -> None:
    """It is no transaction: each half's fate must be readable from the answer."""
    wire = Wire()
    session = wire.api()
    if known:
        wire.ask(session, "order.place", **LIMIT, newClientOrderId="old")
    answer = wire.ask(session, "order.cancelReplace", **order, cancelReplaceMode=mode, cancelOrigClientOrderId="old")
    assert answer["status"] == status
    found = answer.get("result") or answer["error"]["data"]
    assert answer.get("error", {}).get("code", 0) == code
    assert (found["cancelResult"], found["newOrderResult"]) == results
    assert len(wire.truth("cancelled")) == (results[0] == "SUCCESS")
    assert len(wire.truth("accepted")) == known + (results[1] == "SUCCESS")


@pytest.mark.parametrize(("mode", "status", "cancelled"), [("DO_NOTHING", 429, 0), ("CANCEL_ONLY", 409, 1)])
def test_replace_over_the_order_limit(mode: str, status: int, cancelled: int) -> None:
    """Over the limit nothing is done, or only the cancel, as the request's mode demands."""
    wire = Wire(limits=LimitSettings(orders_10_seconds=1))
    session = wire.api()
    wire.ask(session, "order.place", **LIMIT, newClientOrderId="old")
    answer = wire.ask(
        session, "order.cancelReplace", **FAR, cancelReplaceMode="STOP_ON_FAILURE", cancelOrigClientOrderId="old",
        orderRateLimitExceededMode=mode,
    )  # fmt: skip
    assert answer["status"] == status
    assert len(wire.truth("cancelled")) == cancelled


def test_listings_and_cancel_all_answer_as_rest_does() -> None:
    """Two ways to one truth must agree."""
    wire = Wire()
    session = wire.api()
    for price in ("40000", "40001"):
        wire.ask(session, "order.place", **{**LIMIT, "price": price})
    orders = wire.ask(session, "openOrders.status", symbol="BTCUSDT")["result"]
    assert orders == wire.signed("GET", "openOrders", symbol="BTCUSDT")[1]
    assert len(wire.ask(session, "openOrders.cancelAll", symbol="BTCUSDT")["result"]) == 2
    wire.ask(session, "order.place", **MARKET)
    assert (
        wire.ask(session, "myTrades", symbol="BTCUSDT")["result"] == wire.signed("GET", "myTrades", symbol="BTCUSDT")[1]
    )
    assert wire.ask(session, "account.status")["result"] == wire.signed("GET", "account")[1]


@pytest.mark.parametrize(
    ("rubbish", "code"),
    [("{", -1135), ("[1]", -1135), ('{"id":1}', -1102), ('{"id":1,"method":"dance"}', -1000),
     ('{"id":{},"method":"ping"}', -1135), ('{"id":1,"method":"order.place","params":3}', -1102),
     ('{"id":1,"method":"order.place"}', -1102)],
)  # fmt: skip
def test_rubbish_gets_an_error_and_the_connection_lives(rubbish: str, code: int) -> None:
    """One bad frame must not cost the session and its subscriptions."""
    wire = Wire()
    session = wire.api()
    wire.raw(session, rubbish)
    assert read(session)[0]["error"]["code"] == code
    assert wire.plain(session, "ping")["status"] == 200


def test_lost_answer_leaves_an_order_only_a_query_finds() -> None:
    """The unknown outcome: nothing came back, the order is there, and a retry of the same id is refused."""
    wire = Wire()
    session = wire.api()
    wire.venue.faults.lose_response()
    assert wire.ask(session, "order.place", **LIMIT, newClientOrderId="unknown") is None
    found = wire.ask(session, "order.status", symbol="BTCUSDT", origClientOrderId="unknown")
    assert found["result"]["status"] == "NEW"
    assert wire.ask(session, "order.place", **LIMIT, newClientOrderId="unknown")["error"]["code"] == -2010


def test_lost_request_leaves_nothing() -> None:
    """The other unknown: nothing came back and nothing was done."""
    wire = Wire()
    session = wire.api()
    wire.venue.faults.lose_request()
    assert wire.ask(session, "order.place", **LIMIT, newClientOrderId="lost") is None
    found = wire.ask(session, "order.status", symbol="BTCUSDT", origClientOrderId="lost")
    assert found["error"]["code"] == -2013


@pytest.mark.parametrize("executed", [True, False])
def test_time_out_leaves_the_outcome_open(executed: bool) -> None:
    """-1007 looks the same either way; only the truth log and a query know."""
    wire = Wire()
    session = wire.api()
    wire.venue.faults.time_out(executed=executed)
    answer = wire.ask(session, "order.place", **LIMIT)
    assert (answer["status"], answer["error"]["code"]) == (504, -1007)
    assert len(wire.truth("accepted")) == executed


def test_request_underway_can_arrive_after_a_query_found_nothing() -> None:
    """Why "no such order" counts only once the request's own recvWindow has passed."""
    wire = Wire()
    session = wire.api()
    wire.venue.faults.delay_request(2 * SECOND_NS)
    assert wire.ask(session, "order.place", **LIMIT, newClientOrderId="slow") is None
    wire.wait(SECOND_NS)
    early = wire.ask(session, "order.status", symbol="BTCUSDT", origClientOrderId="slow")
    assert early["error"]["code"] == -2013
    wire.wait(2 * SECOND_NS)
    assert len(wire.truth("accepted")) == 1


def test_request_underway_for_too_long_is_refused_at_the_engine() -> None:
    """The bound the rule above rests on."""
    wire = Wire()
    session = wire.api()
    wire.venue.faults.delay_request(2 * SECOND_NS)
    wire.ask(session, "order.place", **LIMIT, recvWindow=1000)
    wire.wait(3 * SECOND_NS)
    assert read(session)[-1]["error"]["code"] == -1021
    assert not wire.truth("accepted")


def test_reports_come_twice_late_or_never() -> None:
    """A client must find the same end whatever the order and number of its events."""
    wire = Wire()
    session = wire.api()
    wire.ask(session, "userDataStream.subscribe.signature")
    wire.venue.faults.duplicate_report()
    wire.venue.faults.delay_report(SECOND_NS)
    wire.signed("POST", "order", **MARKET)
    at_once = [one["x"] for one in events(session) if one["e"] == "executionReport"]
    wire.wait(SECOND_NS)
    late = [one["x"] for one in events(session) if one["e"] == "executionReport"]
    wire.venue.faults.drop_report()
    wire.signed("POST", "order", **LIMIT)
    assert (at_once, late) == (["NEW", "NEW"], ["TRADE"])
    assert [one["e"] for one in events(session)] == ["outboundAccountPosition"]


def test_connection_cut_after_execution() -> None:
    """The worst moment to lose a line: the order is in, the answer is not."""
    wire = Wire()
    session = wire.api()
    wire.venue.faults.disconnect_after()
    wire.send(session, "order.place", **LIMIT)
    assert session.closed
    assert len(wire.truth("accepted")) == 1


def test_sessions_end_when_asked_and_after_a_day() -> None:
    """24 hours is the real venue's limit; a client has to live with it."""
    wire = Wire()
    api, stream = wire.api(), wire.venue.connect("/ws/btcusdt@trade", wire.now_ns)
    wire.venue.disconnect("streams")
    assert (api.closed, stream.closed) == (False, True)
    wire.wait(86_400 * SECOND_NS)
    assert api.closed


def life(seed: int) -> tuple[list[bytes], list[Any]]:
    """A while of orders under seeded faults: all that came out, and the truth."""
    rates = FaultRates(lose_response=100_000, time_out_executed=50_000, delay_request=100_000, duplicate_report=100_000,
                       delay_report=100_000, drop_depth=50_000, lose_request=50_000)  # fmt: skip
    wire = Wire(quiet=False, seed=seed, rates=rates)
    session, stream = wire.api(), wire.venue.connect("/stream?streams=btcusdt@depth@100ms/btcusdt@trade", wire.now_ns)
    wire.send(session, "userDataStream.subscribe.signature")
    out: list[bytes] = []
    for number in range(15):
        wire.wait(100 * MILLISECOND_NS)
        wire.send(session, "order.place", **{**LIMIT, "price": str(59900 + number)}, newClientOrderId=f"o{number % 7}")
        out += session.drain() + stream.drain()
    return out, wire.venue.truth.lines


def test_one_seed_is_one_life_to_the_byte() -> None:
    """The deterministic chaos depends on this: same seed, same bytes, faults and all."""
    first = life(5)
    assert first == life(5)
    assert first != life(6)

"""Klines, tickers, averages and past trades, recomputed here from the venue's own list of trades."""

from collections import defaultdict
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from engine.loopback.binance.statistics import percent
from engine.loopback.candles import INTERVALS, bucket_of, following
from engine.loopback.flow import FlowSettings
from tests.engine.loopback.binance.test_rest import documented, shape
from tests.engine.loopback.binance.wire import LIMIT, MARKET, MILLISECOND_NS, SECOND_NS, Wire, events, read

MINUTE_MS = 60_000
HOUR_NS = 3_600 * SECOND_NS


TAKERS = {"BTCUSDT": FlowSettings(interval_ns=100 * MILLISECOND_NS, taker_percent=80)}


@pytest.fixture(scope="module")
def lively() -> Wire:
    """A venue that has traded for four minutes."""
    wire = Wire(quiet=False, check=False, flows=TAKERS)
    for _ in range(240):
        wire.wait(SECOND_NS)
    return wire


def trades(wire: Wire) -> list[Any]:
    """Every trade of the venue's life, by page."""
    found: list[Any] = []
    while page := wire.rest("GET", "historicalTrades", symbol="BTCUSDT", fromId=len(found) + 1, limit=1000)[1]:
        found += page
    assert len(found) > 1_000
    return found


def total(rows: list[Any], name: str) -> Decimal:
    """The exact sum of a field."""
    return sum((Decimal(row[name]) for row in rows), Decimal())


@pytest.mark.parametrize("interval", ["1s", "1m", "3m", "1h", "1d", "1w", "1M"])
def test_klines_are_the_sums_of_the_trades(lively: Wire, interval: str) -> None:
    """A strategy that is warmed up on klines without trades would be tested on nothing."""
    by_open: dict[int, list[Any]] = defaultdict(list)
    for one in trades(lively):
        by_open[bucket_of(one["time"] * MILLISECOND_NS, interval) // MILLISECOND_NS].append(one)
    _, rows = lively.rest("GET", "klines", symbol="BTCUSDT", interval=interval, limit=1000)
    traded = [row for row in rows if row[8]]
    assert [row[0] for row in traded] == list(by_open)
    for row in traded:
        mine = by_open[row[0]]
        prices, bought = [Decimal(t["price"]) for t in mine], [t for t in mine if not t["isBuyerMaker"]]
        assert [Decimal(x) for x in row[1:5]] == [prices[0], max(prices), min(prices), prices[-1]]
        assert (Decimal(row[5]), Decimal(row[7]), row[8]) == (total(mine, "qty"), total(mine, "quoteQty"), len(mine))
        assert (Decimal(row[9]), Decimal(row[10])) == (total(bought, "qty"), total(bought, "quoteQty"))
    assert all(later[0] == earlier[6] + 1 for earlier, later in pairwise(rows))


def test_klines_without_a_trade_repeat_the_last_close() -> None:
    """A client counts bars: one that is left out shifts all that follow."""
    wire = Wire()
    wire.signed("POST", "order", **MARKET)
    wire.wait(3 * 60 * SECOND_NS)
    _, rows = wire.rest("GET", "klines", symbol="BTCUSDT", interval="1m")
    assert [row[8] for row in rows] == [rows[0][8], 0, 0, 0]
    assert all(row[1:5] == [rows[0][4]] * 4 and row[5] == "0.00000000" for row in rows[1:])
    start = rows[1][0]
    _, some = wire.rest("GET", "klines", symbol="BTCUSDT", interval="1m", startTime=start, endTime=start + 1, limit=5)
    assert some == rows[1:2]
    _, last = wire.rest("GET", "klines", symbol="BTCUSDT", interval="1m", limit=2)
    assert last == rows[2:]


def test_day_ticker_is_the_sum_of_the_day(lively: Wire) -> None:
    """The figures that a client ranks markets by must be those of the trades."""
    mine = trades(lively)
    _, ticker = lively.rest("GET", "ticker/24hr", symbol="BTCUSDT")
    _, rolling = lively.rest("GET", "ticker", symbol="BTCUSDT", windowSize="1h")
    prices = [Decimal(t["price"]) for t in mine]
    for view in (ticker, rolling):
        assert [Decimal(view[n]) for n in ("openPrice", "highPrice", "lowPrice", "lastPrice")] == [
            prices[0], max(prices), min(prices), prices[-1],
        ]  # fmt: skip
        assert (view["firstId"], view["lastId"], view["count"]) == (mine[0]["id"], mine[-1]["id"], len(mine))
        assert (Decimal(view["volume"]), Decimal(view["quoteVolume"])) == (total(mine, "qty"), total(mine, "quoteQty"))
        assert Decimal(view["priceChange"]) == prices[-1] - prices[0]
    average = total(mine, "quoteQty") / total(mine, "qty")
    assert abs(Decimal(ticker["weightedAvgPrice"]) - average) < Decimal("1e-8")
    assert ticker["lastQty"] == mine[-1]["qty"]
    assert ticker["bidPrice"] == lively.rest("GET", "ticker/bookTicker", symbol="BTCUSDT")[1]["bidPrice"]
    assert rolling["openTime"] % MINUTE_MS == 0


def test_a_day_later_the_ticker_has_forgotten() -> None:
    """A window that only grows is no window."""
    wire = Wire()
    wire.signed("POST", "order", **MARKET)
    price = wire.rest("GET", "ticker/24hr", symbol="BTCUSDT")[1]["lastPrice"]
    wire.wait(23 * HOUR_NS)
    assert wire.rest("GET", "ticker/24hr", symbol="BTCUSDT")[1]["count"] > 0
    wire.wait(HOUR_NS + 61 * SECOND_NS)
    _, ticker = wire.rest("GET", "ticker/24hr", symbol="BTCUSDT")
    assert (ticker["count"], ticker["firstId"], ticker["volume"]) == (0, -1, "0.00000000")
    assert (ticker["prevClosePrice"], ticker["lastPrice"]) == (price, price)


def test_average_price_is_by_volume_over_five_minutes() -> None:
    """The price that filters compare with must move with what was traded, and stay when nothing is."""
    wire = Wire()
    wire.signed("POST", "order", **{**MARKET, "quantity": "5"})
    mine = wire.rest("GET", "trades", symbol="BTCUSDT")[1]
    assert len(mine) > 1
    _, average = wire.rest("GET", "avgPrice", symbol="BTCUSDT")
    assert abs(Decimal(average["price"]) - total(mine, "quoteQty") / total(mine, "qty")) < Decimal("1e-8")
    assert (average["mins"], average["closeTime"]) == (5, mine[-1]["time"])
    wire.wait(6 * 60 * SECOND_NS)
    assert wire.rest("GET", "avgPrice", symbol="BTCUSDT")[1]["price"] == mine[-1]["price"]


def test_aggregate_trades_gather_one_taker_at_one_price() -> None:
    """An order that walks three levels is three aggregates; two makers of one level are one."""
    wire = Wire()
    best = wire.rest("GET", "ticker/bookTicker", symbol="BTCUSDT")[1]["askPrice"]
    wire.signed("POST", "order", **{**LIMIT, "side": "SELL", "price": best, "quantity": "0.01"})
    session = wire.venue.connect("/ws/btcusdt@aggTrade", wire.now_ns)
    wire.signed("POST", "order", **{**MARKET, "quantity": "1", "selfTradePreventionMode": "NONE"})
    wire.signed("POST", "order", **{**MARKET, "quantity": "0.001"})
    mine = wire.rest("GET", "trades", symbol="BTCUSDT")[1]
    _, aggregates = wire.rest("GET", "aggTrades", symbol="BTCUSDT")
    assert (aggregates[0]["f"], aggregates[0]["l"]) == (mine[0]["id"], mine[1]["id"])
    assert total(aggregates, "q") == total(mine, "qty")
    assert [a["f"] for a in aggregates[1:]] == [a["l"] + 1 for a in aggregates[:-1]]
    received = read(session)
    assert [{name: one[name] for name in aggregates[0]} for one in received] == aggregates
    assert wire.rest("GET", "aggTrades", symbol="BTCUSDT", fromId=2, limit=1)[1] == aggregates[1:2]
    assert wire.rest("GET", "aggTrades", symbol="BTCUSDT", startTime=1, endTime=2)[1] == []


@pytest.mark.parametrize(
    ("path", "section", "values"),
    [
        ("historicalTrades", "Old trade lookup", {"symbol": "BTCUSDT"}),
        ("aggTrades", "Compressed/Aggregate trades list", {"symbol": "BTCUSDT"}),
        ("avgPrice", "Current average price", {"symbol": "BTCUSDT"}),
        ("ticker/24hr", "24hr ticker price change statistics", {"symbol": "BTCUSDT"}),
        ("ticker/tradingDay", "Trading Day Ticker", {"symbol": "BTCUSDT"}),
        ("ticker", "Rolling window price change statistics", {"symbol": "BTCUSDT"}),
    ],
)
def test_statistics_have_the_documented_fields(lively: Wire, path: str, section: str, values: dict[str, Any]) -> None:
    """A field missing here is a client broken there."""
    status, answer = lively.rest("GET", path, **values)
    assert status == 200, answer
    assert shape(answer) == shape(documented(section))


@pytest.mark.parametrize(
    ("stream", "section"),
    [
        ("btcusdt@aggTrade", "Aggregate Trade Streams"),
        ("btcusdt@kline_1m", "Kline/Candlestick Streams for UTC"),
        ("btcusdt@miniTicker", "Individual Symbol Mini Ticker Stream"),
        ("btcusdt@ticker", "Individual Symbol Ticker Streams"),
        ("btcusdt@avgPrice", "Average Price"),
    ],
)
def test_stream_has_the_documented_fields(stream: str, section: str) -> None:
    """Names as the parsers expect them, in both units of time."""
    wire = Wire()
    raw = wire.venue.connect(f"/ws/{stream}", wire.now_ns)
    micro = wire.venue.connect(f"/stream?streams={stream}&timeUnit=MICROSECOND", wire.now_ns)
    wire.signed("POST", "order", **MARKET)
    wire.wait(3 * SECOND_NS)
    event, wrapped = read(raw)[0], read(micro)[0]["data"]
    published = documented(section, "web-socket-streams")
    assert event.keys() == published.keys()
    assert wrapped["E"] // 1000 == event["E"]
    if "k" in event:
        assert event["k"].keys() == published["k"].keys()
        assert wrapped["k"]["t"] // 1000 == event["k"]["t"]


def test_kline_stream_closes_each_kline_once_and_as_rest_has_it() -> None:
    """A bar that closes twice, or never, is a decision made twice, or never."""
    wire = Wire(quiet=False, check=False, flows=TAKERS)
    session = wire.venue.connect("/ws/btcusdt@kline_1m", wire.now_ns)
    for _ in range(185):
        wire.wait(SECOND_NS)
    closed = [one["k"] for one in read(session) if one["k"]["x"]]
    rows = wire.rest("GET", "klines", symbol="BTCUSDT", interval="1m")[1]
    assert len(closed) == 3
    for one, row in zip(closed, rows, strict=False):
        assert [one[name] for name in ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q")] == row[:11]


@pytest.mark.parametrize("interval", sorted(INTERVALS))
def test_intervals_follow_one_another_without_a_gap(interval: str) -> None:
    """Weeks begin on Mondays and months on their first day, in any time zone."""
    for offset_ns in (0, 8 * HOUR_NS, -5 * HOUR_NS):
        at = 1_800_000_000 * SECOND_NS
        for _ in range(40):
            open_ns = bucket_of(at, interval, offset_ns)
            at = following(open_ns, interval, offset_ns)
            assert open_ns < at
            assert bucket_of(at - 1, interval, offset_ns) == open_ns
            assert bucket_of(at, interval, offset_ns) == at


def test_percent_keeps_its_sign_and_three_decimals() -> None:
    """A fall of half a percent must not read as a rise."""
    assert [percent(-5, 1000), percent(5, 1000), percent(0, 0), percent(-1, 10**9)] == [
        "-0.500",
        "0.500",
        "0.000",
        "0.000",
    ]


def test_trading_day_begins_at_midnight_of_the_zone() -> None:
    """A day is a matter of the zone that is asked for."""
    wire = Wire()
    for zone, offset_ns in (("0", 0), ("8", 8 * HOUR_NS), ("-1:30", -3 * HOUR_NS // 2)):
        view = wire.rest("GET", "ticker/tradingDay", symbol="BTCUSDT", timeZone=zone)[1]
        assert (view["openTime"] * MILLISECOND_NS + offset_ns) % (24 * HOUR_NS) == 0
        assert view["closeTime"] - view["openTime"] == 24 * 60 * MINUTE_MS - 1


def test_listen_key_leads_to_the_accounts_events() -> None:
    """Clients of the older kind receive their orders' events only by it."""
    wire = Wire()
    status, answer = wire.rest("POST", "userDataStream")
    assert status == 200
    key = answer["listenKey"]
    assert wire.rest("POST", "userDataStream")[1]["listenKey"] == key
    raw = wire.venue.connect(f"/ws/{key}", wire.now_ns)
    combined = wire.venue.connect(f"/stream?streams={key}", wire.now_ns)
    wire.signed("POST", "order", **MARKET)
    received = read(raw)
    assert [one["e"] for one in received[:2]] == ["executionReport", "executionReport"]
    assert received[-1]["e"] == "outboundAccountPosition"
    assert [one["data"] for one in read(combined)] == received
    assert wire.rest("PUT", "userDataStream", listenKey=key)[0] == 200
    assert wire.rest("DELETE", "userDataStream", listenKey=key)[0] == 200
    assert wire.rest("PUT", "userDataStream", listenKey=key)[1]["code"] == -1125
    wire.signed("POST", "order", **MARKET)
    assert read(raw) == []


def test_listen_key_ends_after_an_hour() -> None:
    """A client that forgets to keep it alive must find out here and not in production."""
    wire = Wire()
    key = wire.rest("POST", "userDataStream")[1]["listenKey"]
    session = wire.venue.connect(f"/ws/{key}", wire.now_ns)
    wire.wait(HOUR_NS - SECOND_NS)
    assert wire.rest("PUT", "userDataStream", listenKey=key)[0] == 200
    wire.wait(HOUR_NS)
    assert wire.rest("PUT", "userDataStream", listenKey=key)[1]["code"] == -1125
    wire.signed("POST", "order", **MARKET)
    assert read(session) == []
    assert wire.rest("POST", "userDataStream")[1]["listenKey"] != key


def test_reduced_order_keeps_its_id_and_is_reported_as_replaced() -> None:
    """The answer, the report and the list of reductions must agree, in the documented fields."""
    wire = Wire()
    session = wire.api()
    wire.ask(session, "userDataStream.subscribe.signature")
    _, placed = wire.signed("POST", "order", **LIMIT, newClientOrderId="before")
    events(session)
    change = {"symbol": "BTCUSDT", "orderId": placed["orderId"], "newQty": "0.004", "newClientOrderId": "after"}
    status, answer = wire.signed("PUT", "order/amend/keepPriority", **change)
    assert status == 200, answer
    assert shape(answer) == shape(documented("Order Amend Keep Priority (TRADE)"))
    assert answer["amendedOrder"].keys() == documented("Order Amend Keep Priority (TRADE)")["amendedOrder"].keys()
    report = events(session)[0]
    assert [report[name] for name in ("x", "X", "c", "C", "q", "i")] == [
        "REPLACED", "NEW", "after", "before", "0.00400000", placed["orderId"],
    ]  # fmt: skip
    _, known = wire.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="after")
    assert (known["orderId"], known["origQty"]) == (placed["orderId"], "0.00400000")
    assert wire.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="before")[1]["code"] == -2013
    _, listed = wire.signed("GET", "order/amendments", symbol="BTCUSDT", orderId=placed["orderId"])
    assert shape(listed) == shape(documented("Query Order Amendments (USER_DATA)"))
    assert [(one["origQty"], one["newQty"]) for one in listed] == [("0.01000000", "0.00400000")]


@pytest.mark.parametrize(
    ("size", "code", "words"),
    [
        ("0.01", -2038, "would change no state"),
        ("0.02", -2038, "quantity increase"),
        ("0.000001", -1013, "LOT_SIZE"),
        ("0.00001", -1013, "NOTIONAL"),
        ("0", -1013, "Invalid quantity"),
    ],
)
def test_order_that_cannot_be_reduced_is_left_as_it_was(size: str, code: int, words: str) -> None:
    """A refused reduction must change nothing."""
    wire = Wire()
    _, placed = wire.signed("POST", "order", **LIMIT)
    status, answer = wire.signed(
        "PUT", "order/amend/keepPriority", symbol="BTCUSDT", orderId=placed["orderId"], newQty=size
    )
    assert (status, answer["code"]) == (400, code), answer
    assert words in answer["msg"]
    assert wire.signed("GET", "order", symbol="BTCUSDT", orderId=placed["orderId"])[1]["origQty"] == "0.01000000"


def test_prevented_matches_are_listed_by_their_id_and_by_order() -> None:
    """A client finds out here why its order ended in the match."""
    wire = Wire()
    _, maker = wire.signed("POST", "order", **{**LIMIT, "price": "59999.99", "quantity": "0.3"})
    best = wire.rest("GET", "ticker/bookTicker", symbol="BTCUSDT")[1]["bidPrice"]
    taker = wire.signed(
        "POST",
        "order",
        **{
            **LIMIT,
            "side": "SELL",
            "price": min(best, "59999.99"),
            "quantity": "3",
            "selfTradePreventionMode": "EXPIRE_MAKER",
        },
    )[1]
    found = wire.signed("GET", "myPreventedMatches", symbol="BTCUSDT", orderId=taker["orderId"])[1]
    assert [(one["takerOrderId"], one["makerOrderId"]) for one in found] == [(taker["orderId"], maker["orderId"])]
    assert shape(found) == shape(documented("Query Prevented Matches (USER_DATA)"))
    by_id = {"symbol": "BTCUSDT", "preventedMatchId": found[0]["preventedMatchId"]}
    assert wire.signed("GET", "myPreventedMatches", **by_id)[1] == found
    assert wire.signed("GET", "myPreventedMatches", symbol="BTCUSDT")[1]["code"] == -1128
    assert wire.signed("GET", "myAllocations", symbol="BTCUSDT") == (200, [])


@pytest.mark.parametrize(
    ("path", "values", "code", "words"),
    [
        ("klines", {"symbol": "btcusdt", "interval": "1m"}, -1100, "'symbol'; legal range is '^[A-Z0-9-_.]{1,20}$'"),
        ("klines", {"symbol": "BTCUSDT", "interval": "7m"}, -1120, "Invalid interval."),
        ("klines", {"symbol": "BTCUSDT"}, -1102, "'interval'"),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "many"}, -1100, "'limit'; legal range"),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "0"}, -1130, "'limit'"),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "startTime": "-1"}, -1100, "'startTime'"),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "startTime": "9" * 20}, -1108, "'startTime' overflowed"),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "timeZone": "15"}, -1130, "'timeZone'"),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "timeZone": "x"}, -1100, "'timeZone'"),
        ("depth", {"symbol": "", "limit": "5"}, -1105, "Parameter 'symbol' was empty."),
        ("depth", {"symbol": "BTCUSDT", "limt": "5"}, -1104, "read '1' parameter(s) but was sent '2'"),
        ("depth", {}, -1102, "'symbol'"),
        ("ping", {"x": "1"}, -1101, "expected '0' and received '1'"),
        ("ticker/24hr", {"symbols": '["BTCUSDT"'}, -1100, "'symbols'; legal range"),
        ("ticker/24hr", {"symbols": '["BTCUSDT","BTCUSDT"]'}, -1151, "multiple times"),
        ("ticker/24hr", {"symbols": '["BTCUSDT"]', "symbol": "BTCUSDT"}, -1128, "Combination"),
        ("ticker/24hr", {"symbol": "BTCUSDT", "type": "TINY"}, -1139, "Invalid ticker type."),
        ("ticker", {"symbol": "BTCUSDT", "windowSize": "60m"}, -1130, "'windowSize'"),
        ("ticker/tradingDay", {}, -1102, "'symbol'"),
        ("avgPrice", {"symbol": "NOPE"}, -1121, "Invalid symbol."),
    ],
)
def test_wrong_question_gets_the_real_code(path: str, values: dict[str, str], code: int, words: str) -> None:
    """A client distinguishes its own mistake from the venue's state by the code."""
    status, answer = Wire().rest("GET", path, **values)
    assert (status, answer["code"]) == (400, code), answer
    assert words in answer["msg"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"symbol": "btcusdt"}, -1100),
        ({"quantity": "much"}, -1100),
        ({"quantity": "-1"}, -1100),
        ({"quantity": ""}, -1105),
        ({"quantity": "9" * 20}, -1108),
        ({"type": "limit"}, -1116),
        ({"strategyType": "5"}, -1134),
        ({"recvWindow": "long"}, -1100),
        ({"timestamp": ""}, -1102),
    ],
)
def test_wrong_order_gets_the_code_of_its_first_fault(change: dict[str, Any], code: int) -> None:
    """Numbers that are none, symbols in small letters and empty values have codes of their own."""
    wire = Wire()
    status, answer = wire.signed("POST", "order", **{**LIMIT, **change})
    assert (status, answer["code"]) == (400, code), answer
    assert not wire.truth("accepted")


def test_wallet_and_futures_answer_what_clients_ask_at_start() -> None:
    """Fees and coins are the venue's own; margin and futures are empty, for there are none."""
    wire = Wire()

    def ask(path: str, **values: Any) -> Any:
        import hashlib
        import hmac
        from urllib.parse import urlencode

        from engine.loopback.binance.settings import TEST_KEY, TEST_SECRET

        query = urlencode({**values, "timestamp": wire.now_ns // MILLISECOND_NS})
        query += "&signature=" + hmac.new(TEST_SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()
        status, _, body = wire.venue.rest("GET", f"{path}?{query}", {"X-MBX-APIKEY": TEST_KEY}, b"", wire.now_ns)
        import json

        assert status == 200, body
        return json.loads(body)

    assert [(f["symbol"], f["makerCommission"]) for f in ask("/sapi/v1/asset/tradeFee", symbol="ETHUSDT")] == [
        ("ETHUSDT", "0.00100000")
    ]
    assert {c["coin"]: c["free"] for c in ask("/sapi/v1/capital/config/getall")}["BTC"] == "100.00000000"
    assert ask("/sapi/v1/margin/allPairs") == ask("/sapi/v1/margin/isolated/allPairs") == []
    for path in ("/fapi/v1/exchangeInfo", "/dapi/v1/exchangeInfo"):
        status, _, body = wire.venue.rest("GET", path, {}, b"", wire.now_ns)
        assert status == 200
        assert b'"symbols":[]' in body

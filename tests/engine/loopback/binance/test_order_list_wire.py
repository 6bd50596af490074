"""Order lists on the wire: shapes as documented, the events of each step, and every refusal with Binance's code."""

from typing import Any

import pytest

from engine.loopback.binance.session import Session
from engine.loopback.market import fixed
from engine.loopback.orders import Kind, OrderRequest
from engine.model.words import BUY, SELL
from tests.engine.loopback.binance.test_rest import documented, shape
from tests.engine.loopback.binance.wire import SECOND_NS, Wire, read

SALE = {
    "symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01", "aboveType": "LIMIT_MAKER", "abovePrice": "61000",
    "belowType": "STOP_LOSS_LIMIT", "belowPrice": "58900", "belowStopPrice": "59000", "belowTimeInForce": "GTC",
}  # fmt: skip
OLD_SALE = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01", "price": "61000", "stopPrice": "59000"}
ENTRY = {
    "symbol": "BTCUSDT", "workingType": "LIMIT", "workingSide": "BUY", "workingPrice": "59500",
    "workingQuantity": "0.01", "workingTimeInForce": "GTC", "pendingSide": "SELL", "pendingQuantity": "0.01",
}  # fmt: skip
THEN_LIMIT = {**ENTRY, "pendingType": "LIMIT", "pendingPrice": "61000", "pendingTimeInForce": "GTC"}
THEN_MARKET = {**ENTRY, "pendingType": "MARKET"}
THEN_PAIR = {
    **ENTRY, "pendingAboveType": "LIMIT_MAKER", "pendingAbovePrice": "61000", "pendingBelowType": "STOP_LOSS",
    "pendingBelowStopPrice": "59000",
}  # fmt: skip
LISTS = {"order/oco": OLD_SALE, "orderList/oco": SALE, "orderList/oto": THEN_MARKET, "orderList/otoco": THEN_PAIR}
METHODS = {
    "orderList.place": OLD_SALE, "orderList.place.oco": SALE, "orderList.place.oto": THEN_MARKET,
    "orderList.place.otoco": THEN_PAIR,
}  # fmt: skip


class Market(Wire):
    """A venue without background flow: an empty book, a last price of 60000, and the user data of one account."""

    def __init__(self, **changes: Any) -> None:
        """Listen to the test account."""
        super().__init__(flows={}, **changes)
        self.trade("60000")
        self.session = self.api()
        self.ask(self.session, "userDataStream.subscribe.signature")

    def quote(self, side: int, price: str, size: str = "0.01") -> None:
        """Place an order of the other account."""
        number = f"e{len(self.venue.matching.orders)}"
        request = OrderRequest(
            "engine", "BTCUSDT", number, side, Kind.LIMIT, price=fixed(price), size=fixed(size), prevention="NONE"
        )
        self.venue.matching.place(request, self.now_ns)
        self.rest("GET", "ping")

    def trade(self, price: str) -> None:
        """Let the other account trade with itself."""
        self.quote(SELL, price)
        self.quote(BUY, price)

    def place(self, path: str, **values: Any) -> dict[str, Any]:
        """Place a list, which must be accepted."""
        status, answer = self.signed("POST", path, **values)
        assert status == 200, answer
        return answer

    def events(self) -> list[dict[str, Any]]:
        """The reports and list statuses since the last time."""
        return [e for e in user_events(self.session) if e["e"] in ("executionReport", "listStatus")]


def user_events(session: Session) -> list[dict[str, Any]]:
    """The user data events of a session."""
    return [one["event"] for one in read(session) if "event" in one]


def steps(events: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Each event by the fields that a client decides by."""
    return [
        (e["l"], e["L"], e["r"]) if e["e"] == "listStatus" else (e["o"], e["x"], e["X"], e["w"], e.get("eR", ""))
        for e in events
    ]


@pytest.mark.parametrize(
    ("path", "section"),
    [
        ("order/oco", "New OCO - Deprecated (TRADE)"),
        ("orderList/oco", "New Order list - OCO (TRADE)"),
        ("orderList/oto", "New Order list - OTO (TRADE)"),
        ("orderList/otoco", "New Order list - OTOCO (TRADE)"),
    ],
)
def test_placed_list_is_answered_as_documented(path: str, section: str) -> None:
    """The example's fields, statuses and order: the stop first, the working order before what is pending."""
    answer, published = Market().place(path, **LISTS[path]), documented(section)
    assert answer.keys() == published.keys()
    named = ("contingencyType", "listStatusType", "listOrderStatus")
    assert [answer[name] for name in named] == [published[name] for name in named]
    assert shape(answer["orders"]) == shape(published["orders"])
    for ours, theirs in zip(answer["orderReports"], published["orderReports"], strict=True):
        assert ours.keys() == theirs.keys() - {"icebergQty"} | ({"stopPrice"} if ours["type"] == "STOP_LOSS" else set())
        assert ours["status"] == theirs["status"]
        assert (ours["workingTime"] == -1) == (theirs["workingTime"] == -1)
        assert ours["orderListId"] == answer["orderListId"]


@pytest.mark.parametrize("method", METHODS)
def test_websocket_api_places_the_same_lists(method: str) -> None:
    """Both ways lead to one function, and both must be open."""
    market = Market()
    answer = market.ask(market.api(), method, **METHODS[method])
    assert answer["status"] == 200, answer
    assert market.signed("GET", "openOrderList")[1][0]["orderListId"] == answer["result"]["orderListId"]


def test_list_is_found_listed_and_cancelled_as_documented() -> None:
    """By its id and by its name, while it lives and after; both must mean one list."""
    market = Market()
    answer = market.place("orderList/oco", **SALE, listClientOrderId="mine")
    number = answer["orderListId"]
    view = market.signed("GET", "orderList", orderListId=number)[1]
    assert view.keys() == documented("Query Order list (USER_DATA)").keys()
    assert market.signed("GET", "orderList", origClientOrderId="mine")[1] == view
    assert market.signed("GET", "openOrderList")[1] == market.signed("GET", "allOrderList")[1] == [view]
    wrong = market.signed("DELETE", "orderList", symbol="BTCUSDT", orderListId=number, listClientOrderId="other")
    assert wrong == (400, {"code": -2011, "msg": "Unknown order list sent."})
    gone = market.signed("DELETE", "orderList", symbol="BTCUSDT", orderListId=number, newClientOrderId="cancel")[1]
    published = documented("Cancel Order list (TRADE)")
    assert gone.keys() == published.keys()
    assert [one.keys() for one in gone["orderReports"]] == [one.keys() for one in published["orderReports"]]
    assert {one["clientOrderId"] for one in gone["orderReports"]} == {"cancel"}
    assert (gone["listStatusType"], gone["listOrderStatus"]) == ("ALL_DONE", "ALL_DONE")
    assert market.signed("GET", "openOrderList")[1] == []
    assert market.signed("GET", "allOrderList", fromId=number)[1][0]["listOrderStatus"] == "ALL_DONE"
    assert market.signed("GET", "allOrderList", fromId=number + 1)[1] == []
    again = market.signed("DELETE", "orderList", symbol="BTCUSDT", orderListId=number)
    assert again == (400, {"code": -2011, "msg": "Unknown order list sent."})


def test_websocket_api_asks_and_cancels_the_same_lists() -> None:
    """The four methods beside placing."""
    market = Market()
    session = market.api()
    number = market.ask(session, "orderList.place.oto", **THEN_LIMIT)["result"]["orderListId"]
    view = market.ask(session, "orderList.status", orderListId=number)["result"]
    assert market.ask(session, "openOrderLists.status")["result"] == [view]
    assert market.ask(session, "allOrderLists")["result"] == [view]
    gone = market.ask(session, "orderList.cancel", symbol="BTCUSDT", orderListId=number)["result"]
    assert [one["status"] for one in gone["orderReports"]] == ["CANCELED", "CANCELED"]


def test_touched_limit_of_an_oco_is_reported_step_by_step() -> None:
    """The fill, then the stop that it ended, then the list that is done."""
    market = Market()
    market.place("orderList/oco", **SALE)
    placed = market.events()
    assert steps(placed) == [
        ("STOP_LOSS_LIMIT", "NEW", "NEW", False, ""),
        ("LIMIT_MAKER", "NEW", "NEW", True, ""),
        ("EXEC_STARTED", "EXECUTING", "NONE"),
    ]
    published = documented("Order Reject Reason", "user-data-stream")["event"]
    assert placed[2].keys() == published.keys()
    assert shape(placed[2]["O"]) == shape(published["O"])
    assert {one["g"] for one in placed} == {0}
    assert (placed[0]["P"], "W" in placed[0], "W" in placed[1]) == ("59000.00000000", False, True)
    market.quote(BUY, "61000")
    assert steps(market.events()) == [
        ("LIMIT_MAKER", "TRADE", "FILLED", False, ""),
        ("STOP_LOSS_LIMIT", "EXPIRED", "EXPIRED", False, "OCO_TRIGGER"),
        ("ALL_DONE", "ALL_DONE", "NONE"),
    ]


def test_reached_stop_of_an_oco_is_reported_step_by_step() -> None:
    """The limit that it ended, then the stop in the book; the list lives as long as the stop rests."""
    market = Market()
    answer = market.place("orderList/oco", **SALE)
    market.trade("59000")
    reported = market.events()[3:]
    assert steps(reported) == [
        ("LIMIT_MAKER", "EXPIRED", "EXPIRED", False, "OCO_TRIGGER"),
        ("STOP_LOSS_LIMIT", "NEW", "NEW", True, ""),
    ]
    stop = market.signed("GET", "order", symbol="BTCUSDT", orderId=answer["orders"][0]["orderId"])[1]
    assert (stop["isWorking"], stop["workingTime"], stop["stopPrice"]) == (True, reported[1]["W"], "59000.00000000")
    assert stop["orderListId"] == answer["orderListId"]
    market.quote(BUY, "59000")
    assert steps(market.events()) == [
        ("STOP_LOSS_LIMIT", "TRADE", "FILLED", False, ""),
        ("ALL_DONE", "ALL_DONE", "NONE"),
    ]
    trades = market.signed("GET", "myTrades", symbol="BTCUSDT")[1]
    assert [trade["orderListId"] for trade in trades] == [answer["orderListId"]]


def test_oto_places_its_pending_order_once_the_working_one_is_filled() -> None:
    """PENDING_NEW until then, in news and queries; not on the book, and nothing locked for it."""
    market = Market()
    answer = market.place("orderList/oto", **THEN_LIMIT)
    assert steps(market.events()) == [
        ("LIMIT", "NEW", "NEW", True, ""),
        ("LIMIT", "NEW", "PENDING_NEW", False, ""),
        ("EXEC_STARTED", "EXECUTING", "NONE"),
    ]
    asked = {"symbol": "BTCUSDT", "orderId": answer["orders"][1]["orderId"]}
    waiting = market.signed("GET", "order", **asked)[1]
    assert (waiting["status"], waiting["isWorking"], waiting["workingTime"]) == ("PENDING_NEW", False, -1)
    assert [one["status"] for one in market.signed("GET", "openOrders", symbol="BTCUSDT")[1]] == ["NEW", "PENDING_NEW"]
    assert market.rest("GET", "depth", symbol="BTCUSDT")[1]["asks"] == []
    market.now_ns += SECOND_NS
    market.quote(SELL, "59500")
    assert steps(market.events()) == [("LIMIT", "TRADE", "FILLED", False, ""), ("LIMIT", "NEW", "NEW", True, "")]
    working = market.signed("GET", "order", **asked)[1]
    assert (working["status"], working["isWorking"]) == ("NEW", True)
    assert working["workingTime"] == working["time"] + 1000


def test_working_order_that_is_filled_at_once_is_answered_with_the_pending_one_pending() -> None:
    """As documented: the pending order must be asked about again."""
    market = Market()
    market.quote(SELL, "59500")
    answer = market.place("orderList/oto", **THEN_MARKET, newOrderRespType="FULL")
    working, pending = answer["orderReports"]
    assert (working["status"], len(working["fills"]), pending["status"]) == ("FILLED", 1, "PENDING_NEW")
    then = market.signed("GET", "order", symbol="BTCUSDT", orderId=pending["orderId"])[1]
    assert then["status"] == "EXPIRED"
    assert steps(market.events())[-2:] == [
        ("MARKET", "EXPIRED", "EXPIRED", False, "INSUFFICIENT_LIQUIDITY"),
        ("ALL_DONE", "ALL_DONE", "NONE"),
    ]


@pytest.mark.parametrize("kind", ["ACK", "RESULT", "FULL"])
def test_answer_shows_as_much_of_each_order_as_asked_for(kind: str) -> None:
    """One word for all orders of a list."""
    reports = Market().place("orderList/otoco", **THEN_PAIR, newOrderRespType=kind)["orderReports"]
    assert [("price" in one, "fills" in one) for one in reports] == [(kind != "ACK", kind == "FULL")] * 3


def test_cancel_of_one_order_answers_with_the_list_that_it_ends() -> None:
    """DELETE order, DELETE openOrders and cancelReplace end a list with its order."""
    market = Market()
    order = market.place("orderList/otoco", **THEN_PAIR)["orders"][1]["orderId"]
    gone = market.signed("DELETE", "order", symbol="BTCUSDT", orderId=order)[1]
    assert [one["status"] for one in gone["orderReports"]] == ["CANCELED"] * 3
    assert gone["listOrderStatus"] == "ALL_DONE"
    market.events()
    market.place("orderList/oco", **SALE)
    single = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    market.signed("POST", "order", **single, price="50000")
    answers = market.signed("DELETE", "openOrders", symbol="BTCUSDT")[1]
    assert sorted("orderReports" in one for one in answers) == [False, True]
    assert market.signed("GET", "openOrders")[1] == []
    order = market.place("orderList/oco", **SALE)["orders"][0]["orderId"]
    replaced = market.signed(
        "POST", "order/cancelReplace", **single, price="50000", cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=order
    )[1]
    assert replaced["cancelResponse"]["listOrderStatus"] == "ALL_DONE"
    assert market.signed("GET", "openOrderList")[1] == []


def test_reduced_order_of_a_list_reduces_its_partner_and_is_reported_as_updated() -> None:
    """An OCO has one quantity; the list's status shows that a name changed."""
    market = Market()
    order = market.place("orderList/oco", **SALE)["orders"][1]["orderId"]
    market.events()
    answer = market.signed(
        "PUT", "order/amend/keepPriority", symbol="BTCUSDT", orderId=order, newQty="0.005", newClientOrderId="less"
    )[1]
    assert answer.keys() == documented("Order Amend Keep Priority (TRADE)", index=1).keys()
    assert answer["listStatus"].keys() == documented("Order Amend Keep Priority (TRADE)", index=1)["listStatus"].keys()
    reported = market.events()
    assert [(e["x"], e["q"]) for e in reported[:2]] == [("REPLACED", "0.00500000")] * 2
    assert (reported[2]["l"], reported[2]["L"]) == ("UPDATED", "EXECUTING")
    assert "less" in {one["c"] for one in reported[2]["O"]}


def test_order_limits_count_every_order_of_a_list() -> None:
    """An OCO is two unfilled orders, an OTOCO three; a list that does not fit is refused whole."""
    from engine.loopback.binance.limits import LimitSettings

    market = Market(limits=LimitSettings(orders_10_seconds=4))
    assert (
        market.full("POST", "orderList/otoco", timestamp=market.now_ns // 10**6, **THEN_PAIR)[1][
            "x-mbx-order-count-10s"
        ]
        == "3"
    )
    status, answer = market.signed("POST", "orderList/oco", **SALE)
    assert (status, answer["code"]) == (429, -1015)
    assert len(market.signed("GET", "openOrders")[1]) == 3


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"aboveType": "LIMIT"}, -1158, "Order type not supported in OCO."),
        ({"aboveType": "limit_maker"}, -1116, "Invalid orderType."),
        ({"aboveType": ""}, -1105, "'aboveType'"),
        ({"abovePrice": None}, -1102, "'abovePrice'"),
        ({"belowStopPrice": None}, -1102, "Param 'belowStopPrice' or 'belowTrailingDelta' must be sent"),
        ({"belowTimeInForce": None}, -1102, "'belowTimeInForce'"),
        ({"aboveTimeInForce": "GTC"}, -1106, "Parameter 'aboveTimeInForce' sent when not required."),
        ({"aboveStopPrice": "61000"}, -1106, "'aboveStopPrice'"),
        ({"belowPrice": "x"}, -1100, "'belowPrice'"),
        ({"aboveIcebergQty": "0.001"}, -1013, "Iceberg orders are not supported for this symbol."),
        ({"abovePegPriceType": "PRIMARY_PEG"}, -1013, "Pegged orders are not supported for this symbol."),
        ({"belowStrategyType": "7"}, -1134, "`strategyType` was less than 1000000."),
        ({"abovePrise": "1"}, -1104, "Not all sent parameters were read"),
        ({"quantity": None}, -1102, "'quantity'"),
        ({"symbol": "NOPE"}, -1121, "Invalid symbol."),
        ({"side": "BUY"}, -1165, "A limit order in a buy OCO must be below."),
        ({"belowType": "TAKE_PROFIT_LIMIT"}, -1199, "A take profit order in a sell OCO must be above."),
        ({"abovePrice": "59999"}, -2010, "The relationship of the prices for the orders is not correct."),
        ({"belowStopPrice": "60000"}, -2010, "The relationship of the prices for the orders is not correct."),
        ({"quantity": "101"}, -2010, "Account has insufficient balance for requested action."),
        ({"quantity": "0.000001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"belowTrailingDelta": "5"}, -1013, "Filter failure: TRAILING_DELTA"),
        ({"aboveClientOrderId": "x", "belowClientOrderId": "x"}, -2010, "Duplicate order sent."),
        ({"listClientOrderId": "#"}, -1100, "'listClientOrderId'"),
        ({"newOrderRespType": "MOST"}, -1128, "Invalid newOrderRespType."),
    ],
)
def test_wrong_oco_gets_the_real_code(change: dict[str, Any], code: int, words: str) -> None:
    """A list is accepted whole or not at all, and the code shows what was wrong with which order."""
    market = Market()
    values = {name: value for name, value in {**SALE, **change}.items() if value is not None}
    status, answer = market.signed("POST", "orderList/oco", **values)
    assert (status, answer["code"]) == (400, code), answer
    assert words in answer["msg"]
    assert market.signed("GET", "openOrders")[1] == []


@pytest.mark.parametrize(
    ("above", "below", "side", "code"),
    [
        ("LIMIT_MAKER", "LIMIT_MAKER", "SELL", -1168),
        ("STOP_LOSS", "LIMIT_MAKER", "SELL", -1166),
        ("LIMIT_MAKER", "STOP_LOSS", "BUY", -1165),
        ("STOP_LOSS", "STOP_LOSS", "BUY", -1196),
        ("STOP_LOSS", "STOP_LOSS", "SELL", -1197),
        ("TAKE_PROFIT", "TAKE_PROFIT", "BUY", -1198),
        ("TAKE_PROFIT", "TAKE_PROFIT", "SELL", -1199),
    ],
)
def test_each_order_of_a_pair_has_its_side(above: str, below: str, side: str, code: int) -> None:
    """Above and below are the places of gain and loss, by the side of the pair."""
    values: dict[str, str] = {"symbol": "BTCUSDT", "side": side, "quantity": "0.01"}
    for name, kind, price in (("above", above, "61000"), ("below", below, "59000")):
        values |= {f"{name}Type": kind, f"{name}{'Price' if kind == 'LIMIT_MAKER' else 'StopPrice'}": price}
    assert Market().signed("POST", "orderList/oco", **values)[1]["code"] == code


def test_list_that_the_matching_engine_refuses_is_reported_as_rejected() -> None:
    """RESPONSE and REJECT, with the reason, and no order's report."""
    market = Market()
    market.signed("POST", "orderList/oco", **{**SALE, "quantity": "101"}, listClientOrderId="mine")
    (event,) = market.events()
    assert steps([event]) == [("RESPONSE", "REJECT", "INSUFFICIENT_BALANCES")]
    assert (event["g"], event["C"], [one["i"] for one in event["O"]]) == (-1, "mine", [-1, -1])


def test_old_oco_names_what_its_stop_limit_lacks() -> None:
    """The old request distinguishes its orders by names of their own."""
    market = Market()
    status, answer = market.signed("POST", "order/oco", **OLD_SALE, stopLimitPrice="58900")
    assert (status, answer["code"]) == (400, -1128)
    assert "'stopLimitTimeInForce' should also be sent" in answer["msg"]
    placed = market.place(
        "order/oco", **OLD_SALE, stopLimitPrice="58900", stopLimitTimeInForce="FOK", limitClientOrderId="limit",
        stopClientOrderId="stop",
    )  # fmt: skip
    assert [(one["type"], one["clientOrderId"], one["timeInForce"]) for one in placed["orderReports"]] == [
        ("STOP_LOSS_LIMIT", "stop", "FOK"),
        ("LIMIT_MAKER", "limit", "GTC"),
    ]


@pytest.mark.parametrize(
    ("path", "values", "code"),
    [
        ("orderList", {"orderListId": 7}, -2018),
        ("orderList", {}, -1102),
        ("allOrderList", {"fromId": 1, "startTime": 1}, -1128),
        ("allOrderList", {"startTime": 1, "endTime": 86_400_002}, -1127),
        ("openOrderList", {"symbol": "BTCUSDT"}, -1101),
    ],
)
def test_wrong_question_about_lists_gets_the_real_code(path: str, values: dict[str, Any], code: int) -> None:
    """Requests for things that do not exist, with missing parameters, or with parameters that exclude each other."""
    assert Market().signed("GET", path, **values)[1]["code"] == code


def test_list_of_another_account_is_not_there() -> None:
    """A number is not a key."""
    market = Market()
    number = market.place("orderList/oco", **SALE)["orderListId"]
    one = market.venue.matching.lists.lists[number]
    assert market.venue.matching.lists.find("engine", number, "") is None
    assert market.venue.matching.lists.find("tester", number, "") is one


@pytest.mark.parametrize(
    ("kind", "more", "code"),
    [
        ("STOP_LOSS", {"stopPrice": "59000"}, 0),
        ("STOP_LOSS", {"trailingDelta": "100"}, 0),
        ("TAKE_PROFIT", {"stopPrice": "61000", "trailingDelta": "100"}, 0),
        ("STOP_LOSS_LIMIT", {"stopPrice": "59000", "price": "58000", "timeInForce": "IOC"}, 0),
        ("TAKE_PROFIT_LIMIT", {"stopPrice": "61000", "price": "61000", "timeInForce": "GTC"}, 0),
        ("STOP_LOSS", {"stopPrice": "61000"}, -2010),
        ("STOP_LOSS", {}, -1102),
        ("STOP_LOSS", {"stopPrice": "59000", "price": "1"}, -1106),
        ("STOP_LOSS", {"stopPrice": "59000", "quoteOrderQty": "100"}, -1106),
        ("STOP_LOSS", {"stopPrice": "0"}, -1013),
        ("STOP_LOSS_LIMIT", {"stopPrice": "59000", "price": "58000"}, -1102),
        ("LIMIT_MAKER", {"price": "61000", "stopPrice": "59000"}, -1106),
        ("LIMIT_MAKER", {"price": "61000", "icebergQty": "0.001"}, -1013),
    ],
)
def test_single_stop_order_is_accepted_with_what_it_needs_and_nothing_else(
    kind: str, more: dict[str, str], code: int
) -> None:
    """A stop is answered by an ACK, waits off the book, and shows its condition in reports and queries."""
    market = Market()
    status, answer = market.signed("POST", "order", symbol="BTCUSDT", side="SELL", type=kind, quantity="0.01", **more)
    assert (answer.get("code", 0), status) == (code, 400 if code else 200), answer
    if not code:
        assert answer.keys() == {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
        (report,) = market.events()
        assert ("d" in report, "W" in report, report["w"]) == ("trailingDelta" in more, False, False)
        order = market.signed("GET", "order", symbol="BTCUSDT", orderId=answer["orderId"])[1]
        assert ("trailingDelta" in order, order["isWorking"]) == ("trailingDelta" in more, False)
        assert market.rest("GET", "depth", symbol="BTCUSDT")[1]["asks"] == []
        assert market.signed("DELETE", "order", symbol="BTCUSDT", orderId=answer["orderId"])[1]["status"] == "CANCELED"


def test_exchange_info_names_which_orders_are_accepted() -> None:
    """A client offers its user what this answer allows."""
    market = Market()
    symbol = market.rest("GET", "exchangeInfo", symbol="BTCUSDT")[1]["symbols"][0]
    allowed = (
        "ocoAllowed",
        "otoAllowed",
        "allowTrailingStop",
        "opoAllowed",
        "icebergAllowed",
        "pegInstructionsAllowed",
    )
    assert [symbol[name] for name in allowed] == [True, True, True, False, False, False]
    assert set(symbol["orderTypes"]) == {str(kind) for kind in Kind}
    filters = {one["filterType"]: one for one in symbol["filters"]}
    assert filters["MAX_NUM_ORDER_LISTS"] == {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20}
    assert filters["MAX_NUM_ALGO_ORDERS"] == {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5}
    assert filters["TRAILING_DELTA"]["minTrailingAboveDelta"] == 10


@pytest.mark.parametrize("path", ["orderList/opo", "orderList/opoco"])
def test_lists_that_pay_for_each_other_are_refused_as_in_exchange_info(path: str) -> None:
    """A client must learn that both halves were refused, and find no order of them."""
    market = Market()
    status, answer = market.signed("POST", path, **THEN_LIMIT)
    assert (status, answer) == (400, {"code": -1013, "msg": "OPO orders are not supported for this symbol."})
    assert market.signed("GET", "openOrders")[1] == []


def test_smart_order_routing_does_not_exist_and_nothing_was_allocated_by_it() -> None:
    """No symbol has it, an order by it is refused, and so an empty list of allocations is the truth."""
    market = Market()
    assert market.rest("GET", "exchangeInfo")[1]["sors"] == []
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    refused = (400, {"code": -1013, "msg": "This symbol has no SOR."})
    assert market.signed("POST", "sor/order", **order) == market.signed("POST", "sor/order/test", **order) == refused
    assert market.ask(market.api(), "sor.order.place", **order)["error"]["code"] == -1013
    assert market.signed("GET", "myAllocations", symbol="BTCUSDT") == (200, [])

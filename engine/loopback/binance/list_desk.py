"""The requests about order lists: place, cancel and find them, from parameters to answers.

Each order of a list is read as a single order is, by the names its parameters have in that list.
"""

from functools import partial

from engine.loopback.binance import render_lists
from engine.loopback.binance.desk import Call, Desk, span
from engine.loopback.binance.errors import ApiError, one_of, rejected, unsupported
from engine.loopback.binance.order_reader import PEG, read_order, shape_of
from engine.loopback.market import Market
from engine.loopback.order_lists import ListRequest, OrderList
from engine.loopback.orders import CONTINGENT, STOP_LOSSES, Kind, OrderRequest, Rejection

Names = dict[str, str]
DAY_MS = 86_400_000
OWN = ("type", "side", "quantity", "price", "stopPrice", "trailingDelta", "timeInForce", "icebergQty", "strategyId",
       "strategyType", *PEG)  # fmt: skip
SHARED = frozenset({"symbol", "listClientOrderId", "newOrderRespType", "selfTradePreventionMode"})
PAIR_KINDS = CONTINGENT | {Kind.LIMIT_MAKER}
WORKING_KINDS = frozenset({Kind.LIMIT, Kind.LIMIT_MAKER})
DEFAULT_SHAPE = "RESULT"


def _names(prefix: str, **others: str) -> Names:
    """The name under which each parameter of one order of a list is sent."""
    own = {name: prefix + name[0].upper() + name[1:] for name in OWN}
    return {**own, "newClientOrderId": f"{prefix}ClientOrderId", **others}


ABOVE, BELOW = (_names(prefix, side="side", quantity="quantity") for prefix in ("above", "below"))
WORKING, PENDING = _names("working"), _names("pending")
PENDING_ABOVE, PENDING_BELOW = (
    _names(prefix, side="pendingSide", quantity="pendingQuantity") for prefix in ("pendingAbove", "pendingBelow")
)
LIMIT = {
    "price": "price",
    "newClientOrderId": "limitClientOrderId",
    "icebergQty": "limitIcebergQty",
    "strategyId": "limitStrategyId",
    "strategyType": "limitStrategyType",
    "stopPrice": "",
    "trailingDelta": "",
}
STOP = {
    "price": "stopLimitPrice",
    "timeInForce": "stopLimitTimeInForce",
    "newClientOrderId": "stopClientOrderId",
    "icebergQty": "stopIcebergQty",
    "strategyId": "stopStrategyId",
    "strategyType": "stopStrategyType",
}
TAKES_OCO = SHARED | set(ABOVE.values()) | set(BELOW.values())
TAKES_OTO = SHARED | set(WORKING.values()) | set(PENDING.values())
TAKES_OTOCO = SHARED | set(WORKING.values()) | set(PENDING_ABOVE.values()) | set(PENDING_BELOW.values())
TAKES_OLD_OCO = (SHARED | {"side", "quantity", "stopPrice", "trailingDelta", *LIMIT.values(), *STOP.values()}) - {""}


class ListDesk:
    """The requests about order lists."""

    def __init__(self, desk: Desk) -> None:
        """Use the matching engine of this desk."""
        self._desk, self._lists = desk, desk.matching.lists

    def old_oco(self, call: Call) -> dict[str, object]:
        """The request orderList.place: a LIMIT_MAKER and a stop order, identified by their parameters' names."""
        market, parameters = self._desk.market(call.parameters), call.parameters
        limited = parameters.text("stopLimitPrice")
        if limited and not parameters.text("stopLimitTimeInForce"):
            advice = "Recommendation: 'stopLimitTimeInForce' should also be sent."
            raise ApiError(-1128, f"Combination of optional parameters invalid. {advice}")
        stop = self._read(call, market, STOP, kind=Kind.STOP_LOSS_LIMIT if limited else Kind.STOP_LOSS)
        return self._place(call, market, None, (stop, self._read(call, market, LIMIT, kind=Kind.LIMIT_MAKER)))

    def oco(self, call: Call) -> dict[str, object]:
        """The request orderList.place.oco: a pair."""
        market = self._desk.market(call.parameters)
        return self._place(call, market, None, self._pair(call, market, ABOVE, BELOW))

    def oto(self, call: Call) -> dict[str, object]:
        """The request orderList.place.oto: a working order and a pending one."""
        market = self._desk.market(call.parameters)
        working = self._read(call, market, WORKING, WORKING_KINDS)
        return self._place(call, market, working, (self._read(call, market, PENDING, frozenset(Kind)),))

    def otoco(self, call: Call) -> dict[str, object]:
        """The request orderList.place.otoco: a working order and a pending pair."""
        market = self._desk.market(call.parameters)
        working = self._read(call, market, WORKING, WORKING_KINDS)
        return self._place(call, market, working, self._pair(call, market, PENDING_ABOVE, PENDING_BELOW))

    def opo(self, call: Call) -> dict[str, object]:
        """orderList.place.opo and .opoco: rejected, in agreement with `opoAllowed` in exchangeInfo."""
        self._desk.market(call.parameters)
        raise unsupported("OPO")

    def cancel(self, call: Call) -> dict[str, object]:
        """orderList.cancel."""
        market = self._desk.market(call.parameters)
        name = call.parameters.client_id("newClientOrderId") or self._desk.name()
        one = self._find(call, "listClientOrderId")
        if one is None or one.done or one.market is not market:
            raise ApiError(-2011, "Unknown order list sent.")
        ending = one.open_orders
        self._desk.matching.cancel(ending[0], name, call.now_ns)
        return render_lists.cancelled(one, ending, name, call.unit)

    def status(self, call: Call) -> dict[str, object]:
        """orderList.status."""
        one = self._find(call, "origClientOrderId")
        if one is None:
            raise ApiError(-2018, "Order list does not exist.")
        return render_lists.view(one, call.unit)

    def all(self, call: Call) -> list[dict[str, object]]:
        """The request allOrderLists: from an id on, of a span of at most a day, or the latest."""
        parameters = call.parameters
        first, limit = parameters.integer("fromId"), parameters.limit(500, 1000)
        start, end = parameters.integer("startTime"), parameters.integer("endTime")
        if first is not None and (start is not None or end is not None):
            raise ApiError(-1128, "Combination of optional parameters invalid.")
        if start is not None and end is not None and end - start > DAY_MS:
            raise ApiError(-1127, "More than 24 hours between startTime and endTime.")
        low, high = span(call)
        found = [one for one in self._lists.of(call.account) if one.id >= (first or 0) and low <= one.update_ns <= high]
        chosen = found[-limit:] if first is None and start is None else found[:limit]
        return [render_lists.view(one, call.unit) for one in chosen]

    def open(self, call: Call) -> list[dict[str, object]]:
        """openOrderLists.status."""
        return [render_lists.view(one, call.unit) for one in self._lists.of(call.account) if not one.done]

    def _pair(self, call: Call, market: Market, above: Names, below: Names) -> tuple[OrderRequest, OrderRequest]:
        """Read a pair, the stop loss first."""
        for names in (above, below):
            if call.parameters.text(names["type"]) in (Kind.LIMIT, Kind.MARKET):
                raise ApiError(-1158, "Order type not supported in OCO.")
        higher = self._read(call, market, above, PAIR_KINDS)
        lower = self._read(call, market, below, PAIR_KINDS)
        _check_sides(higher, lower)
        return (higher, lower) if higher.kind in STOP_LOSSES else (lower, higher)

    def _read(
        self, call: Call, market: Market, names: Names, kinds: frozenset[Kind] = frozenset(), kind: Kind | None = None
    ) -> OrderRequest:
        """Read one order of a list."""
        return read_order(call.parameters.named(names), call.account, market, self._desk.name, kinds, kind)

    def _place(
        self, call: Call, market: Market, working: OrderRequest | None, legs: tuple[OrderRequest, ...]
    ) -> dict[str, object]:
        """Place a list, and count its orders."""
        shape = shape_of(call.parameters, DEFAULT_SHAPE)
        name = call.parameters.client_id("listClientOrderId") or self._desk.name()
        request = ListRequest(call.account, market.symbol, name, working, legs)
        limits, count = self._desk.limits, len(request.orders)
        room = limits.order_room(call.account, call.now_ns, count)
        if room is not None:
            raise room
        answer = self._lists.place(request, call.now_ns, partial(render_lists.placed, shape=shape, unit=call.unit))
        limits.order_placed(call.account, call.now_ns, count)
        if isinstance(answer, Rejection):
            raise rejected(answer)
        return answer

    def _find(self, call: Call, client_id_name: str) -> OrderList | None:
        """The list that the parameters identify."""
        list_id, client_id = call.parameters.integer("orderListId"), call.parameters.client_id(client_id_name)
        if list_id is None and not client_id:
            raise one_of("orderListId", client_id_name)
        return self._lists.find(call.account, list_id, client_id)


def _check_sides(above: OrderRequest, below: OrderRequest) -> None:
    """Reject a pair unless it has a stop loss on the side of a loss and another kind on the side of a gain."""
    if above.kind == below.kind == Kind.LIMIT_MAKER:
        raise ApiError(-1168, "At least one OCO order must be contingent.")
    buys = above.side > 0
    gain, loss = (below, above) if buys else (above, below)
    word, gain_word, loss_word = ("buy", "below", "above") if buys else ("sell", "above", "below")
    if loss.kind == Kind.LIMIT_MAKER:
        raise ApiError(-1165 if buys else -1166, f"A limit order in a {word} OCO must be {gain_word}.")
    if gain.kind in STOP_LOSSES:
        raise ApiError(-1196 if buys else -1197, f"A stop loss order in a {word} OCO must be {loss_word}.")
    if loss.kind not in STOP_LOSSES:
        raise ApiError(-1198 if buys else -1199, f"A take profit order in a {word} OCO must be {gain_word}.")

"""The trading desk: place, cancel, replace and find orders, from parameters to answers.

REST and the WebSocket API lead to the same functions. Each gets a `Call`, and returns the result or raises `ApiError`.
"""

from dataclasses import dataclass

from engine.loopback.binance import render, render_lists
from engine.loopback.binance.errors import (
    ApiError,
    mandatory,
    no_such_order,
    one_of,
    rejected,
    unknown_order,
)
from engine.loopback.binance.keys import Key
from engine.loopback.binance.limits import Limits
from engine.loopback.binance.order_reader import read_order, shape_of
from engine.loopback.binance.parameters import Parameters
from engine.loopback.market import Market
from engine.loopback.matching import Matching
from engine.loopback.orders import Kind, Order, OrderRequest, Refused, Rejection, Status

ONLY = {"ONLY_NEW": Status.NEW, "ONLY_PARTIALLY_FILLED": Status.PARTIALLY_FILLED}
SHOWN_IN_FULL = frozenset({Kind.LIMIT, Kind.MARKET})


@dataclass(slots=True)
class Call:
    """One request on its way through the venue."""

    parameters: Parameters
    now_ns: int
    unit: int = render.MILLISECOND
    account: str = ""
    key: Key | None = None  # that signed a REST request


class Desk:
    """The requests about single orders."""

    def __init__(self, matching: Matching, limits: Limits) -> None:
        """Trade on this matching engine within these limits."""
        self.matching, self.limits = matching, limits
        self._names = 0

    def market(self, parameters: Parameters) -> Market:
        """The market that a request names."""
        book = self.matching.books.get(parameters.symbol())
        if book is None:
            raise ApiError(-1121, "Invalid symbol.")
        return book.market

    def place(self, call: Call) -> dict[str, object]:
        """order.place."""
        request, shape = self.request(call)
        room = self.limits.order_room(call.account, call.now_ns)
        if room is not None:
            raise room
        return render.placed(self._place(request, call.now_ns), shape, call.unit)

    def test(self, call: Call) -> dict[str, object]:
        """order.test: everything but the matching."""
        request, _ = self.request(call)
        rejection = self.matching.refusal(request)
        if rejection is not None and rejection.why == Refused.FILTER:
            raise rejected(rejection)
        return {}

    def cancel(self, call: Call) -> dict[str, object]:
        """order.cancel."""
        symbol = self.market(call.parameters).symbol
        return self._cancel(call, symbol, "orderId", "origClientOrderId", "newClientOrderId")

    def cancel_all(self, call: Call) -> list[dict[str, object]]:
        """openOrders.cancelAll."""
        symbol = self.market(call.parameters).symbol
        orders = list(self.matching.open[call.account, symbol].values())
        if not orders:
            raise unknown_order()
        name = self.name()
        return [self._end(order, name, call) for order in orders if order.open]

    def replace(self, call: Call) -> dict[str, object]:
        """order.cancelReplace: see the outcome matrix in Binance's documentation; it is not a transaction."""
        parameters = call.parameters
        strict = parameters.choice("cancelReplaceMode", {"STOP_ON_FAILURE", "ALLOW_FAILURE"}) == "STOP_ON_FAILURE"
        over_limit = parameters.choice("orderRateLimitExceededMode", {"DO_NOTHING", "CANCEL_ONLY"}, "DO_NOTHING")
        request, shape = self.request(call)
        failed = self.matching.filter_failed(request)
        if failed:
            raise rejected(Rejection(Refused.FILTER, failed))
        room = self.limits.order_room(call.account, call.now_ns)
        if room is not None and over_limit == "DO_NOTHING":
            raise room
        cancelled = self._try_cancel(call, request.symbol)
        if isinstance(cancelled, ApiError) and strict:
            self.limits.order_placed(call.account, call.now_ns)
            raise _replace_failed(-2022, "NOT_ATTEMPTED", cancelled, None)
        placed = room or self._try_place(request, shape, call)
        return _replaced(cancelled, placed)

    def amend(self, call: Call) -> dict[str, object]:
        """order.amend.keepPriority: reduce an order at its place in the queue."""
        symbol, size = self.market(call.parameters).symbol, call.parameters.amount("newQty")
        if size is None:
            raise mandatory("newQty")
        name = call.parameters.client_id("newClientOrderId") or self.name()
        order = self._find(call, symbol, "orderId", "origClientOrderId")
        if order is None or not order.open:
            raise ApiError(-2038, "Unknown order sent.")
        if size == order.size:
            raise ApiError(-2038, "The requested action would change no state; rejecting")
        if size > order.size:
            raise ApiError(-2038, "Order amend (quantity increase) is not supported.")
        if size <= order.size - order.remaining:
            raise ApiError(-1013, "Invalid quantity.")
        rejection = self.matching.amend(order, size, name, call.now_ns)
        if rejection is not None:
            raise rejected(rejection) if rejection.filter_name else ApiError(-2038, "Duplicate order sent.")
        answer = render.amended(order, call.unit)
        if order.order_list is None:
            return answer
        return {**answer, "listStatus": render_lists.brief(order.order_list)}

    def amendments(self, call: Call) -> list[dict[str, object]]:
        """order.amendments: the reductions of an order."""
        symbol, first = self.market(call.parameters).symbol, call.parameters.integer("fromExecutionId") or 0
        limit = call.parameters.limit(500, 1000)
        if call.parameters.integer("orderId") is None:
            raise mandatory("orderId")
        order = self._find(call, symbol, "orderId", "")
        if order is None:
            raise no_such_order()
        found = [one for one in order.amendments if one.execution_id >= first]
        return [render.amendment(order, one, call.unit) for one in found[:limit]]

    def prevented(self, call: Call) -> list[dict[str, object]]:
        """myPreventedMatches: by their own id, or by the id of an order."""
        symbol, parameters = self.market(call.parameters).symbol, call.parameters
        match_id, order_id = parameters.integer("preventedMatchId"), parameters.integer("orderId")
        first, limit = parameters.integer("fromPreventedMatchId"), parameters.limit(500, 1000)
        if (match_id is None) == (order_id is None) or (order_id is None and first is not None):
            raise ApiError(-1128, "Combination of optional parameters invalid.")
        found = [
            (one, taker)
            for taker in self._history(call, symbol)
            for one in taker.preventions
            if match_id in (None, one.id) and order_id in (None, taker.id, one.maker_id) and one.id >= (first or 0)
        ]
        return [render.prevented_match(one, taker, call.unit) for one, taker in found[:limit]]

    def allocations(self, call: Call) -> list[dict[str, object]]:
        """myAllocations: empty, because there is no smart order routing."""
        self.market(call.parameters)
        return []

    def no_routing(self, call: Call) -> object:
        """sor.order.place and sor.order.test: an error, because there is no smart order routing."""
        self.market(call.parameters)
        raise ApiError(-1013, "This symbol has no SOR.")

    def status(self, call: Call) -> dict[str, object]:
        """order.status."""
        order = self._find(call, self.market(call.parameters).symbol, "orderId", "origClientOrderId")
        if order is None:
            raise no_such_order()
        return render.queried(order, call.unit)

    def open_orders(self, call: Call) -> list[dict[str, object]]:
        """openOrders.status, of one market or of all."""
        symbols = [self.market(call.parameters).symbol] if call.parameters.text("symbol") else list(self.matching.books)
        return [
            render.queried(order, call.unit)
            for symbol in symbols
            for _, order in sorted(self.matching.open[call.account, symbol].items())
        ]

    def all_orders(self, call: Call) -> list[dict[str, object]]:
        """allOrders: from an id on, or the latest."""
        found = self._history(call, self.market(call.parameters).symbol)
        first, limit = call.parameters.integer("orderId"), call.parameters.limit(500, 1000)
        low, high = span(call)
        found = [order for order in found if low <= order.now_ns <= high and (first is None or order.id >= first)]
        return [render.queried(order, call.unit) for order in (found[:limit] if first is not None else found[-limit:])]

    def own_trades(self, call: Call) -> list[dict[str, object]]:
        """myTrades: of one order, from an id on, or the latest."""
        parameters = call.parameters
        symbol = self.market(parameters).symbol
        wanted, first = parameters.integer("orderId"), parameters.integer("fromId")
        limit, (low, high) = parameters.limit(500, 1000), span(call)
        fills = sorted(
            (fill.trade_id, order.id, fill, order)
            for order in self._history(call, symbol)
            if wanted is None or order.id == wanted
            for fill in order.fills
            if low <= fill.now_ns <= high and (first is None or fill.trade_id >= first)
        )
        chosen = fills[:limit] if first is not None else fills[-limit:]
        return [render.own_trade(order, fill, call.unit) for _, _, fill, order in chosen]

    def request(self, call: Call) -> tuple[OrderRequest, str]:
        """Read an order request, and the shape of its answer."""
        market = self.market(call.parameters)
        request = read_order(call.parameters, call.account, market, self.name)
        return request, shape_of(call.parameters, "FULL" if request.kind in SHOWN_IN_FULL else "ACK")

    def _place(self, request: OrderRequest, now_ns: int) -> Order:
        """Match an order and count it."""
        placed = self.matching.place(request, now_ns)
        self.limits.order_placed(request.account, now_ns)
        if isinstance(placed, Rejection):
            raise rejected(placed)
        return placed

    def _try_place(self, request: OrderRequest, shape: str, call: Call) -> dict[str, object] | ApiError:
        """Place; an error is returned."""
        try:
            return render.placed(self._place(request, call.now_ns), shape, call.unit)
        except ApiError as error:
            return error

    def _try_cancel(self, call: Call, symbol: str) -> dict[str, object] | ApiError:
        """Cancel for a replace; an error is returned."""
        try:
            return self._cancel(call, symbol, "cancelOrderId", "cancelOrigClientOrderId", "cancelNewClientOrderId")
        except ApiError as error:
            if error.code != -2011:  # noqa: PLR2004 (any other is a malformed request)
                raise
            return error

    def _cancel(self, call: Call, symbol: str, id_name: str, client_id_name: str, new_name: str) -> dict[str, object]:
        """Cancel the order that the parameters of these names identify."""
        restriction = call.parameters.text("cancelRestrictions")
        if restriction:
            call.parameters.choice("cancelRestrictions", frozenset(ONLY))
        name = call.parameters.client_id(new_name) or self.name()
        order = self._find(call, symbol, id_name, client_id_name)
        if order is None or not order.open:
            raise unknown_order()
        if restriction and order.status != ONLY[restriction]:
            raise ApiError(-2011, "Order was not canceled due to cancel restrictions.")
        return self._end(order, name, call)

    def _end(self, order: Order, name: str, call: Call) -> dict[str, object]:
        """Cancel an order, with all orders of its list; the answer."""
        ending = (order,) if order.order_list is None else order.order_list.open_orders
        self.matching.cancel(order, name, call.now_ns)
        if order.order_list is not None:
            return render_lists.cancelled(order.order_list, ending, name, call.unit)
        return render.cancelled(order, name, call.unit)

    def _find(self, call: Call, symbol: str, id_name: str, client_id_name: str) -> Order | None:
        """The order by its id, or by its client id; if both are sent, both must match."""
        order_id = call.parameters.integer(id_name)
        client_id = call.parameters.client_id(client_id_name) if client_id_name else ""
        if order_id is None and not client_id:
            raise one_of(client_id_name, id_name)
        if order_id is None:
            return self.matching.by_client_id.get((call.account, symbol, client_id))
        order = self.matching.orders.get((symbol, order_id))
        if order is None or order.account != call.account or (client_id and order.client_id != client_id):
            return None
        return order

    def _history(self, call: Call, symbol: str) -> list[Order]:
        """All orders of the account in a market, oldest first."""
        return [o for (s, _), o in self.matching.orders.items() if s == symbol and o.account == call.account]

    def name(self) -> str:
        """A client order id for a request without one."""
        self._names += 1
        return f"venue{self._names:017d}"


def span(call: Call) -> tuple[int, int]:
    """The first and the last time of a listing."""
    start, end = call.parameters.integer("startTime"), call.parameters.integer("endTime")
    high = call.now_ns if end is None else (end + 1) * render.MILLISECOND
    return (start or 0) * render.MILLISECOND, high


def _replaced(cancelled: dict[str, object] | ApiError, placed: dict[str, object] | ApiError) -> dict[str, object]:
    """The answer of a replace from its two halves."""
    if isinstance(cancelled, ApiError):
        if isinstance(placed, ApiError):
            raise _replace_failed(-2022, "FAILURE", cancelled, placed)
        raise _replace_failed(-2021, "SUCCESS", cancelled, placed)
    if isinstance(placed, ApiError):
        raise _replace_failed(-2021, "FAILURE", cancelled, placed)
    return {
        "cancelResult": "SUCCESS",
        "newOrderResult": "SUCCESS",
        "cancelResponse": cancelled,
        "newOrderResponse": placed,
    }


def _replace_failed(
    code: int, placed_word: str, cancelled: dict[str, object] | ApiError, placed: dict[str, object] | ApiError | None
) -> ApiError:
    """The error of a replace that failed wholly (-2022) or in part (-2021)."""
    whole = code == -2022  # noqa: PLR2004 (named above)
    details: dict[str, object] = {
        "cancelResult": "FAILURE" if isinstance(cancelled, ApiError) else "SUCCESS",
        "newOrderResult": placed_word,
        "cancelResponse": cancelled.plain() if isinstance(cancelled, ApiError) else cancelled,
        "newOrderResponse": placed.plain() if isinstance(placed, ApiError) else placed,
    }
    words = "Order cancel-replace failed." if whole else "Order cancel-replace partially failed."
    return ApiError(code, words, 400 if whole else 409, details)

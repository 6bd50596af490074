"""Binance spot's WebSocket API, outward: requests as bytes, from templates filled once a request.

A placement is a LIMIT (with its time in force) or, for post-only, a LIMIT_MAKER: a bare market order has no worst
price. A native order is one of the venue's stops; one without a limit trades at any price, as its author asked. A
pair is an order list (OCO) of a stop and a LIMIT_MAKER. A
replacement asks for STOP_ON_FAILURE and ONLY_NEW: a partial fill that overtakes it makes the cancel
fail and nothing is placed, so old and new together never fill more than the larger of them.
"""

import json

from engine.model.fixed import to_text
from engine.model.instrument import Instrument
from engine.model.words import BUY, SELL, TimeInForce
from engine.venues.binance.filters import NATIVES
from engine.venues.binance.signing import Signer, socket_payload
from engine.venues.binance.trading.template import Template
from engine.venues.session import Ask, Waits
from engine.venues.trading.budget import AMEND, CANCEL, ORDER, PAIR, Cost

MILLISECOND_NS = 1_000_000
FILLS_LIMIT = 1000  # the most a listing of own trades gives at once
COSTS: dict[int, Cost] = {  # the weight of each request, and how many orders it counts as
    Ask.PLACE: ORDER, Ask.REPLACE: ORDER, Ask.CANCEL: CANCEL, Ask.STATUS: Cost(4), Ask.OWNER: Cost(4),
    Ask.OPEN_ORDERS: Cost(80), Ask.FILLS_OF: Cost(20), Ask.FILLS_SINCE: Cost(20), Ask.NEWEST_FILL: Cost(20),
    Ask.BALANCES: Cost(20), Ask.RIGHT: Cost(1), Ask.AMEND: AMEND, Ask.PAIR: PAIR,
}  # fmt: skip
OF_SESSION = Cost(2)  # its logon and its subscription; its other requests have less
TYPES = {
    TimeInForce.GTC: '"timeInForce":"GTC","timestamp":$t,"type":"LIMIT"',
    TimeInForce.IOC: '"timeInForce":"IOC","timestamp":$t,"type":"LIMIT"',
    TimeInForce.FOK: '"timeInForce":"FOK","timestamp":$t,"type":"LIMIT"',
    TimeInForce.POST_ONLY: '"timestamp":$t,"type":"LIMIT_MAKER"',
}

TYPE_NAMES = {int(order_type): name for name, order_type in NATIVES.items()}


def _order_template(instrument: Instrument, side: int, kind: str, window: str) -> str:
    """The parameters of a placement with holes for client id, price, size and time."""
    side_text = "BUY" if side == BUY else "SELL"
    return (
        '"newClientOrderId":"$c","newOrderRespType":"FULL","price":"$p","quantity":"$q",'
        f'{window},"side":"{side_text}","symbol":"{instrument.symbol}",{kind}'
    )


def _least_order(instrument: Instrument) -> str:
    """Price and size of an order as small as they can be written: it is never placed."""
    price = to_text(instrument.price_step, instrument.price_decimals)
    size = to_text(max(instrument.size_min, instrument.size_step), instrument.size_decimals)
    return f'"price":"{price}","quantity":"{size}"'


class Requests:
    """Writes requests for a session that is logged on; only the logon itself is signed."""

    def __init__(self, instruments: list[Instrument], signer: Signer, receive_window_ms: int) -> None:
        """Prepare a template for every instrument, side and time in force."""
        self.receive_window_ns = receive_window_ms * MILLISECOND_NS
        self.fills_limit = FILLS_LIMIT
        self._signer = signer
        self._window_ms = receive_window_ms
        self._window = window = f'"recvWindow":{receive_window_ms}'
        self._symbols = {one.id: one.symbol for one in instruments}
        self._size_decimals = {one.id: one.size_decimals for one in instruments}
        self._price_decimals = {one.id: one.price_decimals for one in instruments}
        self._least = {one.id: _least_order(one) for one in instruments}
        self._place: dict[tuple[int, int, int], Template] = {}
        self._replace: dict[tuple[int, int, int], Template] = {}
        for one in instruments:
            for side in (BUY, SELL):
                for time_in_force, kind in TYPES.items():
                    order = _order_template(one, side, kind, window)
                    key = (one.id, side, int(time_in_force))
                    decimals = one.price_decimals, one.size_decimals
                    place = '{"id":$i,"method":"order.place","params":{' + order + "}}"
                    replace = (
                        '{"id":$i,"method":"order.cancelReplace","params":{"cancelOrigClientOrderId":"$o",'
                        '"cancelReplaceMode":"STOP_ON_FAILURE","cancelRestrictions":"ONLY_NEW",' + order + "}}"
                    )
                    self._place[key] = Template(place, *decimals)
                    self._replace[key] = Template(replace, *decimals)

    def logon(self, request_id: int, venue_ns: int) -> bytes:
        """Log the session on, signed."""
        params: dict[str, object] = {
            "apiKey": self._signer.api_key,
            "recvWindow": self._window_ms,
            "timestamp": venue_ns // MILLISECOND_NS,
        }
        params["signature"] = self._signer.sign(socket_payload(params))
        return json.dumps({"id": request_id, "method": "session.logon", "params": params}).encode()

    def subscribe(self, request_id: int) -> bytes:
        """Ask for this account's events on this connection."""
        return b'{"id":%d,"method":"userDataStream.subscribe"}' % request_id

    def time(self, request_id: int) -> bytes:
        """Ask for the venue's clock."""
        return b'{"id":%d,"method":"time"}' % request_id

    def place(
        self, request_id: int, instrument: int, side: int, time_in_force: int, price: int, size: int,
        client_id: bytes, venue_ns: int,
    ) -> bytes:  # fmt: skip
        """Place a limit order."""
        template = self._place[instrument, side, time_in_force]
        return template.fill(request_id, client_id, price, size, venue_ns // MILLISECOND_NS)

    def place_native(
        self, request_id: int, waits: Waits, instrument: int, side: int, time_in_force: int, price: int, size: int,
        client_id: bytes, venue_ns: int,
    ) -> bytes:  # fmt: skip
        """Place an order that waits at the venue; its parameters in the order of their names."""
        decimals = self._price_decimals[instrument]
        side_text, until = "BUY" if side == BUY else "SELL", TimeInForce(time_in_force).name
        limit = f'"price":"{to_text(price, decimals)}",' if price else ""
        stop = f'"stopPrice":"{to_text(waits.stop_price, decimals)}",' if waits.stop_price else ""
        more = (
            f'"newClientOrderId":"{client_id.hex()}","newOrderRespType":"FULL",{limit}'
            f'"quantity":"{to_text(size, self._size_decimals[instrument])}","side":"{side_text}",{stop}'
            + (f'"timeInForce":"{until}",' if price else "")
            + (f'"trailingDelta":{waits.trailing_bps},' if waits.trailing_bps else "")
            + f'"type":"{TYPE_NAMES[waits.order_type]}",'
        )
        return self._ask(request_id, "order.place", instrument, more, venue_ns)

    def place_pair(
        self, request_id: int, stop: Waits, instrument: int, side: int, stop_limit: int, price: int, size: int,
        first: bytes, second: bytes, venue_ns: int,
    ) -> bytes:  # fmt: skip
        """Place a stop and a limit order as an order list; a seller's stop is the lower one of the two."""
        decimals = self._price_decimals[instrument]
        side_text, stop_place, limit_place = ("BUY", "above", "below") if side == BUY else ("SELL", "below", "above")
        bound = f'"{stop_place}Price":"{to_text(stop_limit, decimals)}","{stop_place}TimeInForce":"GTC",'
        more = (
            f'"listClientOrderId":"L-{second.hex()}","newOrderRespType":"RESULT",'
            f'"quantity":"{to_text(size, self._size_decimals[instrument])}","side":"{side_text}",'
            f'"{limit_place}ClientOrderId":"{second.hex()}","{limit_place}Price":"{to_text(price, decimals)}",'
            f'"{limit_place}Type":"LIMIT_MAKER","{stop_place}ClientOrderId":"{first.hex()}",'
            + (bound if stop_limit else "")
            + f'"{stop_place}StopPrice":"{to_text(stop.stop_price, decimals)}",'
            f'"{stop_place}Type":"{TYPE_NAMES[stop.order_type]}",'
        )
        return self._ask(request_id, "orderList.place.oco", instrument, more, venue_ns)

    def cancel(self, request_id: int, instrument: int, client_id: bytes, venue_ns: int) -> bytes:
        """Cancel an order by our id."""
        return self._ask(request_id, "order.cancel", instrument, f'"origClientOrderId":"{client_id.hex()}",', venue_ns)

    def cancel_of_symbol(self, request_id: int, symbol: str, client_id: bytes, venue_ns: int) -> bytes:
        """Cancel an order of any symbol by our id."""
        return self._ask_of(request_id, "order.cancel", symbol, f'"origClientOrderId":"{client_id.hex()}",', venue_ns)

    def replace(
        self, request_id: int, instrument: int, side: int, time_in_force: int, price: int, size: int,
        client_id: bytes, old_client_id: bytes, venue_ns: int,
    ) -> bytes:  # fmt: skip
        """Cancel an order that has no fill, and only then place another."""
        template = self._replace[instrument, side, time_in_force]
        return template.fill(request_id, client_id, price, size, venue_ns // MILLISECOND_NS, old_client_id)

    def amend(self, request_id: int, instrument: int, client_id: bytes, size: int, venue_ns: int) -> bytes:
        """Lower an order's size at its place in the queue; it keeps our id."""
        name, quantity = client_id.hex(), to_text(size, self._size_decimals[instrument])
        more = f'"newClientOrderId":"{name}","newQty":"{quantity}","origClientOrderId":"{name}",'
        return self._ask(request_id, "order.amend.keepPriority", instrument, more, venue_ns)

    def status(self, request_id: int, instrument: int, client_id: bytes, venue_ns: int) -> bytes:
        """Ask for one order by our id."""
        return self._ask(request_id, "order.status", instrument, f'"origClientOrderId":"{client_id.hex()}",', venue_ns)

    def status_by_venue_id(self, request_id: int, instrument: int, venue_order_id: bytes, venue_ns: int) -> bytes:
        """Ask for one order by the venue's id."""
        return self._ask(request_id, "order.status", instrument, f'"orderId":{venue_order_id.decode()},', venue_ns)

    def open_orders(self, request_id: int, venue_ns: int) -> bytes:
        """Ask for every open order of the account."""
        return self._ask_of_account(request_id, "openOrders.status", venue_ns)

    def balances(self, request_id: int, venue_ns: int) -> bytes:
        """Ask for the account's balances."""
        return self._ask_of_account(request_id, "account.status", venue_ns)

    def limits(self, request_id: int, venue_ns: int) -> bytes:
        """Ask for the account's limits on orders, and their use."""
        return self._ask_of_account(request_id, "account.rateLimits.orders", venue_ns)

    def test_order(self, request_id: int, instrument: int, venue_ns: int) -> bytes:
        """Ask whether an order could be placed, without placing one."""
        more = f'{self._least[instrument]},"side":"BUY","timeInForce":"GTC","type":"LIMIT",'
        return self._ask(request_id, "order.test", instrument, more, venue_ns)

    def fills_of(self, request_id: int, instrument: int, venue_order_id: bytes, venue_ns: int) -> bytes:
        """Ask for the fills of one order."""
        more = f'"limit":{FILLS_LIMIT},"orderId":{venue_order_id.decode()},'
        return self._ask(request_id, "myTrades", instrument, more, venue_ns)

    def fills_after(self, request_id: int, instrument: int, cursor: bytes, venue_ns: int) -> bytes:
        """Ask for the account's fills after a cursor, which is a trade's id."""
        more = f'"fromId":{int(cursor) + 1},"limit":{FILLS_LIMIT},'
        return self._ask(request_id, "myTrades", instrument, more, venue_ns)

    def fills_last(self, request_id: int, instrument: int, venue_ns: int) -> bytes:
        """Ask for the account's newest fill."""
        return self._ask(request_id, "myTrades", instrument, '"limit":1,', venue_ns)

    def _ask_of_account(self, request_id: int, method: str, venue_ns: int) -> bytes:
        """A request about the whole account."""
        time_ms = venue_ns // MILLISECOND_NS
        return f'{{"id":{request_id},"method":"{method}","params":{{{self._window},"timestamp":{time_ms}}}}}'.encode()

    def _ask(self, request_id: int, method: str, instrument: int, more: str, venue_ns: int) -> bytes:
        """A request about one instrument."""
        return self._ask_of(request_id, method, self._symbols[instrument], more, venue_ns)

    def _ask_of(self, request_id: int, method: str, symbol: str, more: str, venue_ns: int) -> bytes:
        """A request about one symbol."""
        time_ms = venue_ns // MILLISECOND_NS
        return (
            f'{{"id":{request_id},"method":"{method}","params":{{{more}{self._window},'
            f'"symbol":"{symbol}","timestamp":{time_ms}}}}}'
        ).encode()

"""Binance spot's WebSocket API, inward: answers and execution reports as typed values, and the whole wire in one class.

Only this module decides what an error means for the request:
    2xx                            accepted
    5xx, -1000, -1001, -1006..-1008, and -2010 "Duplicate order sent."    unknown: the venue may have done it, ask
    any other error                refused: the venue did not do it
A cancel's own new client id is of no interest: an execution report of a cancel names the order in `C`, not in `c`.
"""

import re
from typing import Annotated, TypeAlias

import msgspec

from engine.model.fixed import INT64_MAX
from engine.model.instrument import Instrument
from engine.model.words import BUY, SELL, OrderState, OrderType
from engine.venues.binance.filters import NATIVES
from engine.venues.binance.signing import Signer
from engine.venues.binance.trading.decimals import read_amount, read_client_id, read_plain
from engine.venues.binance.trading.requests import MILLISECOND_NS, Requests
from engine.venues.trading.budget import Cost, Reported
from engine.venues.trading.news import (
    TEXT_MOST,
    WHY_MOST,
    FillNews,
    Frame,
    News,
    OrderNews,
    Outcome,
    ReplaceNews,
    UnreadableError,
    readable,
)

Id = Annotated[int, msgspec.Meta(ge=-1, le=INT64_MAX)]  # what a record can hold; -1: none
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=INT64_MAX // MILLISECOND_NS)]
ClockMilliseconds = Annotated[int, msgspec.Meta(ge=0, le=8_000_000_000_000)]  # until 2223: a deadline after it fits too
Count = Annotated[int, msgspec.Meta(ge=1, le=1 << 31)]
Code = Annotated[int, msgspec.Meta(ge=-(1 << 31), le=(1 << 31) - 1)]

SECOND_NS = 1_000_000_000
FEE_DECIMALS = 8
BALANCE_MOST = (1 << 100) - 1  # of a balance, which no record holds
ASSET_LENGTH = 16  # bytes of an asset's name in a record
SIDES = {"BUY": BUY, "SELL": SELL}
DECIMAL = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?")  # `int` accepts more: blanks, underscores, other digits
EVENT_BEGIN = b'{"subscriptionId":'  # of the account's events, each beside the number of its subscription
ERROR_LEAST = 400
SERVER_ERROR_LEAST = 500
NO_SUCH_ORDER = frozenset({"-2013", "-2026"})  # unknown; archived after 90 days without a fill
NO_RIGHT = frozenset({"-1002", "-2014", "-2015"})
NO_RIGHT_TEXTS = ("This action is disabled on this account.", "This account may not place or cancel orders.")  # -2010
BARRED = "-2010", "the account may not trade (account.status: canTrade is false)"  # the code of an order of it
DUPLICATE_TEXT = "Duplicate order sent."
OPEN = int(OrderState.OPEN)
ANSWER, REPORT, OTHER = Frame.ANSWER, Frame.REPORT, Frame.OTHER
ACCEPTED = Outcome.ACCEPTED
KINDS = {"REQUEST_WEIGHT": Cost._fields.index("weight"), "ORDERS": Cost._fields.index("orders")}
INTERVALS_NS = {"SECOND": SECOND_NS, "MINUTE": 60 * SECOND_NS, "HOUR": 3_600 * SECOND_NS, "DAY": 86_400 * SECOND_NS}
UNKNOWN_CODES = frozenset({-1000, -1001, -1006, -1007, -1008})
STATES = {
    "NEW": int(OrderState.OPEN),
    "PENDING_NEW": int(OrderState.OPEN),
    "PARTIALLY_FILLED": int(OrderState.PARTLY_FILLED),
    "FILLED": int(OrderState.FILLED),
    "CANCELED": int(OrderState.CANCELLED),
    "PENDING_CANCEL": int(OrderState.CANCELLING),
    "REJECTED": int(OrderState.REJECTED),
    "EXPIRED": int(OrderState.EXPIRED),
    "EXPIRED_IN_MATCH": int(OrderState.EXPIRED),
}


class ErrorBody(msgspec.Struct, gc=False):
    """An answer's error."""

    code: Code = 0
    msg: str = ""
    data: msgspec.Raw = msgspec.Raw(b"")


class RateLimit(msgspec.Struct, gc=False):
    """One limit on requests, with its use."""

    rateLimitType: str  # noqa: N815 - the venue's spelling, here and below
    interval: str
    intervalNum: Count  # noqa: N815
    limit: Count
    count: Annotated[int, msgspec.Meta(ge=0, le=INT64_MAX)]


class Envelope(msgspec.Struct, gc=False):
    """Any frame of the WebSocket API."""

    id: int | str | None = None
    status: int = 0
    result: msgspec.Raw = msgspec.Raw(b"")
    error: ErrorBody | None = None
    event: msgspec.Raw = msgspec.Raw(b"")
    rateLimits: msgspec.Raw = msgspec.Raw(b"[]")  # noqa: N815 - the venue's spelling


class EventName(msgspec.Struct, gc=False):
    """The name of an event."""

    e: str = ""


class ExecutionReport(msgspec.Struct, gc=False, tag_field="e", tag="executionReport"):
    """The fields of an execution report that matter here, under the venue's letters."""

    s: str
    c: str
    S: str
    q: str
    p: str
    X: str
    i: Id
    l: str  # noqa: E741 - the venue's letter
    z: str
    L: str
    T: Milliseconds
    t: Id = -1
    C: str = ""
    o: str = ""
    P: str = "0"
    n: str | None = None
    N: str | None = None
    m: bool = False
    w: bool = False


class AnswerFill(msgspec.Struct, gc=False):
    """A fill inside the full answer to a placement."""

    price: str
    qty: str
    commission: str
    commissionAsset: str  # noqa: N815 - the venue's spelling, here and below
    tradeId: Id  # noqa: N815


class AnswerOrder(msgspec.Struct, gc=False):
    """An order in an answer."""

    symbol: str
    orderId: Id  # noqa: N815
    clientOrderId: str  # noqa: N815
    status: str = "NEW"
    side: str = ""
    type: str = ""
    price: str = "0"
    stopPrice: str = "0"  # noqa: N815
    origQty: str = "0"  # noqa: N815
    executedQty: str = "0"  # noqa: N815
    origClientOrderId: str = ""  # noqa: N815
    transactTime: Milliseconds = 0  # noqa: N815
    updateTime: Milliseconds = 0  # noqa: N815
    workingTime: Annotated[int, msgspec.Meta(ge=-1)] = -1  # noqa: N815
    fills: list[AnswerFill] = []


class ListAnswer(msgspec.Struct, gc=False):
    """The answer to a request about an order list, which the cancel of one of its orders is too."""

    orderReports: list[AnswerOrder] = []  # noqa: N815


class AmendedOrder(AnswerOrder, gc=False):
    """An order in the answer to an amend, where its size has another name."""

    qty: str = "0"


class AmendAnswer(msgspec.Struct, gc=False):
    """The answer to an amend."""

    amendedOrder: AmendedOrder  # noqa: N815
    transactTime: Milliseconds = 0  # noqa: N815


class OwnTrade(msgspec.Struct, gc=False):
    """A line of the account's own trades."""

    symbol: str
    id: Id
    orderId: Id  # noqa: N815
    price: str
    qty: str
    commission: str
    commissionAsset: str  # noqa: N815
    time: Milliseconds
    isBuyer: bool  # noqa: N815
    isMaker: bool  # noqa: N815


class Balance(msgspec.Struct, gc=False):
    """What the account holds of an asset."""

    asset: str
    free: str
    locked: str


class Account(msgspec.Struct, gc=False):
    """The account's balances, and whether it may trade."""

    balances: list[Balance]
    canTrade: bool = True  # noqa: N815


class BalanceUpdate(msgspec.Struct, gc=False, tag_field="e", tag="balanceUpdate"):
    """A deposit or a withdrawal."""

    a: str
    d: str


class AccountPosition(msgspec.Struct, gc=False, tag_field="e", tag="outboundAccountPosition"):
    """Balances have changed; execution asks for all of them itself."""


Event: TypeAlias = ExecutionReport | BalanceUpdate | AccountPosition


class EventFrame(msgspec.Struct, gc=False):
    """A frame with an event that matters here."""

    event: Event


class ServerTime(msgspec.Struct, gc=False):
    """The venue's clock."""

    serverTime: ClockMilliseconds  # noqa: N815


class RetryAfter(msgspec.Struct, gc=False):
    """When a rate limit ends."""

    retryAfter: Milliseconds = 0  # noqa: N815


class ReplaceBody(msgspec.Struct, gc=False):
    """Both halves of a replacement, in a result as in an error's data."""

    cancelResult: str = ""  # noqa: N815
    newOrderResult: str = ""  # noqa: N815
    cancelResponse: msgspec.Raw = msgspec.Raw(b"null")  # noqa: N815
    newOrderResponse: msgspec.Raw = msgspec.Raw(b"null")  # noqa: N815


_envelope = msgspec.json.Decoder(Envelope).decode
_event = msgspec.json.Decoder(EventName).decode
_event_frame = msgspec.json.Decoder(EventFrame).decode
_limits = msgspec.json.Decoder(list[RateLimit]).decode
_report = msgspec.json.Decoder(ExecutionReport).decode
_order = msgspec.json.Decoder(AnswerOrder).decode
_list = msgspec.json.Decoder(ListAnswer).decode
_amended = msgspec.json.Decoder(AmendAnswer).decode
_orders = msgspec.json.Decoder(list[AnswerOrder]).decode
_trades = msgspec.json.Decoder(list[OwnTrade]).decode
_account = msgspec.json.Decoder(Account).decode
_transfer = msgspec.json.Decoder(BalanceUpdate).decode
_time = msgspec.json.Decoder(ServerTime).decode
_retry = msgspec.json.Decoder(RetryAfter).decode
_replace = msgspec.json.Decoder(ReplaceBody).decode
_error = msgspec.json.Decoder(ErrorBody).decode


def fixed(text: str, decimals: int, most: int = INT64_MAX) -> int:
    """Read the venue's decimal text exactly; digits beyond `decimals` must be zeros, and a record must hold it."""
    plain = read_plain(text, decimals)
    return read_any(text, decimals, most) if plain is None or abs(plain) > most else plain


def read_any(text: str, decimals: int, most: int) -> int:
    """What `fixed` returns or refuses, of any text."""
    if DECIMAL.fullmatch(text) is None:
        msg = f"{text[:40]!r} is no decimal number"
        raise ValueError(msg)
    whole, _, fraction = text.partition(".")
    if fraction[decimals:].strip("0"):
        msg = f"{text[:40]!r} has more than {decimals} decimals"
        raise ValueError(msg)
    number = int(whole + fraction[:decimals].ljust(decimals, "0"))
    if abs(number) > most:
        msg = f"{text[:40]!r} is wider than {most.bit_length() + 1} bits at {decimals} decimals"
        raise ValueError(msg)
    return number


def amount(text: str, decimals: int, most: int = INT64_MAX) -> int:
    """A price or a size: below zero it would turn a position round."""
    number = fixed(text, decimals, most)
    if number < 0:
        msg = f"{text[:40]!r} is below zero"
        raise ValueError(msg)
    return number


def wide(text: str) -> int:
    """A balance: of coins worth a ten-millionth of a dollar an account holds more than 64 bits at eight decimals."""
    return amount(text, FEE_DECIMALS, BALANCE_MOST)


def client_id_of(text: str) -> bytes:
    """Our 16 bytes when the text is in our form, else the text itself: another program's order."""
    return read_client_id(text) or text.encode()


def known_event(frame: bytes) -> Event | None:
    """The event of a frame that the venue sends for each order, read at once; None: read the frame step by step."""
    if not frame.startswith(EVENT_BEGIN):
        return None
    try:
        return _event_frame(frame).event
    except msgspec.DecodeError:
        return None


def code_of(number: int) -> str:
    """An error's code as text; empty where there is no error."""
    return str(number) if number else ""


def id_of(number: int) -> bytes:
    """An order's id in decimal digits; empty where the venue has none."""
    return b"%d" % number if number > 0 else b""


def asset_of(text: str) -> bytes:
    """An asset's name, whole: one that is cut off is another asset."""
    name = text.encode()
    if len(name) > ASSET_LENGTH:
        msg = f"asset {text[:40]!r}: expected at most {ASSET_LENGTH} bytes"
        raise ValueError(msg)
    return name


def side_of(text: str) -> int:
    """A side in our words; the venue has two."""
    if text not in SIDES:
        msg = f"side {text!r}: expected BUY or SELL"
        raise ValueError(msg)
    return SIDES[text]


def state_of(status: str) -> tuple[int, str]:
    """A status in our words; an unknown one counts as open and is named."""
    state = STATES.get(status)
    return (OPEN, status or "none") if state is None else (state, "")


def type_of(name: str) -> int:
    """An order's type in our words; every other one than a native one is a limit order."""
    return int(NATIVES.get(name, OrderType.LIMIT))


def outcome_of(status: int, code: int, text: str) -> Outcome:
    """The request's outcome, from an answer's status and error code."""
    if status < ERROR_LEAST and not code:
        return ACCEPTED
    if status >= SERVER_ERROR_LEAST or code in UNKNOWN_CODES or text == DUPLICATE_TEXT:
        return Outcome.UNKNOWN
    return Outcome.REFUSED


def reported(limits: list[RateLimit]) -> list[Reported]:
    """The limits that execution's requests count in."""
    return [
        Reported(KINDS[one.rateLimitType], INTERVALS_NS[one.interval] * one.intervalNum, one.limit, one.count)
        for one in limits
        if one.rateLimitType in KINDS and one.interval in INTERVALS_NS
    ]


def limits_of(raw: msgspec.Raw) -> list[Reported]:
    """The limits beside an answer; none where they cannot be read, because the answer itself counts more."""
    try:
        return reported(_limits(raw))
    except msgspec.DecodeError:
        return []


class BinanceTrading(Requests):
    """Binance spot's trading wire, both ways."""

    def __init__(self, instruments: list[Instrument], signer: Signer, receive_window_ms: int = 5000) -> None:
        """Remember the decimals of every symbol."""
        super().__init__(instruments, signer, receive_window_ms)
        self._scales = {one.symbol: (one.price_decimals, one.size_decimals) for one in instruments}

    @readable
    def read(self, frame: bytes) -> News:
        """What a frame means."""
        event = known_event(frame)
        return self._read_stepwise(frame) if event is None else self._event_news(event)

    def _read_stepwise(self, frame: bytes) -> News:
        """What a frame means, by its outermost fields first."""
        envelope = _envelope(frame)
        if envelope.event:
            return self._read_event(bytes(envelope.event))
        if envelope.status == 0:
            return News(Frame.SHUTDOWN if _event(frame).e == "serverShutdown" else OTHER)
        error = envelope.error
        if not isinstance(envelope.id, int):
            if error is None:
                return News(OTHER)
            return News(Frame.SHUTDOWN, error=code_of(error.code), text=error.msg[:WHY_MOST])
        if error is None:
            code = "" if envelope.status < ERROR_LEAST else "-1000"
            outcome = outcome_of(envelope.status, 0, "")
            body, limits = bytes(envelope.result), limits_of(envelope.rateLimits)
            return News(ANSWER, envelope.id, outcome, code, body=body, limits=limits)
        data = bytes(error.data)
        retry_ms = _retry(data).retryAfter if data.startswith(b"{") else 0
        return News(
            ANSWER, envelope.id, outcome_of(envelope.status, error.code, error.msg), code_of(error.code),
            error.msg[:WHY_MOST], retry_ms * MILLISECOND_NS, body=data, limits=limits_of(envelope.rateLimits),
        )  # fmt: skip

    @readable
    def read_order(self, body: bytes) -> tuple[OrderNews, list[FillNews]]:
        """An order, with the fills that the answer brought."""
        order = _order(body)
        news = self._order_news(order)
        return news, [self._answer_fill(order, news, fill) for fill in order.fills]

    @readable
    def read_pair(self, body: bytes) -> list[OrderNews]:
        """Both orders of a pair."""
        return [self._order_news(order) for order in _list(body).orderReports]

    def read_cancelled(self, body: bytes, client_id: bytes) -> tuple[OrderNews, list[OrderNews]]:
        """The cancelled order of this id, and the other one of its pair, which its cancel has ended too."""
        if b'"orderReports"' not in body:
            return self.read_order(body)[0], []
        both = {news.client_id: news for news in self.read_pair(body)}
        return self._named(client_id, both, body), list(both.values())

    def _named(self, client_id: bytes, both: dict[bytes, OrderNews], body: bytes) -> OrderNews:
        """Remove and return the order of this id; UnreadableError without it."""
        if client_id not in both:
            raise UnreadableError(f"the cancel of {client_id.hex()} is answered without it", body[:TEXT_MOST])
        return both.pop(client_id)

    @readable
    def read_amended(self, body: bytes) -> OrderNews:
        """An order whose size was lowered."""
        answer = _amended(body)
        order = answer.amendedOrder
        order.origQty, order.transactTime = order.qty, answer.transactTime
        return self._order_news(order)

    @readable
    def read_orders(self, body: bytes) -> list[OrderNews]:
        """A list of orders; those of symbols not traded here keep the numbers 0."""
        return [self._order_news(order) for order in _orders(body)]

    @readable
    def read_fills(self, body: bytes) -> list[FillNews]:
        """A list of own trades."""
        return [self._own_trade(trade) for trade in _trades(body)]

    @readable
    def read_balances(self, body: bytes) -> tuple[dict[str, int], dict[str, int]]:
        """What the account holds of each asset, free and locked, and the locked part, at eight decimals."""
        held = _account(body).balances
        locked = {one.asset: amount for one in held if (amount := wide(one.locked))}
        return {one.asset: wide(one.free) + locked.get(one.asset, 0) for one in held}, locked

    @readable
    def read_limits(self, body: bytes) -> list[Reported]:
        """The account's limits on orders, and their use."""
        return reported(_limits(body))

    @readable
    def may_trade(self, body: bytes) -> bool:
        """Whether the account may trade, by the answer that holds its balances."""
        return _account(body).canTrade

    def read_replace(self, news: News) -> ReplaceNews:
        """The two halves of a replacement, from its result or from its error's data."""
        if not news.body.startswith(b"{") or news.outcome == Outcome.UNKNOWN:
            return ReplaceNews(Outcome(news.outcome), Outcome(news.outcome), news.error, news.error, news.text)
        both = self._halves(news.body)
        if not both.cancelResult and not both.newOrderResult:
            return ReplaceNews(Outcome(news.outcome), Outcome(news.outcome), news.error, news.error, news.text)
        cancel, not_cancelled, cancelled, _ = self._half(both.cancelResult, bytes(both.cancelResponse))
        place, not_placed, placed, fills = self._half(both.newOrderResult, bytes(both.newOrderResponse))
        code, text = (code_of(not_placed.code), not_placed.msg) if not_placed.code else (news.error, news.text)
        return ReplaceNews(cancel, place, code_of(not_cancelled.code), code, text[:WHY_MOST], cancelled, placed, fills)

    @readable
    def read_time(self, body: bytes) -> int:
        """The venue's clock, in nanoseconds."""
        return _time(body).serverTime * MILLISECOND_NS

    def gone(self, error: str) -> bool:
        """Whether an error means that the venue has no such order."""
        return error in NO_SUCH_ORDER

    def denied(self, error: str, text: str) -> bool:
        """Whether an order's refusal means that this key or account may place none at all."""
        return error in NO_RIGHT or text in NO_RIGHT_TEXTS

    @readable
    def _halves(self, body: bytes) -> ReplaceBody:
        """Parse the outcomes of both halves."""
        return _replace(body)

    def _half(self, result: str, response: bytes) -> tuple[Outcome, ErrorBody, OrderNews | None, list[FillNews]]:
        """One half of a replacement: its outcome, its error, its order and fills."""
        if result == "SUCCESS":
            order, fills = self.read_order(response)
            return Outcome.ACCEPTED, ErrorBody(), order, fills
        error = self._error(response) if response.startswith(b"{") else ErrorBody()
        if result == "FAILURE":
            return outcome_of(ERROR_LEAST, error.code, error.msg), error, None, []
        return Outcome.REFUSED, error, None, []

    @readable
    def _error(self, response: bytes) -> ErrorBody:
        """A half's error."""
        return _error(response)

    def _read_event(self, event: bytes) -> News:
        """An event of the account, by its name."""
        name = _event(event).e
        if name == "balanceUpdate":
            return self._event_news(_transfer(event))
        if name == "executionReport":
            return self._event_news(_report(event))
        return News(Frame.SHUTDOWN if name in ("eventStreamTerminated", "serverShutdown") else OTHER)

    def _event_news(self, event: Event) -> News:
        """An event of the account that was read."""
        if isinstance(event, ExecutionReport):
            scales = self._scales.get(event.s)
            return self._unscaled(event) if scales is None else self._report_news(event, *scales)
        if isinstance(event, BalanceUpdate):
            moved = fixed(event.d, FEE_DECIMALS, BALANCE_MOST)
            return News(Frame.TRANSFER, text=event.a[:ASSET_LENGTH], amount=moved)
        return News(OTHER)

    def _unscaled(self, report: ExecutionReport) -> News:
        """A report of a symbol that is not traded here: it has an owner and a state, but no amounts."""
        state, unknown = state_of(report.X)
        client_id, venue_ns = client_id_of(report.C or report.c), report.T * MILLISECOND_NS
        side = side_of(report.S)
        return News(
            REPORT, order=OrderNews(report.s, client_id, id_of(report.i), state, side, 0, 0, 0, venue_ns, unknown)
        )

    def _report_news(self, report: ExecutionReport, price_decimals: int, size_decimals: int) -> News:
        """An execution report as order and fill."""
        client_id = client_id_of(report.C or report.c)
        side = side_of(report.S)
        venue_ns = report.T * MILLISECOND_NS
        state, unknown = state_of(report.X)
        order = OrderNews(
            report.s, client_id, id_of(report.i), state, side,
            read_amount(report.p, price_decimals, amount) or amount(report.P, price_decimals),
            read_amount(report.q, size_decimals, amount), read_amount(report.z, size_decimals, amount), venue_ns,
            unknown, type_of(report.o), report.w,
        )  # fmt: skip
        if report.t < 0:
            return News(REPORT, order=order)
        fill = FillNews(
            report.s, client_id, id_of(report.i), b"%d" % report.t, side, amount(report.L, price_decimals),
            amount(report.l, size_decimals), fixed(report.n or "0", FEE_DECIMALS), asset_of(report.N or ""),
            report.m, venue_ns,
        )  # fmt: skip
        return News(REPORT, order=order, fill=fill)

    def _order_news(self, order: AnswerOrder) -> OrderNews:
        """An order of an answer."""
        client_id = client_id_of(order.origClientOrderId or order.clientOrderId)
        side = side_of(order.side) if order.side else 0
        venue_ns = (order.transactTime or order.updateTime) * MILLISECOND_NS
        state, unknown = state_of(order.status)
        scales = self._scales.get(order.symbol)
        if scales is None:
            return OrderNews(order.symbol, client_id, id_of(order.orderId), state, side, 0, 0, 0, venue_ns, unknown)
        return OrderNews(
            order.symbol, client_id, id_of(order.orderId), state, side,
            read_amount(order.price, scales[0], amount) or amount(order.stopPrice, scales[0]),
            read_amount(order.origQty, scales[1], amount), read_amount(order.executedQty, scales[1], amount), venue_ns,
            unknown, type_of(order.type), order.workingTime > 0,
        )  # fmt: skip

    def _scale(self, symbol: str) -> tuple[int, int]:
        """The decimals of a symbol whose fills were asked for."""
        if symbol not in self._scales:
            msg = f"fills of {symbol!r}, which was not asked about"
            raise ValueError(msg)
        return self._scales[symbol]

    def _answer_fill(self, order: AnswerOrder, news: OrderNews, fill: AnswerFill) -> FillNews:
        """A fill that came with the answer to its placement: always the taker's."""
        price_decimals, size_decimals = self._scale(order.symbol)
        return FillNews(
            order.symbol, news.client_id, news.venue_order_id, b"%d" % fill.tradeId, news.side,
            amount(fill.price, price_decimals), amount(fill.qty, size_decimals),
            fixed(fill.commission, FEE_DECIMALS), asset_of(fill.commissionAsset),
            False, news.venue_ns,
        )  # fmt: skip

    def _own_trade(self, trade: OwnTrade) -> FillNews:
        """A line of the account's own trades."""
        price_decimals, size_decimals = self._scale(trade.symbol)
        return FillNews(
            trade.symbol, b"", id_of(trade.orderId), b"%d" % trade.id, BUY if trade.isBuyer else SELL,
            amount(trade.price, price_decimals), amount(trade.qty, size_decimals),
            fixed(trade.commission, FEE_DECIMALS), asset_of(trade.commissionAsset), trade.isMaker,
            trade.time * MILLISECOND_NS,
        )  # fmt: skip

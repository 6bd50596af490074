"""An order inside the venue, its request, and its events."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from engine.loopback.market import Market

if TYPE_CHECKING:
    from engine.loopback.order_lists import OrderList


class Kind(StrEnum):
    """How an order meets the book."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    LIMIT_MAKER = "LIMIT_MAKER"  # post-only: rejected when it would trade at once
    STOP_LOSS = "STOP_LOSS"  # becomes a MARKET order when the last price moves against the order to its stop price
    STOP_LOSS_LIMIT = "STOP_LOSS_LIMIT"  # the same, as a LIMIT order
    TAKE_PROFIT = "TAKE_PROFIT"  # becomes a MARKET order when the last price moves in favour of the order
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"


STOP_LOSSES = frozenset({Kind.STOP_LOSS, Kind.STOP_LOSS_LIMIT})
CONTINGENT = STOP_LOSSES | {Kind.TAKE_PROFIT, Kind.TAKE_PROFIT_LIMIT}
UNPRICED = frozenset({Kind.MARKET, Kind.STOP_LOSS, Kind.TAKE_PROFIT})
TIMED = frozenset({Kind.LIMIT, Kind.STOP_LOSS_LIMIT, Kind.TAKE_PROFIT_LIMIT})  # kinds that name a time in force


class Until(StrEnum):
    """How long the unfilled rest of an order may rest."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class Prevention(StrEnum):
    """Which order ends when an account would trade with itself; the taker's mode decides."""

    NONE = "NONE"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"
    DECREMENT = "DECREMENT"


class Status(StrEnum):
    """The states of an order."""

    PENDING_NEW = "PENDING_NEW"  # it waits until its list's working order is filled
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"


OPEN = frozenset({Status.PENDING_NEW, Status.NEW, Status.PARTIALLY_FILLED})


class Expiry(StrEnum):
    """Why an order expired."""

    NONE = ""
    REJECTED = "REJECTED"  # it was triggered and could not be placed
    OCO_TRIGGER = "OCO_TRIGGER"  # the other order of its pair was triggered or has ended
    OTO_PHASE_ONE_EXPIRED = "OTO_PHASE_ONE_EXPIRED"  # its list's working order ended before it was filled
    IOC = "UNFILLED_IOC_QUANTITY_EXPIRED"
    FOK = "UNFILLED_FOK_ORDER_EXPIRED"
    NO_LIQUIDITY = "INSUFFICIENT_LIQUIDITY"


class Happening(StrEnum):
    """The kinds of an order's events."""

    NEW = "NEW"
    TRIGGERED = "TRIGGERED"  # its stop price was reached, or its list's working order is filled
    TRADE = "TRADE"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    TRADE_PREVENTION = "TRADE_PREVENTION"
    REPLACED = "REPLACED"


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A new order for the matching engine. `quote_size` is for MARKET orders sized in the quote asset."""

    account: str
    symbol: str
    client_id: str
    side: int
    kind: Kind
    until: Until = Until.GTC
    price: int = 0
    size: int = 0
    quote_size: int = 0
    prevention: str = ""  # empty: the market's default
    stop: int = 0  # the last price at which a contingent order is triggered, or begins to trail
    trailing: int = 0  # hundredths of a percent by which the price turns back from its best to trigger the order


class Refused(StrEnum):
    """Why the matching engine rejected an order."""

    FILTER = "filter"
    BALANCE = "balance"
    WOULD_TAKE = "would take"
    WOULD_TRIGGER = "would trigger"
    BAD_PRICES = "bad prices"
    DUPLICATE = "duplicate"
    CLOSED = "closed"


class Rejection(NamedTuple):
    """A rejected order; `filter_name` is the filter that it failed, if it was a filter."""

    why: Refused
    filter_name: str = ""


class Fill(NamedTuple):
    """One side of a trade."""

    trade_id: int
    order_id: int
    price: int
    size: int
    notional: int
    fee: int
    fee_asset: str
    side: int
    maker: bool
    now_ns: int


class Print(NamedTuple):
    """A public trade."""

    symbol: str
    trade_id: int
    price: int
    size: int
    buyer_is_maker: bool
    now_ns: int
    taker_id: int = 0  # the taker's order


@dataclass(eq=False, slots=True)
class Order:
    """One order. `hold` is the price at which its remaining size is locked; 0: nothing is locked."""

    id: int
    account: str
    market: Market
    client_id: str
    side: int
    kind: Kind
    until: Until
    price: int
    size: int
    quote_size: int
    prevention: Prevention
    now_ns: int  # when it was accepted
    update_ns: int
    status: Status = Status.NEW
    filled: int = 0
    spent: int = 0  # quote amount of the fills
    prevented: int = 0  # size removed by self-trade prevention
    prevented_match_id: int = -1
    fills: list[Fill] = field(default_factory=list)
    preventions: list["Prevented"] = field(default_factory=list)
    amendments: list["Amendment"] = field(default_factory=list)
    stop: int = 0
    trailing: int = 0
    extreme: int = 0  # the best price since it trails; 0: it does not trail yet
    trailing_ns: int = -1  # when it began to trail
    worth: int = 0  # the price at which it is locked without a partner; 0: it pays fill by fill
    hold: int = 0
    working_ns: int = -1  # when it began to trade; -1: it still waits
    expiry: Expiry = Expiry.NONE
    order_list: "OrderList | None" = None

    @property
    def symbol(self) -> str:
        """The market's name."""
        return self.market.symbol

    @property
    def works(self) -> bool:
        """Whether it waits neither for a price nor for another order."""
        return self.working_ns >= 0

    @property
    def contingent(self) -> bool:
        """Whether it waits for a price first: exactly the kinds with a stop price or a trailing delta."""
        return bool(self.stop or self.trailing)

    @property
    def remaining(self) -> int:
        """The size that may still be filled, of an order sized in the base asset."""
        return self.size - self.filled - self.prevented

    @property
    def open(self) -> bool:
        """Whether it may still be filled or cancelled."""
        return self.status in OPEN


class Prevented(NamedTuple):
    """A match that was prevented because both orders are of one account."""

    id: int
    maker_id: int
    price: int
    taker_size: int
    maker_size: int
    now_ns: int


class Amendment(NamedTuple):
    """One reduction of an order's size that keeps its place in the queue."""

    execution_id: int
    old_client_id: str
    client_id: str
    old_size: int
    size: int
    now_ns: int


class Execution(NamedTuple):
    """One event of an order, with the order's state at that moment."""

    happening: Happening
    order: Order
    status: Status
    filled: int
    spent: int
    now_ns: int
    id: int
    fill: Fill | None = None
    cancel_id: str = ""  # the client id of the cancel request
    prevented: Prevented | None = None
    amended: Amendment | None = None
    working_ns: int = -1

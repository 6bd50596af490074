"""The seam between execution and the trading of any venue: what execution asks, and what a session answers.

    execution ── place, pair, cancel, replace, amend, status, open orders, fills of a cursor, balances ─▶ VenueSession
              ◀─ SessionListener: up, down, answer, report, transfer, unreadable ────────────────        ─▶ venue

A session connects, measures the venue's clock, logs on, and connects again after each loss. It chooses how requests
travel: over one WebSocket both ways, or over REST with reports by a stream. Each method that makes a request returns
True when the request may have left this machine. Then the listener gets exactly one answer to it: the venue's, or
UNKNOWN when the venue did not answer in time, its answer cannot be read, or the connection ended. False: nothing left,
and no answer follows. Requests name orders by the client id that execution gave them.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Annotated, NamedTuple, Protocol, TypeAlias

import msgspec

from engine.venues.trading.budget import VenueBudget
from engine.venues.trading.clearance import Clearance
from engine.venues.trading.clock import VenueClock
from engine.venues.trading.fill_order import FillOrder
from engine.venues.trading.news import FillNews, OrderNews, Outcome, ReplaceNews, UnreadableError

SECOND_NS = 1_000_000_000


class Ask(IntEnum):
    """What execution asks of a session."""

    PLACE = 1
    CANCEL = 2
    REPLACE = 3
    STATUS = 4  # of one order, by our id
    OWNER = 5  # of one order, by the venue's id
    OPEN_ORDERS = 6
    FILLS_OF = 7  # one order
    FILLS_SINCE = 8  # a cursor
    NEWEST_FILL = 9
    BALANCES = 10
    AMEND = 12  # the smaller size of an order, which keeps its place in the queue
    RIGHT = 11  # whether this key and account may place orders
    PAIR = 13  # a limit order and a stop, of which the venue ends one when the other trades


class Stage(IntEnum):
    """How far a session is. A venue without one of the middle stages goes past it."""

    DOWN = 0
    CONNECTING = 1
    CLOCK = 2
    LOGON = 3
    SUBSCRIBE = 4
    UP = 5


Denial: TypeAlias = tuple[str, str]  # the venue's code and words
NO_DENIAL: Denial = ("", "")


Interval = Annotated[int, msgspec.Meta(ge=1, le=86_400 * SECOND_NS)]  # up to a day


class SessionOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The times of a session."""

    answer_timeout_ns: Interval = 2 * SECOND_NS  # then a request's outcome is unknown
    clock_interval_ns: Interval = 10 * SECOND_NS  # between measurements of the venue's clock; also the proof of life
    retry_least_ns: Interval = SECOND_NS // 10  # between connection attempts, doubling
    retry_most_ns: Interval = 5 * SECOND_NS


class Waits(NamedTuple):
    """What a native order waits for at the venue: a price, or one that turns back by a distance from its best."""

    order_type: int  # one of NATIVE_TYPES
    stop_price: int = 0  # 0: it trails from the price of now
    trailing_bps: int = 0  # 0: the stop price alone triggers


class Request(NamedTuple):
    """A request that left and waits for its answer."""

    kind: int  # Ask; a session has kinds of its own for its logon
    sent_ns: int
    client_id: bytes = b""  # the order it is about
    replaced: bytes = b""  # of a REPLACE: the order that ends
    instrument: int = 0
    key: bytes = b""  # of OWNER and FILLS_OF the venue's order id, of FILLS_SINCE the cursor
    second: bytes = b""  # of a PAIR: the limit order; the first is the stop


class Answer(msgspec.Struct):
    """The answer to a request. What was not asked for is empty."""

    outcome: int  # Outcome
    error: str = ""  # the venue's code
    text: str = ""
    retry_ns: int = 0  # by our clock: the venue asks for silence until then
    gone: bool = False  # the error means that the venue has no such order
    denied: bool = False  # the error means that this key or account may place no order at all
    barred: Denial = NO_DENIAL  # of BALANCES: why the account may place no order
    order: OrderNews | None = None  # of PLACE, CANCEL, AMEND, STATUS and OWNER
    fills: list[FillNews] = []  # with the order, or of the listing
    more: bool = False  # of FILLS_SINCE: the venue has further fills
    orders: list[OrderNews] = []  # of OPEN_ORDERS; of PAIR both; of CANCEL the other order of its pair
    balances: dict[str, int] = {}  # free and locked, by asset, at eight decimals
    locked: dict[str, int] = {}  # of them, where the venue holds a part for open orders
    replace: ReplaceNews | None = None  # of REPLACE; None: both halves are unknown
    unreadable: UnreadableError | None = None  # why the answer cannot be read; its outcome is then UNKNOWN
    source: bytes = b""  # what the venue sent


UNANSWERED = Answer(Outcome.UNKNOWN)


class SessionListener(Protocol):
    """Receives what a session reports."""

    def on_up(self, now_ns: int) -> None:
        """Requests may be sent."""

    def on_down(self, now_ns: int) -> None:
        """The session ended; every request that waited has been answered with UNKNOWN."""

    def on_answer(self, request: Request, answer: Answer, now_ns: int) -> None:
        """The one answer to a request."""

    def on_report(self, order: OrderNews, fill: FillNews | None, now_ns: int) -> None:
        """News of an order that nothing asked for, perhaps with a fill."""

    def on_transfer(self, asset: str, amount: int, now_ns: int) -> None:
        """A deposit or a withdrawal, at eight decimals."""

    def on_unreadable(self, error: UnreadableError, now_ns: int) -> None:
        """The venue sent a frame that cannot be read, and it is not known which request it answers."""


class VenueSession(Protocol):
    """One session of one account at one venue. Prices, sizes and balances are fixed point, times nanoseconds."""

    amends: bool  # whether the venue lowers an order's size in place
    clock: VenueClock
    budget: VenueBudget  # counts every request that leaves
    clearance: Clearance  # what risk has approved: every request that places or changes an order spends it first
    fill_order: FillOrder
    receive_window_ns: int  # a request arrives within this time of the venue's clock, or is refused there
    connects: int
    error: str  # why the last session ended, or the present one has not begun
    code: str  # the venue's, where the venue refused or ended the session
    retry_ns: int  # when the next connection begins

    @property
    def stage(self) -> Stage:
        """How far it is."""

    @property
    def up(self) -> bool:
        """Whether requests may be sent."""

    @property
    def denied(self) -> Denial:
        """Why the venue accepts no order from this key or account; NO_DENIAL while no reason is known."""

    def step(self, now_ns: int) -> int:
        """Read what has arrived, answer what is overdue, keep the session up: how many messages arrived."""

    def filenos(self) -> list[int]:
        """The descriptors that a sleeping process waits for."""

    def close(self) -> None:
        """Close; the session does not connect again."""

    def place(
        self, instrument: int, side: int, time_in_force: int, price: int, size: int, client_id: bytes, now_ns: int
    ) -> bool:
        """Place a limit order."""

    def place_native(
        self, waits: Waits, instrument: int, side: int, time_in_force: int, price: int, size: int, client_id: bytes,
        now_ns: int,
    ) -> bool:  # fmt: skip
        """Place an order that waits at the venue, where `Instrument.natives` has its type; price 0: it has no limit."""

    def place_pair(
        self, stop: Waits, instrument: int, side: int, stop_limit: int, price: int, size: int, first: bytes,
        second: bytes, now_ns: int,
    ) -> bool:  # fmt: skip
        """Place a stop and a post-only limit order of one size, where `Instrument.has_pairs`.

        The venue accepts both or none, ends one when the other trades, and cancels both by the cancel of one.
        `stop_limit` 0: the stop has no limit. `first` and `second` are the ids of the stop and of the limit order.
        """

    def warm_place(
        self, instrument: int, side: int, time_in_force: int, price: int, size: int, client_id: bytes, now_ns: int
    ) -> None:
        """Run the code of `place` without sending, so that the processor's caches keep it."""

    def replace(
        self, instrument: int, side: int, time_in_force: int, price: int, size: int, client_id: bytes,
        replaced: bytes, now_ns: int,
    ) -> bool:  # fmt: skip
        """Cancel an order that has no fill, and only then place another."""

    def amend(self, instrument: int, client_id: bytes, size: int, now_ns: int) -> bool:
        """Lower an order's size in place, where `amends`; the size is the whole, with the filled part."""

    def cancel(self, instrument: int, client_id: bytes, now_ns: int) -> bool:
        """Cancel an order."""

    def cancel_of_symbol(self, symbol: str, client_id: bytes, now_ns: int) -> bool:
        """Cancel an order of any symbol, configured or not."""

    def status(self, instrument: int, client_id: bytes, now_ns: int) -> bool:
        """Ask for one order."""

    def owner(self, instrument: int, venue_order_id: bytes, now_ns: int) -> bool:
        """Ask for one order by the venue's id."""

    def open_orders(self, now_ns: int) -> bool:
        """Ask for every open order of the account."""

    def fills_of(self, instrument: int, client_id: bytes, venue_order_id: bytes, now_ns: int) -> bool:
        """Ask for the fills of one order."""

    def fills_since(self, instrument: int, cursor: bytes, now_ns: int) -> bool:
        """Ask for the account's fills after a cursor of `fill_order`, oldest first; `Answer.more`: ask again."""

    def newest_fill(self, instrument: int, now_ns: int) -> bool:
        """Ask for the account's newest fill."""

    def balances(self, now_ns: int) -> bool:
        """Ask for the account's balances, and whether it may trade."""

    def trading_right(self, instrument: int, now_ns: int) -> bool:
        """Ask whether an order could be placed, without placing one."""


MakeSession: TypeAlias = Callable[[SessionOptions, SessionListener], VenueSession]

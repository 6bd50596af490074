"""What a venue reports about orders, fills and requests, as values in the engine's own words; and the border.

A venue's reader only translates bytes into these values: it has no connection, no state of orders and no clock. Each
of its failures becomes an UnreadableError.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import wraps
from typing import TypeVar

import msgspec

from engine.venues.trading.budget import Reported

Wire = TypeVar("Wire")
Read = TypeVar("Read")
READING_FAILURES = (msgspec.MsgspecError, ValueError, ArithmeticError, LookupError, TypeError, RecursionError)
WHY_MOST, TEXT_MOST = 200, 500  # characters of a failure, bytes of what could not be read, that are kept


class Outcome(IntEnum):
    """The outcome of a request, by its answer."""

    ACCEPTED = 1
    REFUSED = 2  # the venue did not do it and will not
    UNKNOWN = 3  # it may have been done: ask


class Frame(IntEnum):
    """What a frame is."""

    ANSWER = 1
    REPORT = 2  # of an order, without a request, perhaps with a fill
    SHUTDOWN = 3  # this connection or session ends: make another
    OTHER = 4
    TRANSFER = 5  # a deposit or a withdrawal: `text` is the asset, `amount` what it moved, at eight decimals


class UnreadableError(Exception):
    """A message of the venue that cannot be read as what it must be, with its bytes."""

    def __init__(self, why: str, text: bytes) -> None:
        """Why, and of what."""
        super().__init__(why)
        self.why, self.text = why, text


def readable(read: Callable[[Wire, bytes], Read]) -> Callable[[Wire, bytes], Read]:
    """The border between a venue's bytes and the engine: each failure of a reader becomes an UnreadableError.

    A reader only converts bytes into typed values within range and changes no state of ours, so the frame is the cause
    of each of its failures. An assert is not caught: it is about our own state.
    """

    @wraps(read)
    def reading(wire: Wire, text: bytes) -> Read:
        try:
            return read(wire, text)
        except READING_FAILURES as error:
            raise UnreadableError(
                f"{type(error).__name__}: {str(error)[:WHY_MOST]}", bytes(text[:TEXT_MOST])
            ) from error

    return reading


class OrderNews(msgspec.Struct, gc=False):
    """One order as the venue sees it.

    An unknown status is OPEN, because it does not show that the order has ended; `unknown_status` is its text.
    """

    symbol: str
    client_id: bytes  # 16 bytes when it is in our form, else the venue's text
    venue_order_id: bytes
    state: int  # OrderState
    side: int
    price: int
    size: int
    executed: int
    venue_ns: int
    unknown_status: str = ""
    order_type: int = 1  # OrderType; the price of one without a limit is its trigger's
    working: bool = False  # the venue reports that it is in the book: a native one has been triggered


class FillNews(msgspec.Struct, gc=False):
    """One fill as the venue reports it. `client_id` is empty where the venue does not name it."""

    symbol: str
    client_id: bytes
    venue_order_id: bytes
    fill_id: bytes
    side: int  # 0 where the venue does not send it: the order's
    price: int
    size: int
    fee: int
    fee_asset: bytes
    maker: bool
    venue_ns: int


class News(msgspec.Struct, gc=False):
    """What a frame means. An answer's content is read by the wire's method for its request."""

    kind: int  # Frame
    request_id: int = -1
    outcome: int = 0  # Outcome
    error: str = ""  # the venue's code
    text: str = ""
    retry_after_ns: int = 0  # venue's clock: silence until then
    order: OrderNews | None = None
    fill: FillNews | None = None
    body: bytes = b""
    amount: int = 0
    limits: list[Reported] = []  # the venue's limits on requests, and their use


@dataclass(frozen=True, slots=True)
class ReplaceNews:
    """The two halves of a replacement: what became of the cancel, what of the placement."""

    cancel: Outcome
    place: Outcome
    cancel_error: str
    place_error: str
    place_text: str
    cancelled: OrderNews | None = None
    placed: OrderNews | None = None
    fills: list[FillNews] = field(default_factory=list)

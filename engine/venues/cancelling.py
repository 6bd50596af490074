"""The seam between the canceller and any venue: list the account's open orders, cancel one, cancel those of a symbol.

    canceller ── list orders, cancel, cancel symbol ─▶ CancelSession ─▶ venue
              ◀─ CancelListener: listing, ended, refused ───────────────

It has nothing of the session that execution places orders with (`session.py`): neither its connection nor its code. It
cannot place an order. A session keeps its connections open, so that a first request leaves at once, sends cancels
before listings, and is silent for as long as the venue asks for.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias

from engine.venues.trading.clock import VenueClock
from engine.venues.wire.options import Interest


class OpenOrder(NamedTuple):
    """An open order, as the venue lists it."""

    symbol: str
    client_id: bytes  # 16 bytes when it is in our form, else the venue's text
    venue_order_id: bytes
    side: int
    venue_ns: int  # when the venue accepted it, by the venue's clock


class CancelListener(Protocol):
    """Receives what a session reports."""

    def on_listing(self, orders: list[OpenOrder], asked_ns: int, now_ns: int) -> None:
        """The account's open orders, by a listing that was asked for at this time."""

    def on_ended(self, order: OpenOrder, now_ns: int) -> None:
        """The venue has cancelled the order, or no longer has it."""

    def on_refused(self, order: OpenOrder | None, text: str, now_ns: int) -> None:
        """A cancel (or, without an order, another request) was refused, or its answer did not come."""


class CancelSession(Protocol):
    """What the canceller asks of a venue; times are nanoseconds."""

    clock: VenueClock
    receive_window_ns: int  # an order arrives within this time of the venue's clock, or is refused there
    answered_ns: int  # when the venue last answered; 0: never
    error: str  # why the venue cannot be asked; empty: it answers
    sent: int  # cancels that were sent

    @property
    def waiting(self) -> int:
        """How many cancels were neither answered nor given up."""

    def step(self, now_ns: int) -> int:
        """Read answers, send what waits, keep the connections warm: how many answers arrived."""

    def list_orders(self, now_ns: int) -> None:
        """Ask for every open order of the account, unless such a request is under way."""

    def cancel(self, order: OpenOrder, now_ns: int) -> None:
        """Cancel one order."""

    def cancel_symbol(self, order: OpenOrder, now_ns: int) -> None:
        """Cancel every order of the account of this order's symbol, the orders of others too."""

    def forget(self) -> None:
        """Drop the cancels that were not sent yet."""

    def interests(self) -> list[Interest]:
        """What a `Waiter` waits for."""

    def close(self) -> None:
        """Close the connections."""


MakeCancelSession: TypeAlias = Callable[[CancelListener], CancelSession]

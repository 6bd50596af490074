"""What an execution algorithm is: events in, child orders out, its state as a few numbers, no clock of its own.

    intent ─▶ check ─▶ first ─▶ risk ─▶ on_accepted ─▶ on_book · on_order · on_time … ─▶ on_stop
                                           │                                               (or done)
                                           └─▶ port.place · port.replace · port.cancel ─▶ risk ─▶ journal ─▶ venue

One object works one parent. `Parents` calls it: when an intent asks for it, when risk has approved its first child and
that was sent, when the book of its instrument changed, when one of its children changed, when `due_ns` has come, and
when it is to stop, after which nothing is called. It makes children through its `ChildPort` and in no other way; risk
checks each of them, and a refusal comes back as a value.

What must outlive the process is in its children, in `due_ns` and in `dump()`. Each request is recorded together with
the state as it is at the call: set the state as it is to be after the request, then make the request. State that
changes in another way is recorded after the event, for `on_book` only together with `due_ns`.

To add an algorithm: a file with a subclass here, a line in `engine/model/algorithms.py`, a test.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

import msgspec

from engine.execution.algorithms.market import Market
from engine.execution.config import ExecutionOptions
from engine.execution.orders.order import Order
from engine.execution.orders.parent import Parent
from engine.model import algorithms
from engine.model.words import Reason, TimeInForce
from engine.risk.gate import Refusal
from engine.venues.session import Waits

LASTING = frozenset({  # refusals that a retry would meet again
    Reason.NOTIONAL_TOO_SMALL, Reason.SIZE_STEP, Reason.ORDER_TOO_LARGE, Reason.POSITION_TOO_LARGE,
    Reason.INSTRUMENT_NOT_PERMITTED, Reason.NOTHING_TO_REDUCE,
})  # fmt: skip


class Beside(NamedTuple):
    """The stop of a pair: the venue ends it when the limit order trades, and the limit order when its trigger comes."""

    waits: Waits
    limit: int  # 0: it trades at any price

    @property
    def price(self) -> int:
        """Its limit, or else its trigger's price."""
        return self.limit or self.waits.stop_price


class Child(NamedTuple):
    """An order that an algorithm asks for; its instrument is its parent's, and its side too unless it has one."""

    price: int
    size: int
    time_in_force: int
    side: int = 0
    waits: Waits | None = None  # of a native order
    stop: Beside | None = None  # of a pair, whose limit order this is

    @property
    def leading(self) -> tuple[int, int]:
        """Price and time in force of the order that is made first: of a pair the stop."""
        return (self.price, self.time_in_force) if self.stop is None else (self.stop.price, TimeInForce.GTC)


class ChildPort(Protocol):
    """The only way from an algorithm to an order."""

    def ready(self, algorithm: "Algorithm", now_ns: int) -> bool:
        """Whether no switch of risk, such as a halt or a lost session, stops every order of the parent."""

    def place(self, algorithm: "Algorithm", child: Child, now_ns: int) -> Refusal | None:
        """Send a further child, or return risk's refusal."""

    def replace(self, algorithm: "Algorithm", order: Order, price: int, size: int, now_ns: int) -> Refusal | None:
        """Send a child in place of an open one, or return risk's refusal.

        An order that is not `replaceable` in one request is cancelled; place what is left when it has ended.
        """

    def shrink(self, algorithm: "Algorithm", order: Order, now_ns: int) -> bool:
        """Make a resting child that reduces no larger than the position; whether a request was sent for that."""

    def cancel(self, algorithm: "Algorithm", order: Order, now_ns: int) -> None:
        """Cancel a child."""

    def refuse(self, algorithm: "Algorithm", refusal: Refusal, now_ns: int) -> None:
        """Report a child that it would need and that no order can be."""

    def older_end(self, algorithm: "Algorithm") -> bool:
        """Whether every older order of its strategy in its instrument has ended, and all their fills are known."""

    def closable(self, algorithm: "Algorithm") -> int:
        """The size that an order of its strategy can close in its instrument, signed as the position."""

    def natives(self, instrument: int) -> int:
        """How many orders of the account may wait at the venue for a trigger."""

    def crowd(self, instrument: int) -> int:
        """How many orders of the account may be open in an instrument."""


class Algorithm(ABC):
    """The base of every algorithm."""

    Parameters: ClassVar[type[msgspec.Struct]]  # integers, named and in order as in the registry; 0: the default
    kept = False  # it waits for a price before its next child: see `triggered/`
    priced: ClassVar[bool] = False  # the intent's price is the price of its limit order, and not the bound of all
    prints = False  # whether `on_print` is to be called
    stalled = False  # whether `on_time` is to be called at each step until a switch of risk lets its order leave

    def __init__(
        self, parent: Parent, parameters: Any, market: Market, port: ChildPort, options: ExecutionOptions
    ) -> None:
        """Work a parent: `parameters` are of the class's own type."""
        self.parent = parent
        self.parameters = parameters
        self.market = market
        self.port = port
        self.options = options
        self.requested = False  # since `Parents` last looked: the port sets it
        self.refusal: Refusal | None = None  # why it ended without a child
        self.due_ns = 0  # when `on_time` is to be called; 0, or a time that is over: not

    def check(self) -> Refusal | None:
        """Refuse terms that no children can meet exactly. A restored parent is not checked again."""
        return None

    def refuse_parameter(self, name: str) -> Refusal:
        """Refuse the value of one of its parameters."""
        place = self.Parameters.__struct_fields__.index(name)
        value = self.parent.parameters[place]
        return Refusal(Reason.ALGORITHM_PARAMETER, value, algorithms.place_of(self.parent.algorithm, place))

    @abstractmethod
    def first(self, now_ns: int) -> Child | None:
        """The child to begin with: risk's verdict on it is the verdict on the intent.

        None: it waits before its first child; `waits` in the registry allows that. A kept one returns what risk
        checks of it now, and sends it later.
        """

    @property
    @abstractmethod
    def done(self) -> bool:
        """Whether it will make no further child. The parent is done when all its children have ended as well."""

    def on_accepted(self, now_ns: int) -> None:
        """The intent was approved, and the first child, if there is one, was sent."""

    def on_book(self, now_ns: int) -> None:
        """The best prices of the instrument changed."""

    def on_order(self, order: Order, now_ns: int) -> None:
        """A child changed: its state or its filled size. While it has no child: another order of its strategy."""

    def on_time(self, now_ns: int) -> None:
        """`due_ns` has come."""

    def on_print(self, price: int, now_ns: int) -> None:
        """Others traded at this price."""

    def reduce(self, now_ns: int) -> bool:  # noqa: ARG002 - for a subclass with exits
        """Make no further entry: a breaker asks for it. Whether it continues, with exits alone; else it is stopped."""
        return False

    @property
    def bound(self) -> int:
        """The worst price of its fills; 0: it has none."""
        return self.parent.limit_price

    def spare(self, now_ns: int) -> int:  # noqa: ARG002 - for a subclass that is netted
        """What another strategy of the account may fill now, without the venue; nothing while a child is live."""
        return 0

    def on_stop(self, now_ns: int) -> None:
        """It is to end: all children are being cancelled."""

    def dump(self) -> tuple[int, ...]:
        """The state beside `due_ns` and the children: at most `records.ALGORITHM_STATE` integers."""
        return ()

    def load(self, state: Sequence[int]) -> None:
        """Continue with a state that `dump` returned in another life; zeros follow it."""

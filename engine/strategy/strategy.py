"""The base of every strategy: a plain class with hooks, and no way to an order but an intent.

    class Mine(Strategy):
        class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
            size: str
        def on_book(self, book): ...

Hooks are called by the role, one at a time, in a fixed order, with `self.now_ns` as the only clock. What a hook may
use is here: its parameters, its instruments, its books, its position as seen from fills and its working orders as seen
from orders. What it wants it says with `place`, `cancel`, `cancel_all`, `replace`, or with `enter` and `exit`; each is
an intent that risk may refuse. A strategy keeps no thread, no clock, no file and no randomness, so a replay is exact.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import msgspec

from engine.model.instrument import Instrument
from engine.model.words import BUY, SELL, IntentKind, OrderType, TimeInForce
from engine.strategy.book import Book
from engine.strategy.ledger import Ledger, Order

if TYPE_CHECKING:
    from engine.model.group import Group

LIMIT, GTC, IOC, PLACE = OrderType.LIMIT, TimeInForce.GTC, TimeInForce.IOC, IntentKind.PLACE
TTL_NS = 500_000_000  # an intent older than this is not worth an order


class Outlet(Protocol):
    """Where intents go: the role."""

    def emit(
        self,
        kind: IntentKind,
        instrument: int,
        *,
        target_id: int = 0,
        side: int = 0,
        size: int = 0,
        price: int = 0,
        order_type: int = 0,
        time_in_force: int = 0,
        ttl_ns: int = TTL_NS,
        timeout_ns: int = 0,
        signal: float = 0.0,
    ) -> int | None:
        """Publish an intent; its id, or None when the lane is full."""


class Strategy:
    """A deciding object. Subclasses override hooks and declare `Parameters`; they never see a lane."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """What a configuration may set; a subclass declares its own."""

    wants_prints: ClassVar[bool] = False  # TICKS is read only for strategies that say so
    timer_ns: ClassVar[int] = 0  # how often `on_timer` is called; 0: never

    def __init__(self, instruments: tuple[Instrument, ...], parameters: Any) -> None:
        """Take the instruments to trade and checked parameters; a subclass's own state is made in `on_start`."""
        self.instruments = {instrument.id: instrument for instrument in instruments}
        self.books = {instrument.id: Book(instrument) for instrument in instruments}
        self.parameters = parameters
        self.groups: dict[int, Group] = {}  # those that hold one of its instruments, if it reads of the aggregation
        self.now_ns = 0
        self.halted = False  # an operator's word: no new orders
        self.draining = False
        self._outlet: Outlet | None = None
        self._ledger = Ledger(0, self.instruments)

    def bind(self, outlet: Outlet, ledger: Ledger) -> None:
        """Tie the strategy to its role; the role's business."""
        self._outlet = outlet
        self._ledger = ledger

    # What a strategy may say.

    def place(
        self,
        instrument: Instrument,
        side: int,
        size: int,
        price: int,
        *,
        order_type: OrderType = LIMIT,
        time_in_force: TimeInForce = GTC,
        ttl_ns: int = TTL_NS,
        timeout_ns: int = 0,
        signal: float = 0.0,
    ) -> int | None:
        """Want an order. Its intent id, or None when the intents lane is full or no new orders are wanted."""
        assert side in (BUY, SELL), f"side must be +1 or -1, was {side}"
        assert size > 0, f"size must be positive, was {size}"
        if self.halted or self.draining:
            return None
        outlet = self._outlet
        assert outlet is not None, "a strategy speaks only inside its hooks"
        return outlet.emit(
            PLACE,
            instrument.id,
            side=side,
            size=size,
            price=price,
            order_type=order_type,
            time_in_force=time_in_force,
            ttl_ns=ttl_ns,
            timeout_ns=timeout_ns,
            signal=signal,
        )

    def cancel(self, intent_id: int) -> int | None:
        """Want an order of ours gone. None when it is not working, is being cancelled, or the lane is full."""
        order = self._ledger.working.get(intent_id)
        if order is None or order.cancelling:
            return None
        return self._out.emit(IntentKind.CANCEL, order.instrument, target_id=intent_id)

    def cancel_all(self, instrument: Instrument) -> int | None:
        """Want every order of ours on an instrument gone, also those this process has never heard of."""
        return self._out.emit(IntentKind.CANCEL_ALL, instrument.id)

    def replace(self, intent_id: int, price: int, size: int) -> int | None:
        """Want a working order at another price and size; the id is that of the order that takes its place."""
        order = self._ledger.working.get(intent_id)
        if order is None or order.cancelling or self.halted or self.draining:
            return None
        return self._out.emit(
            IntentKind.REPLACE, order.instrument, target_id=intent_id, side=order.side, size=size, price=price
        )

    def enter(self, instrument: Instrument, side: int, size: int, price: int, *, signal: float = 0.0) -> int | None:
        """Want to take from the book at once, never beyond `price`; what does not fill is gone."""
        return self.place(instrument, side, size, price, time_in_force=IOC, signal=signal)

    def exit(self, instrument: Instrument, price: int, *, signal: float = 0.0) -> int | None:
        """Want to be flat at once, never beyond `price`; None when there is nothing to leave."""
        held = self.position(instrument)
        return self.enter(instrument, SELL if held > 0 else BUY, abs(held), price, signal=signal) if held else None

    # What a strategy knows of itself.

    def position(self, instrument: Instrument) -> int:
        """Signed holdings, as seen from fills; a fee taken in the base asset has left them."""
        return self._ledger.position(instrument.id)

    def orders(self, instrument: Instrument) -> list[Order]:
        """Working orders, oldest first: intents on their way, orders in flight and orders open."""
        return list(self._ledger.orders(instrument.id))

    @property
    def _out(self) -> Outlet:
        assert self._outlet is not None, "a strategy speaks only inside its hooks"
        return self._outlet

    # Hooks: what a strategy may hear. Rows are immutable and may be kept; books are reused and may not.

    def on_start(self) -> None:
        """Begin: position and working orders are known, books are not."""

    def on_book(self, book: Book) -> None:
        """A good book changed: called once a step for each instrument, with the newest."""

    def on_book_bad(self, book: Book) -> None:
        """A book stopped being good (`book.state` says how); called once, until it is good again."""

    def on_print(self, print_: Any) -> None:
        """Others traded: a PRINT row. Only with `wants_prints`."""

    # Of the aggregation, as far as `reads` in the strategy's table asks for it.

    def on_bar(self, bar: Any) -> None:
        """A bar of one of its instruments closed: a BAR row, of any configured interval, with its flags."""

    def on_global_book(self, book: Any) -> None:
        """A good global book changed: a GLOBAL_BOOK row, once a step for each group, with the newest."""

    def on_global_book_bad(self, book: Any) -> None:
        """A global book stopped being good: crossed, or a side is empty; called once, until it is good again."""

    def on_opportunity(self, opportunity: Any) -> None:
        """An opportunity of one of its groups began, changed or ended: an OPPORTUNITY row, every one in its order.

        The first word heard of one may be a CHANGE: it began before this life.
        """

    def on_opportunities_over(self) -> None:
        """Nothing heard of opportunities holds any more: who told them died, or some of their records were lost."""

    def on_bars_lost(self) -> None:
        """Closed bars were overtaken unread: what is made of a row of bars has a hole here."""

    # Of its own orders, and of its life.

    def on_order(self, order: Order) -> None:
        """An order of ours changed."""

    def on_fill(self, fill: Any) -> None:
        """An order of ours filled: a FILL row; `position` holds it already."""

    def on_refusal(self, verdict: Any) -> None:
        """Risk refused an intent of ours: a VERDICT row with its reason, value and limit."""

    def on_lane_full(self) -> None:
        """Intents of this step were refused by a full lane: execution is behind or gone."""

    def on_halt(self) -> None:
        """An operator halted trading; execution cancels what is open."""

    def on_resume(self) -> None:
        """An operator lets trading go on."""

    def on_timer(self, now_ns: int) -> None:
        """`timer_ns` has passed."""

    def on_stop(self) -> None:
        """Wind down; what still works is taken back unless a strategy knows better."""
        for instrument in self.instruments.values():
            self.cancel_all(instrument)


def checked_parameters(strategy: type[Strategy], values: Mapping[str, Any]) -> Any:
    """Turn a configuration's table into the strategy's `Parameters`, or say which value is wrong and how."""
    try:
        return msgspec.convert(values, strategy.Parameters)
    except msgspec.ValidationError as error:
        msg = f"strategy {strategy.__name__}: {error}"
        raise ValueError(msg) from error

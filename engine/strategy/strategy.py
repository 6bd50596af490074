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
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from engine.model.instrument import Instrument
from engine.strategy.book import Book
from engine.strategy.ledger import Ledger, Order
from engine.strategy.voice import Voice

if TYPE_CHECKING:
    from engine.model.group import Group


class Strategy(Voice):
    """A deciding object. Subclasses override hooks and declare `Parameters`; they never see a lane.

    What it may say, and what it knows of itself, it has from `Voice`.
    """

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
        self.bind(None, Ledger(0, self.instruments))

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

"""The base of every strategy: a plain class with hooks, and no way to an order but an intent.

    class Mine(Strategy):
        class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
            size: str
        def on_book(self, book): ...

Hooks are called by the role, one at a time, in a fixed order, with `self.now_ns` as the only clock. What a hook may
use is here: its parameters, its instruments, its books, its position as seen from fills and its working orders as seen
from orders. What it wants it says with `place`, `cancel`, `cancel_all`, `replace`, or with `enter` and `exit`; each is
an intent that risk may refuse. A strategy keeps no thread, no clock, no file and no randomness, so a replay is exact.

To define a hook is to declare it: `on_print` has TICKS read, `on_bar` the bars. What would never be called is refused
where the class is defined or loaded (see `declared`): a misspelt hook, one with other parameters; and so is a name of
the engine's set on the class or on `self`. State of its own is made in `on_start`, or in an `__init__` of its own.
"""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from engine.model.instrument import Instrument
from engine.strategy.api import declared
from engine.strategy.api.book import Book
from engine.strategy.api.ledger import Order
from engine.strategy.api.voice import Voice, reserve

if TYPE_CHECKING:
    from engine.strategy.api.rows import Bar, Fill, GlobalBook, Opportunity, Print, Verdict


class Strategy(Voice):
    """A deciding object. Subclasses override hooks and declare `Parameters`; they never see a lane.

    What it may say, and what it knows of itself, it has from `Voice`.
    """

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """What a configuration may set; a subclass declares its own."""

    timer_ns: int = 0  # how often `on_timer` is called; 0: never

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Refuse at once a class that would not hear what it defines a hook for."""
        super().__init_subclass__(**keywords)
        declared.check_class(cls, Strategy)

    def __init__(self, instruments: tuple[Instrument, ...], parameters: Any) -> None:
        """Take the instruments to trade and checked parameters; a subclass's own state is made in `on_start`.

        Both are known before this runs (see `Voice`), so a subclass that forgets `super().__init__` loses nothing.
        """

    # Hooks: what a strategy may hear. Rows are immutable and may be kept; books are reused and may not.

    def on_start(self) -> None:
        """Begin: position and working orders are known, books are not."""

    def on_book(self, book: Book) -> None:
        """A good book changed: called once a step for each instrument, with the newest."""

    def on_book_bad(self, book: Book) -> None:
        """A book stopped being good (`book.state` says how); called once, until it is good again."""

    def on_print(self, print_: "Print") -> None:
        """Others traded."""

    # Of the aggregation, which must be configured where one of these is defined.

    def on_bar(self, bar: "Bar") -> None:
        """A bar of one of its instruments closed, of any configured interval, with its flags."""

    def on_global_book(self, book: "GlobalBook") -> None:
        """A good global book changed: called once a step for each group, with the newest."""

    def on_global_book_bad(self, book: "GlobalBook") -> None:
        """A global book stopped being good: crossed, or a side is empty; called once, until it is good again."""

    def on_opportunity(self, opportunity: "Opportunity") -> None:
        """An opportunity of one of its groups began, changed or ended: every one in its order.

        The first word heard of one may be a CHANGE: it began before this life.
        """

    def on_opportunities_over(self) -> None:
        """Nothing heard of opportunities holds any more: who told them died, or some of their records were lost."""

    def on_bars_lost(self) -> None:
        """Closed bars were overtaken unread: what is made of a row of bars has a hole here."""

    # Of its own orders, and of its life.

    def on_order(self, order: Order) -> None:
        """An order of ours changed."""

    def on_fill(self, fill: "Fill") -> None:
        """An order of ours filled; `position` holds it already."""

    def on_refusal(self, verdict: "Verdict") -> None:
        """Risk refused an intent of ours: with its reason, value and limit."""

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


reserve(declared.engines_own(Strategy))


def defines(kind: type[Strategy], hook: str) -> bool:
    """Whether a class, or one between it and `Strategy`, defines a hook."""
    return getattr(kind, hook) is not getattr(Strategy, hook)


def reads_of(kind: type[Strategy]) -> tuple[str, ...]:
    """The lanes of the aggregation that a class is to read: those of which it defines a hook."""
    return declared.reads_of(functools.partial(defines, kind))


def checked_parameters(strategy: type[Strategy], values: Mapping[str, Any]) -> Any:
    """Turn a configuration's table into the strategy's `Parameters`, or say which value is wrong and how."""
    name, kind = strategy.__name__, strategy.Parameters
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        msg = f"{name}.Parameters is {kind!r}, expected `class Parameters(msgspec.Struct, frozen=True)`"
        raise TypeError(msg)
    known = [field.encode_name for field in msgspec.structs.fields(kind)]
    for unknown in values.keys() - set(
        known
    ):  # a misspelt one must not trade with the default, whatever the class says
        msg = f"strategy {name}: unknown field `{unknown}`, the parameters are: {', '.join(known) or 'none'}"
        raise ValueError(msg)
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        msg = f"strategy {name}: {error}"
        raise ValueError(msg) from error

"""The base of every strategy: a plain class with hooks, which submits intents.

    class Mine(Strategy):
        class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
            size: str
        def on_book(self, book): ...

The role calls the hooks, one at a time, in a fixed order, with `self.now_ns` as the only clock. A hook may use the
strategy's parameters, instruments and books, its position (from its fills) and its working orders. It submits intents
by `place`, `cancel`, `cancel_all`, `replace`, `enter` and `exit`; risk may refuse each. A strategy has no thread, no
clock, no file and no randomness, so a replay is exact.

A class that defines a hook gets its events: with `on_print` the role reads TICKS, with `on_bar` the bars. Mistakes are
refused when the class is defined or loaded (see `declared`): a misspelt hook, a hook with other parameters, and one of
the engine's names set on the class or on `self`. A strategy makes its own state in `on_start` or in its `__init__`.
"""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from engine.config.nearest import did_you_mean
from engine.model.instrument import Instrument
from engine.strategy.api import declared
from engine.strategy.api.book import Book
from engine.strategy.api.intent_api import IntentApi, reserve
from engine.strategy.api.ledger import Order
from engine.strategy.inputs.declaration import inputs_declared

if TYPE_CHECKING:
    from engine.strategy.api.rows import Bar, Fill, GlobalBook, Opportunity, Print, Verdict


class Strategy(IntentApi):
    """Base class of strategies. Subclasses override hooks and declare `Parameters`; they have no access to lanes.

    The calls that submit intents, and the strategy's position and orders, are in `IntentApi`.
    """

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """The parameters that a configuration may set; a subclass declares its own."""

    State: Any = Any  # the type of what `save` returns and `load` gets; a subclass may declare a msgspec.Struct
    timer_ns: int = 0  # how often `on_timer` is called; 0: never

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Refuse a class with a hook that would never be called."""
        super().__init_subclass__(**keywords)
        declared.check_class(cls, Strategy)

    def __init__(self, instruments: tuple[Instrument, ...], parameters: Any) -> None:
        """Called with the instruments to trade and the checked parameters; a subclass makes its state in `on_start`.

        Both are set before this runs (see `IntentApi`), so a subclass need not call `super().__init__`.
        """

    # Hooks. Rows are immutable and may be kept; books are reused and may not be kept.

    def on_start(self) -> None:
        """The start: position and working orders are known, books are not yet."""

    def on_book(self, book: Book) -> None:
        """A good book changed: called once a step for each instrument, with its newest state."""

    def on_book_bad(self, book: Book) -> None:
        """A book stopped being good (`book.state` is its state); called once, until it is good again."""

    def on_print(self, print_: "Print") -> None:
        """A trade between others."""

    # Hooks of the aggregation, which must be configured for them.

    def on_bar(self, bar: "Bar") -> None:
        """A bar of one of its instruments closed, of any configured interval."""

    def on_global_book(self, book: "GlobalBook") -> None:
        """A good global book changed: called once a step for each group, with its newest state."""

    def on_global_book_bad(self, book: "GlobalBook") -> None:
        """A global book stopped being good: crossed, or a side is empty; called once, until it is good again."""

    def on_opportunity(self, opportunity: "Opportunity") -> None:
        """An opportunity of one of its groups began, changed or ended: every event, in order.

        The first event of an opportunity may be a CHANGE: it began before this life of the strategy.
        """

    def on_opportunities_over(self) -> None:
        """All known opportunities are void: the aggregation died, or records of opportunities were lost."""

    def on_bars_lost(self) -> None:
        """Closed bars were lost: a series of bars has a gap here."""

    # Hooks of its own orders and of its life.

    def on_order(self, order: Order) -> None:
        """One of its orders changed."""

    def on_fill(self, fill: "Fill") -> None:
        """One of its orders was filled; `position` includes the fill."""

    def on_refusal(self, verdict: "Verdict") -> None:
        """Risk refused one of its intents: with reason, value and limit."""

    def on_lane_full(self) -> None:
        """The intents lane was full in this step: execution lags or is dead. The calls returned None."""

    def on_halt(self) -> None:
        """An operator halted trading; execution cancels what is open."""

    def on_resume(self) -> None:
        """An operator resumed trading."""

    def on_parameters(self, changed: tuple[str, ...]) -> None:
        """An operator set these parameters; `self.parameters` has the new values.

        Only a class that defines this hook accepts new parameters while it runs: here it computes again what it derived
        from them. When a life begins with set values, the hook is called once, after `on_start`.
        """

    def on_timer(self, now_ns: int) -> None:
        """`timer_ns` has passed."""

    # Its own state; a class defines both or neither.

    def save(self) -> Any:
        """Called after each step: its state, of what MessagePack has (numbers, text, lists, dicts, a Struct).

        At most 15 kB. After a death the next life of the same run gets it in `load`.
        """

    def load(self, state: Any) -> None:
        """After `on_start`: the state that was saved after the last step of the life before.

        Then `on_refusal`, `on_fill` and `on_order` are called for its own records since then. Until the last of them
        has returned, no new order is accepted, because the step that was cut off may have submitted it already.
        """

    def on_stop(self) -> None:
        """The stop: cancels all working orders unless a subclass overrides this."""
        for instrument in self.instruments.values():
            self.cancel_all(instrument)


reserve(declared.engines_own(Strategy))


def defines(kind: type[Strategy], hook: str) -> bool:
    """Whether a class, or a base of it below `Strategy`, defines a hook."""
    return getattr(kind, hook) is not getattr(Strategy, hook)


def saves(kind: type[Strategy]) -> bool:
    """Whether a class saves its state."""
    return defines(kind, "save")


def reads_of(kind: type[Strategy]) -> tuple[str, ...]:
    """The lanes of the aggregation that a class reads: those whose hooks it defines, and of its indicators."""
    found = declared.reads_of(functools.partial(defines, kind))
    return found if "bars" in found or not inputs_declared(kind) else ("bars", *found)


def checked_parameters(strategy: type[Strategy], values: Mapping[str, Any]) -> Any:
    """Convert a configuration's table to the strategy's `Parameters`; an error names the wrong value."""
    name, kind = strategy.__name__, strategy.Parameters
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        msg = f"{name}.Parameters is {kind!r}, expected `class Parameters(msgspec.Struct, frozen=True)`"
        raise TypeError(msg)
    known = [field.encode_name for field in msgspec.structs.fields(kind)]
    for unknown in values.keys() - set(
        known
    ):  # a misspelt parameter is an error even where the class allows unknown fields: it would leave the default
        hint, names = did_you_mean(unknown, known), ", ".join(known) or "none"
        msg = f"strategy {name}: unknown parameter `{unknown}`, {hint}expected one of: {names}"
        raise ValueError(msg)
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        msg = f"strategy {name}: {error}"
        raise ValueError(msg) from error

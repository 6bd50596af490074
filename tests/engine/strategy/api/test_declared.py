"""A strategy that would receive nothing is refused where it is defined or loaded, with the name that is wrong."""

import functools
import inspect
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from engine.config.tables import Aggregation
from engine.model.words import CommandKind, OrderType, TimeInForce
from engine.strategy.api.intent_api import TTL_NS
from engine.strategy.api.strategy import Strategy, reads_of
from engine.strategy.api.withheld import HALTED, INTERVAL_NS, LAGGING, NOT_STARTED
from engine.strategy.load import check_reads, strategy_class
from tests.engine.strategy.conftest import BTC, ETH, NUMBER, Recorder, System, begin


def hook(self: Any, *_: Any) -> None:
    """Take anything."""


def wrapped(inner: Any) -> Any:
    """A decorator as one writes them: what it makes is a plain function."""

    @functools.wraps(inner)
    def outer(*words: Any) -> Any:
        return inner(*words)

    return outer


def make(**body: Any) -> type[Strategy]:
    """A class with these in its body."""
    return type("Mine", (Strategy,), body)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("on_boook", "did you mean on_book"),
        ("on_trade", "the hooks are on_bar, "),
        ("onBook", "did you mean on_book?"),
        ("on__print", "did you mean on_print?"),
        ("on_hand", "it would never be called"),
    ],
)
def test_a_misspelt_hook_is_refused(name: str, hint: str) -> None:
    """It would run for days and never trade."""
    with pytest.raises(TypeError, match=rf"Mine\.{name} is no hook, it would never be called") as caught:
        make(**{name: hook})
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("def on_book(self): ...", r"on_book\(self\) cannot be called: expected def on_book\(self, book\)"),
        ("def on_book(self, book, more): ...", r"expected def on_book\(self, book\)"),
        ("def on_start(self, now_ns): ...", r"expected def on_start\(self\)"),
        ("async def on_book(self, book): ...", "is a coroutine or generator"),
        ("def on_book(self, book): yield", "is a coroutine or generator"),
        ("on_book = None", "on_book is None, expected a method"),
        ("@staticmethod\ndef on_book(self, book): ...", "cannot be called"),
        ("@wrapped\nasync def on_book(self, book): ...", "is a coroutine or generator"),
    ],
)
def test_a_hook_with_other_parameters_is_refused(text: str, shape: str) -> None:
    """It would end the process at the first book, or be called and do nothing."""
    body: dict[str, Any] = {"wrapped": wrapped}
    exec(text, body)  # noqa: S102 - the text of a class's body
    with pytest.raises(TypeError, match=shape):
        make(**{"on_book": body.get("on_book")} if "on_book" in body else {"on_start": body["on_start"]})


def test_a_coroutine_in_the_place_of_a_call_is_refused() -> None:
    """`enter` would call it, get a coroutine that is never run, and no order would ever leave."""
    body: dict[str, Any] = {}
    exec("async def place(self, *words, **more): ...", body)  # noqa: S102 - the text of a class's body
    with pytest.raises(TypeError, match=r"Mine\.place is a coroutine"):
        make(place=body["place"])


@pytest.mark.parametrize(
    ("name", "value", "instead"),
    [
        ("reads", ("bars",), "a class that defines on_bar"),
        ("wants_prints", True, "a class that defines on_print reads TICKS"),
    ],
)
def test_what_earlier_versions_declared_is_refused_with_what_does_it_today(
    name: str, value: object, instead: str
) -> None:
    """Ignored, it would look as if it still worked."""
    with pytest.raises(TypeError, match=rf"Mine\.{name} was removed: delete it, {instead}"):
        make(**{name: value})


@pytest.mark.parametrize("timer_ns", [1e9, "1", -1])
def test_an_interval_that_is_no_whole_number_is_refused(system: System, timer_ns: object) -> None:
    """In the class at once, set in `on_start` at the start: by name, with what was expected."""
    with pytest.raises(TypeError, match=r"Mine\.timer_ns is .*, expected whole nanoseconds"):
        make(timer_ns=timer_ns)
    late = make(on_start=lambda self: setattr(self, "timer_ns", timer_ns))
    with pytest.raises(TypeError, match=r"Mine\.timer_ns is .*, expected whole nanoseconds"):
        begin(system.role(late((BTC,), None)))


def test_an_interval_set_at_the_start_passes_before_the_first_call(system: System) -> None:
    """Called at once, a strategy that rebalances every hour would do so at every restart."""
    called: list[int] = []
    made = make(on_start=lambda self: setattr(self, "timer_ns", 50), on_timer=lambda _, now_ns: called.append(now_ns))
    role = system.role(made((BTC,), None))
    begin(role)
    for now_ns in (1_002, 1_050, 1_051, 1_052):
        role.step(now_ns)
    assert called == [1_051]


def test_a_new_of_its_own_is_refused() -> None:
    """The engine's knows the instruments: without it every book is missing, in silence."""
    with pytest.raises(TypeError, match=r"Mine\.__new__ replaces the engine's, which makes the books"):
        make(__new__=lambda kind, *_: Strategy.__new__(kind))


def test_a_hook_may_name_its_parameters_as_it_likes_and_have_more_with_defaults() -> None:
    """What the role can call is a hook."""
    made = make(on_book=lambda self, b, more=1: (self, b, more), on_print=staticmethod(lambda print_: print_))
    assert isinstance(made.on_book, FunctionType)


@pytest.mark.parametrize(
    "name", ["books", "orders", "position", "instruments", "parameters", "now_ns", "halted", "bind"]
)
def test_the_engines_own_cannot_be_replaced_in_a_class(name: str) -> None:
    """`orders = {}` in a class body makes every working order invisible, without a word."""
    with pytest.raises(TypeError, match=rf"Mine\.{name} replaces a name that the engine uses"):
        make(**{name: {}})
    with pytest.raises(TypeError, match="replaces a name that the engine uses"):
        make(place=3)


@pytest.mark.parametrize(
    "name", ["books", "orders", "position", "instruments", "place", "on_book", "on_boook", "groups"]
)
def test_the_engines_own_cannot_be_replaced_on_a_strategy(recorder: Recorder, name: str) -> None:
    """`self.books = {}` in a hook, and no book would be shown any more."""
    with pytest.raises(AttributeError, match=f"self.{name} was set"):
        setattr(recorder, name, {})
    recorder.my_books = recorder.bookmark = 3  # type: ignore[attr-defined]
    assert vars(recorder)["my_books"] == 3
    assert isinstance(recorder.books, dict)


def test_setting_the_engines_own_in_a_method_is_found_before_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that runs at the first fill, an hour from now, is refused by `engine-ctl check`."""
    monkeypatch.syspath_prepend(tmp_path)
    text = (
        "from engine.strategy import Strategy\nclass Sets(Strategy):\n    def on_fill(me, fill):\n        me.{} = 1\n"
    )
    (tmp_path / "sets_position.py").write_text(text.format("position += fill.size; me.total"))
    (tmp_path / "sets_total.py").write_text(text.format("total"))
    with pytest.raises(TypeError, match=r"Sets, line 4: sets self\.position, which the engine uses"):
        strategy_class("sets_position:Sets")
    assert strategy_class("sets_total:Sets").__name__ == "Sets"


def test_what_other_objects_in_a_strategys_body_set_is_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A helper class with `self.orders` of its own, a function that changes a row: neither touches the strategy."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "helpful.py").write_text(
        "from engine.strategy import Strategy\nclass Helpful(Strategy):\n"
        "    class State:\n        def __init__(self):\n            self.orders = self.position = 0\n"
        "    @staticmethod\n    def mark(row):\n        row.position = 1\n"
        "    def on_start(self):\n        def mark(row):\n            row.orders = 1\n        self.mark_row = mark\n"
    )
    assert strategy_class("helpful:Helpful").__name__ == "Helpful"


def test_a_mixins_hook_that_is_hidden_is_refused() -> None:
    """Named after Strategy, its `on_book` gives way to the one that does nothing."""
    mixin = type("Mixin", (), {"on_book": hook})
    with pytest.raises(TypeError, match=r"Mixin\.on_book would never be called: in Mine's bases, name Mixin first"):
        type("Mine", (Strategy, mixin), {})
    assert type("Mine", (mixin, Strategy), {}).on_book is hook  # type: ignore[attr-defined]


def test_a_hook_set_on_a_finished_class_is_checked_when_it_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decorators and patches come after the class's own check."""
    monkeypatch.setattr(Recorder, "on_boook", hook, raising=False)
    with pytest.raises(TypeError, match="did you mean on_book"):
        strategy_class("tests.engine.strategy.conftest:Recorder")


def test_to_define_a_hook_is_to_declare_it(system: System) -> None:
    """One place declares it: `on_print` and nothing else subscribes to prints."""
    sizes: list[int] = []
    role = system.role(make(on_print=lambda _, print_: sizes.append(print_.size))((BTC, ETH), None))
    begin(role)
    system.print_(1, 4)
    role.step(2_000)
    assert sizes == [4]
    assert reads_of(make(on_bar=hook)) == reads_of(make(on_bars_lost=hook)) == ("bars",)
    assert reads_of(make(on_global_book_bad=hook, on_opportunity=hook)) == ("global_books", "opportunities")
    assert reads_of(Recorder) == ()


def test_a_hook_of_the_aggregation_needs_one() -> None:
    """Without the role that makes them, or with no bars asked of it, the hook is never called."""
    with pytest.raises(ValueError, match=r"Mine\.on_bar reads bars: add a table \[aggregation\]"):
        check_reads(make(on_bar=hook), None)
    with pytest.raises(ValueError, match=r"add some to aggregation\.bars"):
        check_reads(make(on_bar=hook), Aggregation(bars=()))
    check_reads(make(on_bar=hook, on_opportunity=hook), Aggregation())


def test_a_strategy_without_super_is_whole(system: System) -> None:
    """The commonest slip in Python must not leave a strategy without its books."""

    class Forgetful(Strategy):
        def __init__(self, instruments: Any, parameters: Any) -> None:
            self.seen = len(instruments), parameters

        def on_book(self, book: Any) -> None:
            """Take."""
            self.enter(book.instrument, 1, 10, book.best_ask)

    role = system.role(Forgetful((BTC, ETH), Strategy.Parameters()))
    begin(role)
    system.book([(99, 1)], [(101, 1)])
    role.step(2_000)
    assert len(system.intents) == 1


def test_an_init_of_other_parameters_is_refused() -> None:
    """It would fail in the process, again and again, with Python's words for it."""
    with pytest.raises(TypeError, match=r"Mine\.__init__.*: expected __init__\(self, instruments, parameters\)"):
        make(__init__=lambda _: None)


def test_a_timer_without_an_interval_is_logged(system: System, caplog: pytest.LogCaptureFixture) -> None:
    """`on_start` may set the interval from a parameter: so the role reads it afterwards."""
    begin(system.role(make(on_timer=hook)((BTC,), None)))
    assert "on_timer is never called: timer_ns is 0" in caplog.text
    system.kill()
    caplog.clear()
    begin(system.role(make(on_timer=hook, on_start=lambda self: setattr(self, "timer_ns", 5))((BTC,), None)))
    assert not caplog.records


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda s: s.place(BTC, 1, 0.001, 100), r"size: found 0\.001 \(float\).*size_of\(instrument, '0\.001'\)"),
        (lambda s: s.place(BTC, 1, 10, "100"), r"price: found '100' \(str\).*price_of\(instrument, '60000\.10'\)"),
        (lambda s: s.enter(BTC, "BUY", 10, 100), r"side: found 'BUY' \(str\), expected BUY \(\+1\) or SELL \(-1\)"),
        (lambda s: s.enter(BTC, 2, 10, 100), r"side: found 2, expected BUY"),
        (lambda s: s.enter(BTC, 1, 0, 100), r"size: found 0, expected more than 0"),
        (lambda s: s.enter(BTC, 1, 1 << 63, 100), r"size: found 9223372036854775808, expected a number of 64 bits"),
        (lambda s: s.enter(1, 1, 10, 100), r"instrument: found 1 \(int\), expected an Instrument"),
        (lambda s: s.exit("BTCUSDT", 100), r"instrument: found 'BTCUSDT' \(str\)"),
        (lambda s: s.place(BTC, 1, 10, 100, time_in_force="GTC"), r"time_in_force: found 'GTC' \(str\)"),
        (lambda s: s.place(BTC, 1, 10, 100, order_type=999), r"order_type: found 999"),
        (lambda s: s.place(BTC, 1, 10, 100, ttl_ns=1e9), r"ttl_ns: found 1000000000\.0 \(float\), expected whole nano"),
        (lambda s: s.place(BTC, 1, 10, 100, algorithm="snipe"), r"algorithm: found 'snipe', expected one of: chase"),
        (
            lambda s: s.place(BTC, 1, 10, 100, algorithm="chase", parameters={"pause": 1}),
            r"of chase: found 'pause', exp",
        ),
        (
            lambda s: s.enter(BTC, 1, 10, 100, algorithm="chase", parameters={"rejects": 0.5}),
            r"parameters: found 0\.5 \(float\)",
        ),
        (lambda s: s.cancel(object()), r"intent_id: found <object .*, expected the id that `place` returned"),
        (lambda s: s.replace("7", 1, 1), r"intent_id: found '7' \(str\)"),
    ],
)
def test_a_wrong_argument_is_named(system: System, recorder: Recorder, call: Any, words: str) -> None:
    """A message like "cannot be interpreted as an integer" does not lead a user to a float in a price."""
    begin(system.role(recorder))
    with pytest.raises((TypeError, ValueError), match=words):
        call(recorder)
    assert system.intents == []


@pytest.mark.parametrize("call", ["place", "enter", "exit", "cancel", "cancel_all", "replace", "position", "orders"])
def test_a_call_shows_its_parameters(call: str) -> None:
    """`help(Strategy.place)` is where an author looks first: a default that is a name would hide all of them."""
    found = inspect.signature(getattr(Strategy, call))
    assert list(found.parameters)[:2] in (["self", "instrument"], ["self", "intent_id"])
    if call == "place":
        defaults = {name: one.default for name, one in found.parameters.items() if one.default is not one.empty}
        expected = {"order_type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC, "ttl_ns": TTL_NS}
        ends = {"timeout_ns": 0, "good_till_ns": 0, "reduce_only": False}
        assert defaults == expected | ends | {"signal": 0.0, "algorithm": None, "parameters": None}


def test_every_form_of_an_integer_is_accepted(system: System, recorder: Recorder) -> None:
    """Integers of numpy come out of every vectorised model."""
    import numpy as np

    begin(system.role(recorder))
    placed = recorder.place(BTC, np.int8(1), np.int64(10), np.uint32(100))
    assert recorder.cancel(np.uint64(placed)) is not None
    assert recorder.cancel(None) is None  # type: ignore[arg-type] # what `place` gives for no order
    first = system.intents[0]
    assert (first.side, first.size, first.price) == (1, 10, 100)


def test_a_request_before_the_start_is_refused_by_name() -> None:
    """In `__init__` there is no lane yet."""
    recorder = Recorder((BTC,), None)
    assert (recorder.position(BTC), recorder.orders(BTC)) == (0, [])
    with pytest.raises(RuntimeError, match="only in its hooks, from on_start on"):
        recorder.place(BTC, 1, 10, 100)


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, int]]:
    """Each line's reason, and how many calls it speaks for."""
    lines = [record for record in caplog.records if hasattr(record, "calls")]
    return [(record.getMessage().partition(": ")[2], vars(record)["calls"]) for record in lines]


def test_calls_before_execution_runs_name_the_reason_why_they_return_none(
    system: System, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """A strategy whose intents get no answer looks like one that has nothing to do."""
    role = system.role(recorder, accepted=NUMBER + 1)  # a cell without a record
    begin(role)
    recorder.act = lambda s: s.place(BTC, 1, 10, 99)
    for now_ns in (2_000, 3_000, 4_000, 2_000 + INTERVAL_NS):
        system.book([(99, 1)], [(101, 1)])
        role.step(now_ns)
    assert logged(caplog) == [(NOT_STARTED, 1), (NOT_STARTED, 3)]
    assert recorder.calls.count("full") == 4


def test_a_full_lane_and_a_halt_show_it(system: System, recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    """Three reasons for one None: which it is decides what an operator does."""
    role = system.role(recorder)
    begin(role)
    recorder.act = lambda s: [s.place(BTC, 1, 10, 99) for _ in range(5_000)]
    system.book([(99, 1)], [(101, 1)])
    role.step(2_000)
    system.command(CommandKind.HALT)
    recorder.act_on_print = lambda s: s.place(BTC, 1, 10, 99)
    system.print_(1, 4)
    role.step(3_000)
    system.print_(1, 4)
    role.step(3_000 + INTERVAL_NS)
    assert logged(caplog) == [(LAGGING, 1), (HALTED, 1), (HALTED, 1)]

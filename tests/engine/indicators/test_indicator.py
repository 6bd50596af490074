"""The protocol of an indicator: rows, missing numbers, state as bytes, errors, and a new one from one definition."""

import sys
from random import Random

import numpy as np
import pytest

from engine.indicators import Bollinger, Definition, Ema, Indicator, Kind, Macd, Obv, Parameter, Rsi, Sma, Vwap
from engine.indicators.catalogue import indicators, make
from tests.engine.indicators.histories import history

OURS = [one for one in indicators() if one.__module__.startswith("engine.indicators.")]
by_name = pytest.mark.parametrize("kind", OURS, ids=lambda one: one.definition.name)
NAN = float("nan")
DAY_NS = 86_400 * 10**9


@by_name
def test_a_restart_continues_where_the_process_died(kind: type[Indicator]) -> None:
    """After SIGKILL a strategy has the values that it would have had, at once, bit for bit."""
    rows = history(kind().inputs, Random(11), 300)
    whole, first, second = kind(), kind(), kind()
    for row in rows[:150]:
        first.update(*row)
    second.load(first.save())
    values = [(whole.update(*row), whole.values)[1] for row in rows]
    for expected, row in zip(values[150:], rows[150:], strict=True):
        second.update(*row)
        np.testing.assert_array_equal(list(second.values.values()), list(expected.values()))


@by_name
def test_a_reset_is_a_new_indicator(kind: type[Indicator]) -> None:
    """What is left of an earlier market would be in the values of the next one."""
    indicator = kind()
    for row in history(indicator.inputs, Random(5), 200):
        indicator.update(*row)
    indicator.reset()
    assert not indicator.ready
    assert indicator.save() == kind().save()


@by_name
def test_an_update_allocates_nothing(kind: type[Indicator]) -> None:
    """Memory that grows by the event ends a process after days; a collection in the middle of a burst is late."""
    indicator = kind()
    rows = history(indicator.inputs, Random(5), 500)
    for row in rows:
        indicator.update(*row)
    before = sys.getallocatedblocks()
    for row in rows:
        indicator.update(*row)
    assert sys.getallocatedblocks() - before < 20  # the loop's own; of 500 rows


@pytest.mark.parametrize("saved", [b"", b"what", Sma(21).save(), Ema(20).save(), Sma(20).save()[:-1] + b"\x01"])
def test_a_state_of_something_else_is_refused(saved: bytes) -> None:
    """A state from another window or a damaged file would be a number like any other."""
    with pytest.raises(ValueError, match="warm up again"):
        Sma(20).load(saved)


def test_a_missing_price_starts_the_warm_up_again() -> None:
    """A mean over a hole is a mean of another window; an exponential average would be NaN for ever."""
    for indicator in (Sma(3), Ema(3)):
        found = indicator.over([1, 2, 3, 4, NAN, 7, 8, 9, 10])
        np.testing.assert_allclose(found, [NAN, NAN, 2, 3, NAN, NAN, NAN, 8, 9])


def test_a_missing_bar_does_not_end_a_sum() -> None:
    """A balance of volume counts from its begin: one hole must not move its level for ever."""
    np.testing.assert_array_equal(Obv().over([5, 6, NAN, 7], [1, 2, 3, 4]), [1, 3, NAN, 7])


def test_a_session_begins_at_its_nanosecond() -> None:
    """A print of yesterday in today's average moves every price that is compared with it."""
    midnight = 20_700 * DAY_NS
    times = np.array([midnight - 1, midnight, midnight + 1, midnight - 5])
    np.testing.assert_array_equal(Vwap().over([10, 20, 40, 99], [1, 1, 1, 1], times), [10, 20, 30, 30])
    stream = Vwap()
    assert [stream.update(p, 1, int(t)) for p, t in zip([10, 20, 40, 99], times, strict=True)] == [10, 20, 30, 30]
    shifted = Vwap(session_s=3600, offset_s=1800).over(
        [10, 20], [1, 1], [midnight + 1799 * 10**9, midnight + 1800 * 10**9]
    )
    np.testing.assert_array_equal(shifted, [10, 20])


def test_over_leaves_the_stream_as_it_is() -> None:
    """A look at history from inside a strategy must not move the live value."""
    live = Sma(2)
    live.update(1)
    live.over([7, 8, 9])
    assert live.update(3) == 2


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: Sma(0), r"sma: window is 0; expected a whole number from 1 to 10000000"),
        (lambda: Sma(True), r"sma: window is True"),
        (lambda: Sma("5"), r"sma: window is '5'"),
        (lambda: Sma(2.5), r"sma: window is 2.5"),
        (lambda: Sma(5, 6), r"sma\(5, 6\): expected at most the parameters window"),
        (lambda: Sma(5, window=6), r"sma\(5, window=6\)"),
        (lambda: Sma(length=6), r"sma\(length=6\)"),
        (lambda: Macd(26, 12), r"macd: fast is 26 and slow is 12; expected a fast below slow"),
        (lambda: Macd(output="signal"), r"macd: output is 'signal'; expected one of macd, macd_signal"),
        (lambda: Bollinger(20, NAN), r"bollinger: deviations is nan; expected a number from 0.01 to 100.0"),
        (lambda: Sma(5).over([[1.0]]), r"price is an array of float64 with shape \(1, 1\)"),
        (lambda: Sma(5).over(["a"]), r"price is an array of <U1"),
        (lambda: Sma(5).over([1], [2]), r"sma: 2 columns; expected 1: price"),
        (lambda: Sma(5).update(1, 2), r"sma: 2 numbers; expected 1: price"),
        (lambda: Obv().over([1, 2], [1]), r"different length \(close 2, volume 1\)"),
        (lambda: make("rsi14"), r"no indicator 'rsi14'; did you mean 'rsi'"),
        (lambda: make("qqq_5"), r"no indicator 'qqq_5'; expected one of atr, bb_lower"),
        (lambda: make(""), r"no indicator ''"),
    ],
)
def test_an_error_names_the_value_and_what_was_expected(call: object, text: str) -> None:
    """It is read by an author who has just mistyped something."""
    with pytest.raises((ValueError, TypeError), match=text):
        call()  # type: ignore[operator]


def test_an_empty_history_has_an_empty_result() -> None:
    """The first minute of a new market is no error."""
    assert len(Rsi().over([])) == 0


def test_the_names_of_the_btc_momentum_sample_make_indicators() -> None:
    """A strategy's file names its features; the parameters follow in their order."""
    made = [make(name) for name in ("rsi_14", "macd", "volume_ratio", "bb_pct", "bb_pct_10_2.5", "macd_signal_3_9_2")]
    assert [one.output for one in made] == ["rsi", "macd", "volume_ratio", "bb_pct", "bb_pct", "macd_signal"]
    assert made[0].parameters == {"window": 14}
    assert made[4].parameters == {"window": 10, "deviations": 2.5}
    assert made[5].parameters == {"fast": 3, "slow": 9, "signal": 2}


class Reach(Indicator):
    """An indicator of an author: highest less lowest of the last two prices, and their sum."""

    definition = Definition(
        "reach",
        "reach",
        Kind.PRICE,
        ("price",),
        "…",
        lambda p: 2 * p["skip"],
        (Parameter("skip", 1, 1),),
        ("reach", "reach_sum"),
    )

    def prepare(self) -> None:
        """The last price and whether there is one."""
        self.state = self.remember(2)

    def step(self, price: float) -> tuple[float, float]:
        """One price."""
        last, begun = self.state
        self.state[:] = price, 1
        return (abs(price - last), price + last) if begun else (NAN, NAN)


def test_one_definition_adds_an_indicator() -> None:
    """The product has no second place to change: names, arrays, missing rows and saved states follow from the class."""
    reach = make("reach_sum_3")
    assert isinstance(reach, Reach)
    assert reach.first_row == 6
    np.testing.assert_array_equal(reach.over([1, 4, 2, NAN, 5, 6]), [NAN, 5, 6, NAN, NAN, 11])
    reach.update(4)
    other = make("reach_sum_3")
    other.load(reach.save())
    assert other.update(1) == reach.update(1) == 5
    assert other.values == {"reach": 3, "reach_sum": 5}


def test_an_exception_in_an_authors_step_reaches_the_caller() -> None:
    """A swallowed error would leave yesterday's value in place."""

    class Broken(Indicator):
        definition = Definition("broken", "broken", Kind.PRICE, ("price",), "…", lambda _: 1)

        def step(self, price: float) -> float:
            raise ZeroDivisionError(price)

    with pytest.raises(ZeroDivisionError, match="3"):
        Broken().update(3)
    with pytest.raises(ZeroDivisionError, match="4"):
        Broken().over([4])


def test_a_class_that_cannot_work_is_refused() -> None:
    """A `step` that is never called, or a class without a definition, would be found in the numbers."""

    class Scaled(Sma):
        def step(self, price: float) -> float:
            return 2 * price

    class Bare(Indicator):
        pass

    class Silent(Indicator):
        definition = Definition("silent", "silent", Kind.PRICE, ("price",), "…", lambda _: 1)

    with pytest.raises(TypeError, match=r"Scaled overrides `step` of the compiled Sma"):
        Scaled()
    with pytest.raises(TypeError, match=r"Bare has no definition"):
        Bare()
    with pytest.raises(TypeError, match=r"Silent defines neither `step`"):
        Silent().update(1)


def test_two_indicators_of_one_name_are_refused() -> None:
    """A strategy would read the one or the other by the order of imports."""

    class Twin(Indicator):
        definition = Definition("twin", "twin", Kind.PRICE, ("price",), "…", lambda _: 1, outputs=("twin", "sma"))

    with pytest.raises(ValueError, match=r"Sma and .*Twin both define 'sma': rename one"):
        make("sma_3")
    assert isinstance(make("ema_3"), Ema)  # other names keep their meaning
    Twin.definition = Definition("twin", "twin", Kind.PRICE, ("price",), "…", lambda _: 1)
    assert isinstance(make("sma_3"), Sma)


def test_a_class_that_is_defined_anew_replaces_the_earlier_one() -> None:
    """In a notebook a cell is run again: its indicator, and every other name, must still be found."""

    def define(factor: float) -> type[Indicator]:
        class Again(Indicator):
            definition = Definition("again", "again", Kind.PRICE, ("price",), "…", lambda _: 1)

            def step(self, price: float) -> float:
                return factor * price

        return Again

    kept = [define(2), define(3)]
    assert type(make("again")) is kept[1]
    assert make("again").update(5) == 15

"""Indicators that a class declares: updated before the hook, restored after a death, and equal in a simulation."""

import random
from typing import Any

import msgspec
import numpy as np
import pytest

from engine.config.tables import Aggregation
from engine.indicators import Atr, Ema, Sma
from engine.strategy import Strategy, atr, ema, sma
from engine.strategy.harness import Harness
from engine.strategy.load import check_inputs, check_reads
from engine.strategy.replay import differences, replay
from engine.strategy.role.role import StrategyRole
from research.bars import GivenBars, tape
from research.simulate import Constant, Fees, Models, simulate
from tests.engine.strategy.conftest import BTC, ETH, NAME, NUMBER, System, begin
from tests.research.bars.series import BTC as PLAIN
from tests.research.bars.series import MINUTE_NS, bars

S = 1_000_000_000


class Means(Strategy):
    """Submits its values at each bar, so that a replay sees each difference."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """The window of one indicator, and where the values are kept."""

        window: int = 3
        seen: Any = None

    fast = sma("window", bars="1s")
    slow = ema(5, bars="1s")
    range = atr(2, bars="1m")

    def on_bar(self, bar: Any) -> None:
        """Keep the values; submit them as a size."""
        one = self.instruments[bar.instrument]
        values = self.fast[one].value, self.slow[one].value, self.range[one].value
        if self.parameters.seen is not None:
            self.parameters.seen.append((bar.start_ns, values))
        if self.slow[one].ready and self.fast[one].ready:
            self.place(one, 1, 1 + round(1_000 * values[0]), 1 + round(1_000 * values[1]))

    def on_parameters(self, changed: tuple[str, ...]) -> None:
        """Nothing is derived."""


def strategy(**parameters: Any) -> Means:
    """A strategy on two instruments."""
    return Means((BTC, ETH), Means.Parameters(**parameters))


def close(system: System, *prices: int, interval_ns: int = S, of: int = 1) -> None:
    """Closed bars with these closes."""
    for price in prices:
        system.aggregate(
            "bars", instrument=of, open=price, high=price + 2, low=price - 2, close=price, interval_ns=interval_ns
        )


def again(system: System) -> list[str]:
    """What a replay of every life decides otherwise."""
    steps, history = system.steps, system.history
    lives = replay(lambda lanes: StrategyRole(NAME, NUMBER, strategy(), lanes), history, steps)
    return differences(lives, history, steps)


def test_each_bar_updates_its_instrument_and_length_before_the_hook() -> None:
    """A hook that reads the value without its own bar decides a bar late."""
    seen: list[Any] = []
    harness = Harness(Means, {"window": 2, "seen": seen})
    for price in ("1.00", "2.00", "4.00"):
        harness.bar((price, price, price, price), "1s")
    assert [values[0] for _, values in seen][1:] == [150.0, 300.0]
    assert not harness.strategy.slow.ready
    assert harness.strategy.fast.value == 300.0
    assert np.isnan(harness.strategy.range.value), "bars of a second are none of a minute"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_after_a_death_the_values_are_those_of_a_life_without_one(system: System, seed: int) -> None:
    """Bars that close while the process is dead are in the values, and no hook is called for them."""
    draw, closes, now_ns = random.Random(seed), [], 1_000
    role = system.role(one := strategy())
    begin(role)
    for _ in range(30):
        now_ns += 10
        closes.append(draw.randint(10, 99))
        close(system, closes[-1])
        if draw.random() < 0.7:
            role.step(now_ns)
            system.accept(len(system.intents))
        if draw.random() < 0.3:
            before = len(system.intents)
            system.kill()
            if draw.random() < 0.5:
                closes.append(draw.randint(10, 99))
                close(system, closes[-1])
            role = system.role(one := strategy())
            begin(role, now_ns)
            assert len(system.intents) == before, "the start decides nothing"
    role.step(now_ns + 1)
    fast, slow = Sma(3), Ema(5)
    for price in closes:
        fast.update(price), slow.update(price)
    assert (one.fast[BTC].value, one.slow[BTC].value) == (fast.value, slow.value), f"seed {seed}"
    assert not one.fast[ETH].ready
    assert again(system) == [], f"seed {seed}"


def test_lost_bars_begin_the_values_again(system: System) -> None:
    """A mean over a gap is of another time; also where the gap is in the time of a death."""
    role = system.role(one := strategy())
    begin(role)
    close(system, 10, 20, 30, 40, 50)
    role.step(2_000)
    assert one.slow[BTC].ready
    system.kill()
    role = system.role(one := strategy())
    system.aggregate("bars", 64, instrument=1, close=1, interval_ns=S)
    for _ in range(200):
        system.aggregate("bars", 64, instrument=2, close=1, interval_ns=60 * S)
    begin(role, 3_000)
    role.step(3_100)
    assert not one.slow[BTC].ready


def test_a_parameter_that_is_set_begins_only_what_reads_it_again(system: System) -> None:
    """A mean of three closes is no mean of two."""
    role = system.role(one := strategy())
    begin(role)
    close(system, 10, 20, 30, 40, 50)
    role.step(2_000)
    system.set_values(1, window=2)
    role.step(2_001)
    assert not one.fast[BTC].ready
    assert one.slow[BTC].ready
    close(system, 60, 70)
    role.step(2_002)
    assert one.fast[BTC].value == 65
    system.kill()
    role = system.role(one := strategy())
    begin(role, 3_000)
    assert one.fast[BTC].value == 65
    assert again(system) == []


def test_a_simulation_has_the_same_values() -> None:
    """Otherwise the tested strategy is not the one that trades."""
    table, seen = bars(4, 60, gaps=0), []
    given = GivenBars({PLAIN: table}, MINUTE_NS)

    class Ranges(Strategy):
        Parameters = Means.Parameters
        range = atr(5, bars="1m")
        mean = sma("window", bars="1m")

        def on_bar(self, bar: Any) -> None:
            """Keep both."""
            del bar
            self.parameters.seen.append((self.range.value, self.mean.value))

    models = Models(Constant(1), Constant(1), Fees.flat("0", "0"))
    simulate(tape(table, PLAIN, MINUTE_NS, 1), Ranges, instruments=[PLAIN], parameters={"seen": seen}, models=models,
             bars=given)  # fmt: skip
    high, low, last = (table[name][:-1] for name in ("high", "low", "close"))
    np.testing.assert_array_equal([one for one, _ in seen], Atr(5).over(high, low, last))
    np.testing.assert_array_equal([two for _, two in seen], Sma(3).over(last))
    with pytest.raises(ValueError, match="fast reads bars of 1000000000 ns, and the run's bars have"):
        simulate(tape(table, PLAIN, MINUTE_NS, 1), Means, instruments=[PLAIN], models=models,
                 bars=GivenBars({PLAIN: table}, MINUTE_NS))  # fmt: skip


def test_what_is_declared_wrongly_is_refused_where_it_is_written() -> None:
    """An indicator of another window is another strategy."""
    with pytest.raises(ValueError, match="sma: window is 0; expected a whole number"):
        sma(0, bars="1m")
    with pytest.raises(TypeError, match="sma: no parameter for 'windo', expected at most window"):
        sma(windo=3, bars="1m")
    with pytest.raises(TypeError, match="bars is 60, expected a length"):
        sma(3, bars=60)  # type: ignore[arg-type]


def test_check_refuses_what_would_never_have_a_value() -> None:
    """A strategy that waits for ever looks like one without a signal."""
    table = Aggregation(bars=("1s",))
    with pytest.raises(ValueError, match=r"Means\.range reads bars of 60000 ms: .* aggregation\.bars, which has 1s"):
        check_inputs(Means, Means.Parameters(), table)
    with pytest.raises(ValueError, match=r"fast reads bars: add a table \[aggregation\]|on_bar reads bars"):
        check_reads(Means, None)

    class Wrong(Strategy):
        slow = ema("length", bars="1s")

    with pytest.raises(ValueError, match="slow: no parameter 'length', expected one of: none"):
        check_inputs(Wrong, Wrong.Parameters(), table)
    with pytest.raises(ValueError, match=r"Wrong.slow reads bars: add a table \[aggregation\]"):
        check_reads(Wrong, None)


def test_a_declared_indicator_cannot_be_replaced() -> None:
    """The engine would update another object."""
    with pytest.raises(AttributeError, match=r"self\.fast is a declared indicator"):
        strategy().fast = 3
    with pytest.raises(ValueError, match=r"values of 2 instruments: use self.fast\[instrument\]"):
        _ = strategy().fast.value

"""Both speeds of a simulation do the same: the roles of the engine and the compiled loop, fill for fill."""

import os
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from bench.market import BTC as MADE
from bench.market import made
from engine.model.words import OrderState
from engine.strategy.samples import ImbalanceMaker, MomentumTaker, MovingAverageCross
from research import backtest_strategy
from research.bars import GivenBars, tape
from research.experiment import experiment_of
from research.simulate import Cause, Constant, Drawn, Fees, Models, Queue, Result, save, simulate
from tests.research.bars.series import BTC as OF_BARS
from tests.research.bars.series import MINUTE_NS, bars
from tests.research.simulate import tapes

SEEDS = 400 if os.environ.get("STEELYARD_SOAK") else 16
CAPS = {"max_order_size_usd": "0.03", "max_position_usd": "0.02"}
MODELS = Models(
    Drawn((400_000, 900_000, 3_000_000), 1), Drawn((300_000, 1_100_000), 2), Fees.flat("0.0002", "0.0005"), Queue("log")
)
FILLS = ["venue_ns", "receive_ns", "price", "size", "fee", "impact", "instrument", "side", "maker"]
ORDERS = ["submit_ns", "arrive_ns", "done_ns", "price", "size", "filled", "state", "instrument", "side", "cause"]
OWN = (OrderState.CREATED, OrderState.SENT, OrderState.CANCELLING)  # states that execution has before the venue answers


def of(result: Result) -> tuple[Any, ...]:
    """What both speeds must agree on; the ids of intents begin elsewhere in the engine."""
    counts = result.refused, result.late_cancels, result.in_flight, result.balances, result.marks.tolist()
    return result.fills[FILLS].tolist(), result.orders[ORDERS].tolist(), *counts


def hooks(log: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The calls of a script's hooks, without ids of intents and without execution's own states."""
    calls = [one for one in log if one[0] != "order" or one[3] not in OWN]
    return [(*one[:2], *one[3:]) if one[0] in ("order", "fill", "refusal") else one for one in calls]


def given(kind: type[Any], script: tapes.Script, log: list[tuple[Any, ...]]) -> type[Any]:
    """The strategy with a script that is no parameter: the engine's role records a hash of those."""

    class Given(kind):
        """One run's."""

        class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
            """None."""

        def on_start(self) -> None:
            """Begin with this script."""
            self.script, self.log, script.api = script, log, tapes.Calls(self)

    return Given


def both(seed: int, count: int = 400) -> Result:
    """Run a random script over a random tape at both speeds; the result of the engine's run."""
    instruments = (tapes.BTC, tapes.ETH)
    kind = tapes.Timed if seed % 5 == 0 else tapes.Scripted
    found, logs = [], []
    for speed in ("fast", "engine"):
        log: list[tuple[Any, ...]] = []
        strategy = given(kind, tapes.Script(seed, instruments), log)
        found.append(simulate(
            tapes.tape(seed, count), strategy, instruments=instruments, models=tapes.models(seed),
            caps=CAPS if seed % 3 == 0 else {}, speed=speed, capital=tapes.capital(seed),
        ))  # fmt: skip
        logs.append(hooks(log))
    for place, (fast, engine) in enumerate(zip(*logs, strict=False)):
        assert fast == engine, f"seed {seed}, call {place}: after {logs[0][max(0, place - 6) : place]}"
    assert len(logs[0]) == len(logs[1]), seed
    assert of(found[0]) == of(found[1]), seed
    return found[1]


@pytest.mark.parametrize("first", range(0, SEEDS, 4))
def test_random_strategies_have_the_same_fills_and_hooks_at_both_speeds(first: int) -> None:
    """A strategy that was tuned in `fast` must meet the same market when the engine itself runs it."""
    for seed in range(first, first + 4):
        both(seed)


def test_the_random_runs_reach_every_outcome() -> None:
    """An agreement of runs in which nothing happens would show nothing."""
    results = [both(seed) for seed in range(1000, 1008)]
    orders = np.concatenate([result.orders for result in results])
    done = {OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.EXPIRED, OrderState.OPEN}
    assert done <= set(orders["state"].tolist())
    assert {fill["maker"] for result in results for fill in result.fills} == {0, 1}
    assert set(Cause) - {Cause.TRIGGERED} == set(orders["cause"].tolist())
    assert sum(result.late_cancels for result in results) > 2
    assert sum(result.refused for result in results) > 10


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        (ImbalanceMaker, {"size": "0.01", "position_max": "0.05", "short": True}),
        (MomentumTaker, {"size": "0.01", "half_life_prints": 5, "short": True}),
    ],
)
def test_the_samples_have_the_same_fills_at_both_speeds(kind: Any, parameters: dict[str, Any]) -> None:
    """Makers and takers use other parts of execution: cancels and refusals, or orders that fill at once."""
    events, caps = made(20_000), {"max_position_usd": "2000", "max_order_size_usd": "900"}
    fast, engine = (
        simulate(
            events,
            kind,
            instruments=[MADE],
            models=MODELS,
            parameters=parameters,
            caps=caps,
            speed=speed,
            mark_ns=10**8,
        )
        for speed in ("fast", "engine")
    )
    assert of(fast) == of(engine)
    assert len(engine.fills) > 10


def test_a_difference_of_the_speeds_would_be_found() -> None:
    """A comparison that cannot fail shows nothing: here one run has a latency that is longer by a nanosecond."""
    found = [
        simulate(
            made(4_000), ImbalanceMaker, instruments=[MADE], parameters={"size": "0.01", "position_max": "0.05"},
            models=Models(Constant(latency_ns), Constant(400_000), Fees.flat("0.0002", "0.0005")), speed=speed,
        )
        for speed, latency_ns in (("fast", 400_000), ("engine", 400_001))
    ]  # fmt: skip
    assert of(found[0]) != of(found[1])


def test_bars_decide_the_same_at_both_speeds() -> None:
    """The bars reach the engine's strategy through its lane, at the moment at which `fast` shows them."""
    table = bars(7, 200)
    fast, engine = (
        simulate(
            tape(table, OF_BARS, MINUTE_NS, 3), MovingAverageCross, instruments=[OF_BARS], speed=speed,
            models=Models(Constant(1), Constant(1), Fees.flat("0.0002", "0.0005")), mark_ns=MINUTE_NS,
            bars=GivenBars({OF_BARS: table}, MINUTE_NS),
            parameters={"size": "0.5", "interval_ms": 60_000, "fast": 3, "slow": 8, "slip_bps": 50.0},
        )
        for speed in ("fast", "engine")
    )  # fmt: skip
    assert of(fast) == of(engine)
    assert len(engine.fills) > 10


def test_a_backtest_and_an_experiment_choose_the_speed(tmp_path: Path) -> None:
    """A key of a file that had no effect would show a result that the engine never gave."""
    events = made(6_000)
    config: dict[str, Any] = {
        "instrument": {
            "symbol": "BTCUSDT", "base": "BTC", "quote": "USDT", "price_step": "0.01", "size_step": "0.00001"
        },
        "latency": {"order_ms": 1.0, "answer_ms": 1.0}, "fees": {"maker": "0.0002", "taker": "0.0005"},
        "parameters": {"size": "0.01", "position_max": "0.05"},
    }  # fmt: skip
    fast, engine = (backtest_strategy(events, ImbalanceMaker, config | {"speed": one}) for one in ("fast", "engine"))
    assert of(fast) == of(engine)
    save(tmp_path / "events.npy", events)
    experiment = experiment_of(
        ImbalanceMaker, str(tmp_path / "events.npy"), [MADE], MODELS, caps={"max_open_orders": 1}, speed="engine"
    )
    result = experiment.run(events, config["parameters"], ImbalanceMaker, MODELS)
    assert result.refused, "a cap that only the engine has is in force"


@pytest.mark.parametrize("speed", ["fast", "engine"])
def test_bars_without_the_length_of_an_indicator_are_refused(speed: str) -> None:
    """The indicator would never have a value, and the strategy would never trade."""
    table = bars(7, 20)
    with pytest.raises(ValueError, match="reads bars of 30000000000 ns"):
        simulate(
            tape(table, OF_BARS, MINUTE_NS, 3), MovingAverageCross, instruments=[OF_BARS], models=MODELS, speed=speed,
            bars=GivenBars({OF_BARS: table}, MINUTE_NS),
            parameters={"size": "0.5", "interval_ms": 30_000, "fast": 3, "slow": 8, "slip_bps": 50.0},
        )  # fmt: skip

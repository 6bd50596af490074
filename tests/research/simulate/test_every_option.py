"""Every option of a simulation changes its result or is refused by name, at each speed. An ignored option is a lie."""

import inspect
from collections.abc import Mapping
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from engine.risk.breakers import BREAKERS
from engine.risk.caps import CAPS
from engine.risk.limits import RiskLimits
from engine.strategy import Strategy
from research.bars import PrintBars
from research.experiment import Experiment
from research.simulate import (
    CHECKED,
    Constant,
    Fees,
    Funding,
    Impact,
    Margin,
    Models,
    Queue,
    Rejects,
    Result,
    Tier,
    simulate,
    simulate_many,
)
from research.simulate.samples import Watcher
from tests.research.simulate.tapes import BEGIN_NS, BTC, ETH, Calls, Script, tape
from tests.research.simulate.test_perpetuals import BRACKETS

EVENTS = tape(11, 6_000)
MODELS = Models(Constant(3), Constant(3), Fees((Tier(Decimal("0.0002"), Decimal("0.0005")),)))
SPEEDS = ("fast", "engine")


class Random(Strategy):
    """Random decisions by plain parameters, as both speeds accept them."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """Which decisions."""

        seed: int = 5

    def on_start(self) -> None:
        """Begin the decisions."""
        self.script = Script(self.parameters.seed, tuple(self.instruments.values()))
        self.script.api = Calls(self)

    def on_book(self, book: Any) -> None:
        """Decide."""
        self.script.on_book(book.instrument.id, book.best_bid, book.best_ask)


OF_MODELS: Mapping[str, Any] = {
    "order_latency": Constant(30),
    "answer_latency": Constant(30),
    "fees": Fees.flat("0.0003", "0.0006"),
    "queue": Queue("power", 0.2),
    "feed_latency": Constant(40),
    "liquidity_returns": True,
    "through_fills_whole": True,
    "level_returns_empty": True,
    "unseen_level_empty": True,
    "level_before_print": True,
    "rejects": Rejects(0.3, 1),
    "funding": Funding.constant("0.01", 100),
    "margin": Margin({"BTCUSDT": BRACKETS, "ETHUSDT": BRACKETS}, 5),
    "impact": Impact.of("linear", "5", "1"),
}
OF_RUNS: Mapping[str, Any] = {
    "parameters": {"seed": 6},
    "caps": {"max_position_usd": "0.5"},
    "capital": {"USDT": "0.5"},
    "called": "event",
    "mark_ns": 20,
    "bars": lambda: PrintBars([BTC, ETH], ["1s"], begin_ns=BEGIN_NS),
    "price_assumptions": True,
}
OF_PERPETUALS = {"funding": {}, "margin": {"capital": {"USDT": "0.05"}}}  # and the options that each needs
OF_STOPS = {"stop_slippage_bps"}  # engine/test_stops.py has an effect
SHOWN_ELSEWHERE = {"intents", "speed"}  # test_intent_log.py, engine/test_agreement.py
BARE = {"strategy", "events", "instruments", "models", "parameter_sets"}


def shown(result: Result) -> tuple[Any, ...]:
    """Everything that a run gives."""
    tables = (result.fills, result.orders, result.marks)
    rows = [(one.name, one.pnl) for one in result.assumptions]
    return (*(one.tobytes() for one in tables), rows, sorted(result.balances.items()), result.refused, result.mark_ns)


def run(**options: Any) -> Result:
    """A run with these options."""
    given = {"instruments": [BTC, ETH], "models": MODELS, **options}
    return simulate(EVENTS, Random, **given)


def has_effect(speed: str, name: str, options: Mapping[str, Any]) -> bool:
    """Whether the options change the result, or are refused with the option's name."""
    refused = ""
    try:
        found = run(**{"speed": speed, **options})
    except ValueError as error:
        refused = str(error)
    if refused:
        return name in refused
    return shown(found) != shown(run(speed=speed))


@pytest.mark.parametrize("name", [one.name for one in fields(Models) if one.name not in OF_STOPS])
@pytest.mark.parametrize("speed", SPEEDS)
def test_every_model_has_an_effect(speed: str, name: str) -> None:
    """A new field of Models has no entry above, and this test fails until it has one that changes something."""
    models = replace(MODELS, **{name: OF_MODELS[name]})
    assert has_effect(speed, name, {"models": models})
    if name in OF_PERPETUALS:
        kinds = [replace(one, kind="perpetual") for one in (BTC, ETH)]
        with_ = run(speed=speed, models=models, instruments=kinds, **OF_PERPETUALS[name])
        without = run(speed=speed, instruments=kinds)
        assert len(with_.funding) or with_.orders["cause"].tolist() != without.orders["cause"].tolist()


@pytest.mark.parametrize("name", sorted(inspect.signature(simulate).parameters.keys() - BARE - SHOWN_ELSEWHERE))
@pytest.mark.parametrize("speed", SPEEDS)
def test_every_option_of_a_run_has_an_effect(speed: str, name: str) -> None:
    """As for the models."""
    assert has_effect(speed, name, {name: OF_RUNS[name]})


def test_a_compiled_strategy_has_no_bars() -> None:
    """It has no hook for them."""
    with pytest.raises(ValueError, match="bars: a compiled strategy has no on_bar"):
        simulate(EVENTS, Watcher, instruments=[BTC, ETH], models=MODELS, bars=OF_RUNS["bars"])


def test_an_experiment_has_the_options_of_a_run() -> None:
    """What it lacks, a sweep, a walk-forward and a look-ahead test cannot do."""
    of_run = inspect.signature(simulate).parameters.keys() - {"events", "intents", "price_assumptions", "mark_ns"}
    assert of_run | {"data", "beside", "mark_ms"} == set(Experiment.__struct_fields__)


def test_many_has_the_options_of_one() -> None:
    """What `simulate_many` does not have is an error of Python; what it has is the option of a single run."""
    of_many, of_one = (inspect.signature(one).parameters.keys() for one in (simulate_many, simulate))
    assert of_many - BARE < of_one - BARE
    for name in sorted(of_many - BARE - {"bars"}):
        (many,) = simulate_many(EVENTS, Random, [{}], instruments=[BTC, ETH], models=MODELS, **{name: OF_RUNS[name]})
        assert shown(many) == shown(run(**{name: OF_RUNS[name]})), name


@pytest.mark.parametrize("key", sorted({*RiskLimits.__struct_fields__, *CAPS, *BREAKERS} - set(CHECKED)))
def test_every_cap_that_fast_does_not_check_is_refused(key: str) -> None:
    """A cap without an effect is no cap; a new cap of risk is here by itself."""
    with pytest.raises(ValueError, match=f"`fast` cannot check `{key}`"):
        run(caps={key: 1})

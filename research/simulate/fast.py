"""`simulate`: a strategy over one array of events, with named models of latency, queue and fees.

    result = simulate(events, MyMaker, instruments=[btc], parameters={"size": "0.01"},
                      models=Models(Constant(2_000_000), Constant(2_000_000), Fees.flat("0.0002", "0.0005")))
    result.fills, result.positions, result.equity(btc.id), result.assumptions

    simulate_many(events, MyMaker, [{"size": "0.01"}, {"size": "0.02"}], ...)    a result for each, in one pass

The strategy is a class of `engine.strategy`, or a compiled subclass of `Client`. docs/research/simulate.md has the
semantics.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.model.instrument import Instrument
from engine.strategy.api.strategy import Strategy, checked_parameters
from research.simulate.assumptions import made_by, priced
from research.simulate.capital import Capital
from research.simulate.data.events import Events
from research.simulate.engine import driven
from research.simulate.models import Models
from research.simulate.result import Result
from research.simulate.setup import MINUTE_NS, Seat, Setup, Team
from research.simulate.trading.client import Client
from research.simulate.trading.strategy_client import StrategyClient

if TYPE_CHECKING:
    from research.bars.source import BarSource

Parameters = Mapping[str, Any]


def simulate(
    events: Events,
    strategy: type[Strategy] | type[Client] | Client,
    *,
    instruments: Sequence[Instrument],
    models: Models,
    parameters: Parameters | None = None,
    caps: Mapping[str, Any] | None = None,
    capital: Capital | None = None,
    called: str = "message",
    mark_ns: int = MINUTE_NS,
    intents: bytearray | None = None,
    bars: "BarSource | Callable[[], BarSource] | None" = None,
    speed: str = "fast",
    price_assumptions: bool = False,
) -> Result:
    """Run a strategy over events.

    With `speed` "engine" the roles of the engine themselves run: slower, and with everything that `fast` refuses.
    `caps` are keys of the configuration's `[risk]` (`caps.py`); without them no cap is checked. `capital` has the
    account's free balances at the beginning, as {"USDT": "1000"}: the venue rejects an order that they cannot pay;
    without it no balance is checked. `called` is "message", as the engine does it, or "event": the hook for each level
    and print. `mark_ns` is how often equity is marked.
    Every intent is appended to `intents` as a record of `engine.model.records.INTENT`, with the time of its decision.
    `bars` is needed by a class with `on_bar`: PrintBars or GivenBars of `research.bars`, or a function that makes them.
    `price_assumptions` runs the tape once more for every assumption that can be switched, and adds its P&L to it.
    """
    setup = Setup(events, tuple(instruments), models, caps or {}, called, mark_ns, speed, capital)
    if price_assumptions and isinstance(strategy, Client):
        msg = "price_assumptions: an object of a compiled strategy has one run: pass its class, and its parameters"
        raise ValueError(msg)
    if price_assumptions and bars is not None and not callable(bars):
        raise ValueError("price_assumptions: an object of bars has one run: pass a function that makes it")
    client = _client(setup, strategy, parameters, bars)
    if intents is not None:
        client.log_to(intents)
    result = _alone(setup, client)
    if not price_assumptions:
        return result
    rows = priced(setup, result, lambda other: _alone(other, _client(other, strategy, parameters, bars)))
    return replace(result, assumptions=rows)


def simulate_many(
    events: Events,
    strategy: type[Strategy] | type[Client],
    parameter_sets: Sequence[Parameters],
    *,
    instruments: Sequence[Instrument],
    models: Models,
    caps: Mapping[str, Any] | None = None,
    capital: Capital | None = None,
    called: str = "message",
    mark_ns: int = MINUTE_NS,
    bars: "Callable[[], BarSource] | None" = None,
) -> list[Result]:
    """Run a strategy with each set of parameters, in one pass over the events: the results of as many single runs.

    Each has an account of its own: what one takes from the book, or is charged as its tier, is nothing to the others.
    An error of one of them ends the pass; the note of the error has the place of its parameters.
    """
    if not parameter_sets:
        raise ValueError("parameter_sets: found none, expected at least one mapping of parameters")
    if isinstance(strategy, Client):
        raise TypeError("strategy: found an object, which has one run: pass its class")
    if bars is not None and not callable(bars):
        raise TypeError("bars: found an object, which has one run: pass a function that makes it")
    setup = Setup(events, tuple(instruments), models, caps or {}, called, mark_ns, capital=capital)
    teams = [_team(setup, client_of(strategy, instruments, one, bars)) for one in parameter_sets]
    made = made_by(setup)
    return [replace(result, assumptions=made) for result in setup.run(teams)]


def _client(
    setup: Setup, strategy: object, parameters: Parameters | None, bars: "BarSource | Callable[[], BarSource] | None"
) -> Client:
    """The client that drives a strategy at the speed of the run."""
    if setup.speed == "fast":
        return client_of(strategy, setup.instruments, parameters, bars)
    return driven(strategy, setup.instruments, parameters or {}, setup.caps, bars() if callable(bars) else bars)


def _alone(setup: Setup, client: Client) -> Result:
    """The run of one strategy."""
    (result,) = setup.run([_team(setup, client)])
    return replace(result, assumptions=made_by(setup))


def _team(setup: Setup, client: Client) -> Team:
    """A portfolio of one strategy, which trades every instrument."""
    return Team((Seat(client, frozenset(one.id for one in setup.instruments)),), (setup.line(),))


def client_of(
    strategy: object, instruments: Sequence[Instrument], parameters: Parameters | None,
    bars: "BarSource | Callable[[], BarSource] | None" = None, strategy_id: int = 1,
) -> Client:  # fmt: skip
    """The client that drives a strategy; a compiled one has its parameters as arguments of its constructor."""
    if isinstance(strategy, type) and issubclass(strategy, Strategy):
        made = strategy(tuple(instruments), checked_parameters(strategy, parameters or {}))
        return StrategyClient(made, bars() if callable(bars) else bars, strategy_id)
    if bars is not None:
        raise ValueError("bars: a compiled strategy has no on_bar: remove the option")
    if isinstance(strategy, type) and issubclass(strategy, Client):
        return strategy(**(parameters or {}))
    if not isinstance(strategy, Client):
        msg = "expected a class of engine.strategy.Strategy, or a compiled subclass of Client"
        raise TypeError(f"strategy: found {strategy!r}, {msg}")
    if parameters:
        raise ValueError("parameters: a compiled strategy has them in its constructor: pass them there")
    return strategy

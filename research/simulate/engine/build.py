"""Builds the roles of a run: its strategies and execution on lanes of their own, with the caps of the run."""

import dataclasses
import logging
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec

from engine.execution.build import open_execution_lanes
from engine.execution.config import ExecutionConfig, JournalConfig
from engine.execution.ports import ExecutionLanes, ExecutionPorts
from engine.execution.role import Execution
from engine.feed.books.outbox import Outbox
from engine.model.fixed import INT64_MAX
from engine.model.instrument import Instrument
from engine.model.words import NATIVE_TYPES
from engine.risk.breakers import BREAKERS
from engine.risk.limits import BPS, RiskLimits
from engine.risk.table import read_risk
from engine.strategy.api.strategy import Strategy, checked_parameters, reads_of
from engine.strategy.role.lanes import open_strategy_lanes
from engine.strategy.role.role import StrategyRole
from engine.venues.binance.margin import CrossMargin, read_brackets
from engine.venues.margin import MarginTerms, check_margined
from research.simulate.engine.client import EngineClient
from research.simulate.engine.disk import PassingDisk
from research.simulate.engine.lanes import NAME, RunLanes, run_lanes
from research.simulate.engine.venue_session import ModelSession
from research.simulate.trading.strategy_client import check_reads

if TYPE_CHECKING:
    from engine.venues.session import MakeSession
    from research.bars.source import BarSource

# Without a configured logging the warnings of the roles are not printed: each refused order has one.
logging.getLogger("engine").addHandler(logging.NullHandler())

SYSTEM = uuid.UUID("00000000-0000-4000-8000-000000000001")
SEGMENT = 1 << 22  # bytes of a file of the journal
NATIVES = sum(1 << one for one in NATIVE_TYPES)  # of them an instrument of the run has those that it has live
NO_CAP_USD = "9e12"  # in millionths it fits 64 bits, so the compiled approval works
WITHOUT_CAPS: Mapping[str, Any] = {
    "max_position_usd": NO_CAP_USD,
    "max_order_size_usd": NO_CAP_USD,
    "max_order_rate_per_min": 1 << 60,
    "price_collar_bps": BPS - 1,
    "exit_collar_bps": BPS - 1,
    "max_spread_bps": INT64_MAX,
    "max_book_age_ns": INT64_MAX,
    "max_intent_age_ns": INT64_MAX,
}  # the keys of RiskLimits that bound an order also where [risk] does not name them


class Driven(NamedTuple):
    """A strategy of a run, with its parameters and the ids of the instruments that it trades."""

    name: str
    kind: object
    parameters: Mapping[str, Any]
    instruments: frozenset[int]


def driven(
    strategy: object,
    instruments: Sequence[Instrument],
    parameters: Mapping[str, Any],
    caps: Mapping[str, Any],
    bars: "BarSource | None" = None,
) -> EngineClient:
    """The roles around a strategy, which a loop drives; `bars` as `simulate` has them."""
    ids = frozenset(one.id for one in instruments)
    return driven_together([Driven(NAME, strategy, parameters, ids)], instruments, caps, bars)


def driven_together(
    strategies: Sequence[Driven], instruments: Sequence[Instrument], caps: Mapping[str, Any],
    bars: "BarSource | None" = None,
) -> EngineClient:  # fmt: skip
    """The roles of strategies with one execution, which a loop drives; their numbers are 1, 2 and so on."""
    made = [_made(one, instruments, bars) for one in strategies]
    if bars is not None and not any(map(reads_of, map(type, made))):
        check_reads(type(made[0]), bars)
    directory = tempfile.TemporaryDirectory(prefix="steelyard-simulate-")
    try:
        permits = {number: one.instruments for number, one in enumerate(strategies, 1)}
        config = config_of(instruments, caps, Path(directory.name), permits)
        names = tuple(one.name for one in strategies)
        with run_lanes(names) as lanes:
            return _open(dict(zip(names, made, strict=True)), config, lanes, directory, bars)
    except BaseException:
        directory.cleanup()
        raise


def _made(one: Driven, instruments: Sequence[Instrument], bars: "BarSource | None") -> Strategy:
    """The strategy object, with the instruments that it trades."""
    if not (isinstance(one.kind, type) and issubclass(one.kind, Strategy)):
        msg = 'expected a class of engine.strategy.Strategy: a compiled client runs at speed "fast"'
        raise TypeError(f"strategy: found {one.kind!r}, {msg}")
    check_reads(one.kind, bars if reads_of(one.kind) else None)
    own = tuple(other for other in instruments if other.id in one.instruments)
    return one.kind(own, _plain(checked_parameters(one.kind, one.parameters)))


def _plain(parameters: Any) -> Any:
    """The parameters; the role records a hash of them, which only plain values have."""
    try:
        msgspec.to_builtins(parameters)
    except TypeError as error:
        msg = f'parameters: {error}: expected plain values, as a file has them: use speed="fast" with objects'
        raise TypeError(msg) from None
    return parameters


def _open(
    strategies: Mapping[str, Strategy],
    config: ExecutionConfig,
    lanes: RunLanes,
    directory: "tempfile.TemporaryDirectory[str]",
    bars: "BarSource | None",
) -> EngineClient:
    """Open the lanes of each role while they have names."""
    roles = [
        StrategyRole(name, number, one, open_strategy_lanes(lanes.strategies[name], number - 1, reads_of(type(one))))
        for number, (name, one) in enumerate(strategies.items(), 1)
    ]
    opened = open_execution_lanes(lanes.execution, dict(enumerate(strategies, 1)))
    execution = _execution(config, opened)
    logged = lanes.looker.ring_reader("intents") if len(strategies) == 1 else None
    verdicts = lanes.looker.ring_reader("verdicts")
    feed = Outbox(lanes.feed.ring_writer("ticks"), lanes.feed.ring_writer("books"))
    closers = (*(role.close for role in roles), execution.close, lanes.close, directory.cleanup)
    watches = bool(config.caps or BREAKERS.keys() & config.risk.keys())
    bars_lane = None if bars is None else lanes.aggregation.ring_writer("bars")
    return EngineClient(
        roles, list(strategies.values()), execution, opened, logged, verdicts, feed, closers, watches=watches,
        bars=bars, bars_lane=bars_lane,
    )  # fmt: skip


def _execution(config: ExecutionConfig, lanes: ExecutionLanes) -> Execution:
    """Execution with the model venue."""
    make = cast("MakeSession", partial(ModelSession, config.instruments))
    return Execution(config, lanes, ExecutionPorts(make), PassingDisk())


def config_of(
    instruments: Sequence[Instrument], caps: Mapping[str, Any], directory: Path,
    strategies: Mapping[int, frozenset[int]],
) -> ExecutionConfig:  # fmt: skip
    """Execution's configuration: only the caps of the run are in force, and natives that the model venue has."""
    limits, further = read_risk(table := table_of(instruments, caps))
    ids = [one.id for one in instruments]
    limits.check_instruments(ids)
    return ExecutionConfig(
        venue=instruments[0].venue,
        system=SYSTEM,
        instruments=tuple(
            dataclasses.replace(one, natives=one.natives & NATIVES, trailing_min=0, trailing_max=0)
            for one in instruments
        ),
        strategies=dict(strategies),
        limits=limits,
        caps=further,
        risk=table,
        margin=_margin_of(instruments, limits),
        journal=JournalConfig(str(directory), segment_size=SEGMENT, flush_interval_ns=0),
        balance_interval_ns=0,
    )


def _margin_of(instruments: Sequence[Instrument], limits: RiskLimits) -> dict[int, MarginTerms]:
    """The formulas of each perpetual, where the caps name the file of its brackets."""
    file = limits.margin_brackets
    if not file:
        return {}
    brackets, perpetuals = read_brackets(Path(file)), [one for one in instruments if one.kind != "spot"]
    for one in perpetuals:
        check_margined(one, brackets, limits.usd_quotes, file)
    return {one.id: CrossMargin(brackets[one.symbol]) for one in perpetuals}


def table_of(instruments: Sequence[Instrument], caps: Mapping[str, Any]) -> dict[str, Any]:
    """The table `[risk]` of a run. Without a cap in dollars every quote counts as one: no amount is compared."""
    table = {**WITHOUT_CAPS, **caps}
    if not any(key.endswith("_usd") for key in caps):
        quotes = {*RiskLimits().usd_quotes, *(one.quote for one in instruments)}
        table.setdefault("usd_quotes", tuple(sorted(quotes)))
    return table

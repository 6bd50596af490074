"""Builds the roles of a run: a strategy and execution on lanes of their own, with the caps of the run."""

import dataclasses
import logging
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

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
from research.simulate.engine.lanes import NAME, NUMBER, RunLanes, run_lanes
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


def driven(
    strategy: object,
    instruments: Sequence[Instrument],
    parameters: Mapping[str, Any],
    caps: Mapping[str, Any],
    bars: "BarSource | None" = None,
) -> EngineClient:
    """The roles around a strategy, which a loop drives; `bars` as `simulate` has them."""
    if not (isinstance(strategy, type) and issubclass(strategy, Strategy)):
        msg = 'expected a class of engine.strategy.Strategy: a compiled client runs at speed "fast"'
        raise TypeError(f"strategy: found {strategy!r}, {msg}")
    check_reads(strategy, bars)
    made = strategy(tuple(instruments), _plain(checked_parameters(strategy, parameters)))
    directory = tempfile.TemporaryDirectory(prefix="steelyard-simulate-")
    try:
        config = config_of(instruments, caps, Path(directory.name))
        with run_lanes() as lanes:
            return _open(made, config, lanes, directory, bars)
    except BaseException:
        directory.cleanup()
        raise


def _plain(parameters: Any) -> Any:
    """The parameters; the role records a hash of them, which only plain values have."""
    try:
        msgspec.to_builtins(parameters)
    except TypeError as error:
        msg = f'parameters: {error}: expected plain values, as a file has them: use speed="fast" with objects'
        raise TypeError(msg) from None
    return parameters


def _open(
    strategy: Strategy,
    config: ExecutionConfig,
    lanes: RunLanes,
    directory: "tempfile.TemporaryDirectory[str]",
    bars: "BarSource | None",
) -> EngineClient:
    """Open the lanes of each role while they have names."""
    role = StrategyRole(NAME, NUMBER, strategy, open_strategy_lanes(lanes.strategy, 0, reads_of(type(strategy))))
    opened = open_execution_lanes(lanes.execution, {NUMBER: NAME})
    execution = _execution(config, opened)
    readers = lanes.looker.ring_reader("intents"), lanes.looker.ring_reader("verdicts")
    feed = Outbox(lanes.feed.ring_writer("ticks"), lanes.feed.ring_writer("books"))
    closers = (role.close, execution.close, lanes.close, directory.cleanup)
    watches = bool(config.caps or BREAKERS.keys() & config.risk.keys())
    bars_lane = None if bars is None else lanes.aggregation.ring_writer("bars")
    return EngineClient(
        role, strategy, execution, opened, readers, feed, closers, watches=watches, bars=bars, bars_lane=bars_lane
    )


def _execution(config: ExecutionConfig, lanes: ExecutionLanes) -> Execution:
    """Execution with the model venue."""
    make = cast("MakeSession", partial(ModelSession, config.instruments))
    return Execution(config, lanes, ExecutionPorts(make), PassingDisk())


def config_of(instruments: Sequence[Instrument], caps: Mapping[str, Any], directory: Path) -> ExecutionConfig:
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
        strategies={NUMBER: frozenset(ids)},
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

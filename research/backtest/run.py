"""`backtest_strategy(df, strategy, config)`: one strategy over one table of market data.

1. the configuration is read; a key that is wrong, or has no effect on this data, is refused
2. the table becomes events; a row that is wrong is refused
3. `simulate` runs the strategy, with `on_bar` where it has one
4. the result's assumptions also name what the table does not have
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from engine.model.instrument import Instrument
from engine.strategy.api.strategy import Strategy, reads_of
from engine.strategy.load import read_strategy_file, strategy_class
from research.backtest import market
from research.backtest.columns import Frame
from research.backtest.settings import Settings, check_kind, instrument_of, models_of, read_settings
from research.bars.bar import Bars
from research.bars.run import NO_EMPTY_BARS
from research.bars.source import BarSource, GivenBars, PrintBars, length_of
from research.simulate.data.events import EVENT, Events
from research.simulate.fast import simulate
from research.simulate.result import Assumption, Result
from research.simulate.trading.client import Client

Config = Mapping[str, Any] | str | PathLike[str]
MS = 1_000_000


def backtest_strategy(df: Any, strategy: type[Strategy] | Client | str, config: Config) -> Result:
    """Run a strategy over a table of ticks, books or bars; docs/research/backtest.md has the columns and the keys.

    `df` is a DataFrame of pandas or polars, a pyarrow Table, a structured numpy array, a dict of columns, or an array
    of `research.simulate.EVENT`. `strategy` is a class, its "module:class", or a file of configs/strategies. `config`
    is a dictionary or a TOML file: instrument, latency and fees are required.
    """
    settings = read_settings(config)
    kind, parameters = _strategy(strategy, settings)
    one = instrument_of(settings.instrument)
    data = _data(df, one, settings)
    result = simulate(
        data.events,
        kind,
        instruments=[one],
        models=models_of(settings, received=data.received),
        parameters=parameters,
        caps=settings.caps,
        capital=settings.capital,
        called=settings.called,
        speed=settings.speed,
        mark_ns=length_of(settings.mark),
        bars=_bars(kind, data, one, settings),
    )
    return replace(result, assumptions=(*_assumed(data.kind, settings), *result.assumptions))


@dataclass(frozen=True)
class Data:
    """A table as a run reads it."""

    kind: str
    events: Events
    received: bool  # the data has the times at which it was received
    bars: Bars | None = None


def _data(df: Any, one: Instrument, settings: Settings) -> Data:
    """The events of a table."""
    if isinstance(df, np.ndarray) and df.dtype == EVENT:
        check_kind(settings, "events")
        return Data("events", df, received=settings.latency.feed_ms is None)
    frame = Frame(df)
    check_kind(settings, frame.kind)
    received = frame.has("receive_time")
    if frame.kind == "bars":
        bars = market.bars_of(frame, one, settings)
        return Data("bars", market.of_bars(bars, one, settings), received, bars)
    ticks = frame.kind == "ticks"
    events = market.of_ticks(frame, one, settings) if ticks else market.of_books(frame, one)
    return Data(frame.kind, events, received)


def _strategy(given: Any, settings: Settings) -> tuple[Any, Mapping[str, Any]]:
    """The class and its parameters; those of the configuration replace those of the strategy's file."""
    if not isinstance(given, str):
        return given, settings.parameters
    if ":" in given:
        return strategy_class(given), settings.parameters
    path = Path(given)
    if not path.is_file():
        raise ValueError(f"strategy: found {given!r}, expected a class, its module:class, or a strategy's TOML file")
    file = read_strategy_file(path)
    return strategy_class(file.class_path, path.parent), {**file.parameters, **settings.parameters}


def _bars(kind: Any, data: Data, one: Instrument, settings: Settings) -> BarSource | None:
    """Where the bars of `on_bar` come from; None for a strategy without it."""
    if not (isinstance(kind, type) and issubclass(kind, Strategy) and "bars" in reads_of(kind)):
        if settings.bars and data.bars is None:
            raise ValueError("config: `bars`: the strategy has no on_bar and no indicator of bars: remove the key")
        return None
    delay_ns = round((settings.latency.feed_ms or 0) * MS)
    if data.bars is not None:
        return GivenBars({one: data.bars}, length_of(settings.bars[0]), delay_ns)
    if not settings.bars:
        raise ValueError(f"config: no `bars`, expected some: {kind.__name__} reads bars, like bars = ['1m']")
    begin_ns = int(data.events[0]["receive_ns"]) + delay_ns
    return PrintBars([one], settings.bars, begin_ns=begin_ns)


def _assumed(kind: str, settings: Settings) -> list[Assumption]:
    """What the table does not have and the run takes for granted."""
    if kind == "events":
        return []
    if kind == "books":
        text = "a resting order is filled when the other side reaches it, by no print"
        return [Assumption("no_prints", False, text)]
    text = f"a bid and an ask are {settings.half_spread_steps} price steps off each price"
    found = [
        Assumption("book_depth_unlimited", True, "they have any size: compare yours with the volume"),
        Assumption("book_around_price", False, text),
    ]
    if kind == "bars":
        path = settings.bar_path or "low_first"
        other = "the other path may be worse for a strategy with a stop and a target, so run both"
        path_assumed = Assumption("path_inside_bars", True, f"{path.replace('_', ' ')} in each bar: {other}")
        found += [path_assumed, NO_EMPTY_BARS]
    return found

"""An experiment as plain values: what a TOML file has, and what another process needs to run the same.

strategy = "mine:Maker"             module:class; a module beside the file, or any other
data = "btcusdt.npy"                of research.simulate.save; relative to the file
called = "message"                  or "event"
speed = "fast"                      or "engine": the engine's own roles
bars = ["1m"]                       of the data's prints, for a class with `on_bar`
mark_ms = 60_000                    how often equity is marked
capital = {USDT = "1000"}           the balances at the beginning; without it no balance is checked
[parameters]  [models]  [caps]  [[instruments]]
"""

import importlib
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from engine.config.nearest import did_you_mean
from engine.model.instrument import Instrument
from engine.strategy.api.strategy import Strategy
from engine.strategy.load import search_first, strategy_class
from research.bars.source import PrintBars
from research.experiment.plain import from_plain, to_plain
from research.simulate import Models, Result, load, simulate, simulate_many
from research.simulate.data.events import Events
from research.simulate.trading.client import Client

MINUTE_MS, MS = 60_000, 1_000_000
Kind = type[Strategy] | type[Client]


class Experiment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is run; `beside` is the directory in which the strategy's module is searched first."""

    strategy: str
    data: str
    instruments: tuple[Instrument, ...]
    models: dict[str, Any]
    beside: str = ""
    parameters: dict[str, Any] = {}
    caps: dict[str, Any] = {}
    capital: dict[str, str | int] | None = None
    called: str = "message"
    speed: str = "fast"
    bars: tuple[str, ...] = ()
    mark_ms: int = MINUTE_MS

    def kind(self) -> Kind:
        """The strategy's class, imported and checked."""
        beside = Path(self.beside) if self.beside else None
        if beside is not None:
            search_first(beside)
        module, _, name = self.strategy.partition(":")
        found = getattr(importlib.import_module(module), name, None) if name else None
        if isinstance(found, type) and issubclass(found, Client):
            return found
        return strategy_class(self.strategy, beside)

    def models_chosen(self) -> Models:
        """The models as objects."""
        models: Models = from_plain(Models, self.models, "models")
        return models

    def events(self) -> Events:
        """The data, mapped."""
        return load(self.data)

    def run(
        self, events: Events, parameters: Mapping[str, Any], kind: Kind, models: Models, log: bytearray | None = None
    ) -> Result:
        """Run the strategy once; `log` gets its intents. What loads once is passed in: the class and the models."""
        given: dict[str, Any] = {**self.parameters, **parameters}
        strategy: Any = kind
        if issubclass(kind, Client):
            strategy, given = kind(**given), {}
        return simulate(
            events, strategy, parameters=given, speed=self.speed, intents=log, **self._options(events, models)
        )

    def run_many(
        self, events: Events, parameter_sets: Sequence[Mapping[str, Any]], kind: Kind, models: Models
    ) -> list[Result]:
        """Run the strategy with each set of parameters in one pass, at the speed "fast": the results of single runs."""
        sets = [{**self.parameters, **one} for one in parameter_sets]
        return simulate_many(events, kind, sets, **self._options(events, models))

    def _options(self, events: Events, models: Models) -> dict[str, Any]:
        """What single runs and passes have in common."""
        begin_ns = int(events[0]["receive_ns"])
        bars = partial(PrintBars, self.instruments, self.bars, begin_ns=begin_ns) if self.bars else None
        return {
            "instruments": self.instruments, "models": models, "caps": self.caps, "capital": self.capital,
            "called": self.called, "mark_ns": self.mark_ms * MS, "bars": bars,
        }  # fmt: skip


def experiment_of(
    strategy: "str | Kind", data: str, instruments: Sequence[Instrument], models: Models | Mapping[str, Any],
    *, beside: str = "", **options: Any,
) -> Experiment:  # fmt: skip
    """An experiment of a class or its name; `options` are the other fields of `Experiment`."""
    if isinstance(strategy, type):
        strategy, beside = _name_of(strategy)
    table = to_plain(models) if isinstance(models, Models) else dict(models)
    from_plain(Models, table, "models")
    plain = msgspec.to_builtins({one: value for one, value in options.items() if value is not None})
    values = {"strategy": strategy, "data": str(Path(data).resolve()), "beside": beside, "models": table, **plain}
    return msgspec.convert({**values, "instruments": [asdict(one) for one in instruments]}, Experiment)


def _name_of(kind: type) -> tuple[str, str]:
    """A class by its name, and the directory from which its module is imported."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    if kind.__module__ == "__main__" or file is None or "<" in kind.__qualname__:
        msg = "other processes import it by its name: write it to a module, like mine.py, and import it from there"
        raise ValueError(f"strategy {kind.__qualname__} of {kind.__module__}: {msg}")
    parents = kind.__module__.count(".") + (Path(file).name.startswith("__init__."))
    return f"{kind.__module__}:{kind.__qualname__}", str(Path(file).resolve().parents[parents])


def read_toml(path: Path, allowed: Sequence[str]) -> dict[str, Any]:
    """The tables of a file, with the file's directory as `beside`; a key outside `allowed` is refused by name."""
    try:
        table = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: {error}") from error
    known = [*(name for name in Experiment.__struct_fields__ if name != "beside"), *allowed]
    for unknown in table.keys() - set(known):
        hint = did_you_mean(unknown, known)
        raise ValueError(f"{path}: unknown key `{unknown}`, {hint}expected one of {', '.join(known)}")
    if "instruments" in table:
        table["instruments"] = _instruments(path, table["instruments"])
    if "data" in table:
        table["data"] = str(path.parent / table["data"])
    return {**table, "beside": str(path.parent.resolve())}


def _instruments(path: Path, tables: Any) -> tuple[Instrument, ...]:
    """The tables [[instruments]]."""
    try:
        return msgspec.convert(tables, tuple[Instrument, ...])
    except msgspec.ValidationError as error:
        raise ValueError(f"{path}: instruments: {error}") from error

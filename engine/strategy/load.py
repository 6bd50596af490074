"""Loads a strategy: finds its class by name and checks its parameters by type.

class = "engine.strategy.samples:ImbalanceMaker"       module:class; a module beside the system's file, or any other
[parameters]
size = "0.001"
"""

import importlib
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from engine.model.instrument import Instrument
from engine.strategy import accepted
from engine.strategy.api import declared
from engine.strategy.api.strategy import Strategy, checked_parameters, defines, reads_of
from engine.strategy.compiled import check_current
from engine.strategy.inputs.declaration import MS, inputs_declared, length_ns

if TYPE_CHECKING:
    from engine.config import Config
    from engine.config import Strategy as StrategyTable
    from engine.config.tables import Aggregation


class StrategyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"class_path": "class"}):
    """A file under configs/strategies: the keys `class` and `parameters` of a strategy's table."""

    class_path: str
    parameters: dict[str, Any] = {}


def read_strategy_file(path: Path) -> StrategyFile:
    """Read a strategy's file; ValueError when it is wrong."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text()), StrategyFile)
    except (msgspec.ValidationError, tomllib.TOMLDecodeError) as error:
        msg = f"{path}: {error}"
        raise ValueError(msg) from error


def strategy_class(name: str, beside: Path | None = None) -> type[Strategy]:
    """Find a strategy's class by "module:class", and refuse one with a hook that would never be called.

    A module is searched in the directory `beside` first, then on Python's path.
    """
    if beside is not None:
        search_first(beside)
    module, _, attribute = name.partition(":")
    imported = importlib.import_module(module)
    for one in list(sys.modules.values()):
        check_current(one)
    found = getattr(imported, attribute, None) if attribute else None
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        msg = f"class = {name!r}: expected module:class of a class derived from engine.strategy.Strategy"
        raise ValueError(msg)  # noqa: TRY004 - the configuration's text is wrong
    declared.check_class(found, Strategy)
    declared.check_source(found, Strategy)
    return found


def search_first(directory: Path) -> None:
    """Put a directory first on Python's path, as Python does for a script's own directory."""
    path = str(directory.resolve())
    if sys.path[:1] != [path]:
        sys.path[:] = [path, *(one for one in sys.path if one != path)]
        importlib.invalidate_caches()


def load_class(config: "Config", table: "StrategyTable") -> type[Strategy]:
    """The class of a configured strategy; its parameters, its hooks and the verdict on it are checked."""
    kind = strategy_class(table.class_path, Path(config.path).parent)
    parameters = checked_parameters(kind, table.parameters)
    check_reads(kind, config.aggregation)
    check_inputs(kind, parameters, config.aggregation)
    accepted.check(config, table, kind)
    return kind


def check_reads(kind: type[Strategy], aggregation: "Aggregation | None") -> None:
    """Refuse hooks of the aggregation that would never be called."""
    for lane in reads_of(kind):
        hooks = (hook for hook in declared.HOOKS_OF[lane] if defines(kind, hook))
        hook = next(hooks, None) or next(iter(inputs_declared(kind)))
        if aggregation is None:
            msg = f"{kind.__name__}.{hook} reads {lane}: add a table [aggregation], without one it is never called"
            raise ValueError(msg)
        if lane == "bars" and not aggregation.bars:
            msg = f"{kind.__name__}.{hook} reads bars: add some to aggregation.bars, without them it is never called"
            raise ValueError(msg)


def check_inputs(kind: type[Strategy], parameters: Any, aggregation: "Aggregation | None") -> None:
    """Refuse a declared indicator of wrong parameters, or of bars that the system does not make."""
    lengths = {interval: text for text in aggregation.bars for interval in [length_ns(text)]} if aggregation else {}
    for name, one in inputs_declared(kind).items():
        one.make(parameters)
        if one.interval_ns(parameters) not in lengths:
            known, found = ", ".join(lengths.values()), one.interval_ns(parameters) // MS
            msg = f"{kind.__name__}.{name} reads bars of {found} ms: add this length to aggregation.bars"
            raise ValueError(f"{msg}, which has {known}")


def make_strategy(
    class_path: str, parameters: Mapping[str, Any], instruments: tuple[Instrument, ...], beside: Path | None = None
) -> Strategy:
    """Make a strategy with its parameters checked."""
    kind = strategy_class(class_path, beside)
    return kind(instruments, checked_parameters(kind, parameters))

"""From a strategy's file to a checked strategy: its class by name, its parameters by type.

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
from engine.strategy.api import declared
from engine.strategy.api.strategy import Strategy, checked_parameters, defines, reads_of

if TYPE_CHECKING:
    from engine.config import Config
    from engine.config import Strategy as StrategyTable
    from engine.config.tables import Aggregation


class StrategyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"class_path": "class"}):
    """What a file under configs/strategies holds: the same words as a strategy's table in a system's file."""

    class_path: str
    parameters: dict[str, Any] = {}


def read_strategy_file(path: Path) -> StrategyFile:
    """Read one, or say what is wrong with it."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text()), StrategyFile)
    except (msgspec.ValidationError, tomllib.TOMLDecodeError) as error:
        msg = f"{path}: {error}"
        raise ValueError(msg) from error


def strategy_class(name: str, beside: Path | None = None) -> type[Strategy]:
    """Find a strategy's class by "module:class", and refuse one that would not hear what it defines.

    A module is looked for in the directory `beside` first, then where Python looks for any.
    """
    if beside is not None:
        look_in(beside)
    module, _, attribute = name.partition(":")
    found = getattr(importlib.import_module(module), attribute, None) if attribute else None
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        msg = f"strategy {name!r} must name a Strategy class as module:class"
        raise ValueError(msg)  # noqa: TRY004 - the configuration's text is wrong
    declared.check_class(found, Strategy)
    declared.check_source(found, Strategy)
    return found


def look_in(directory: Path) -> None:
    """Have modules of a directory found before all others, as Python does for a script's own directory."""
    path = str(directory.resolve())
    if sys.path[:1] != [path]:
        sys.path[:] = [path, *(one for one in sys.path if one != path)]
        importlib.invalidate_caches()


def load_class(config: "Config", table: "StrategyTable") -> type[Strategy]:
    """The class of a configured strategy, held to its parameters and to what is there for it to hear."""
    kind = strategy_class(table.class_path, Path(config.path).parent)
    checked_parameters(kind, table.parameters)
    check_reads(kind, config.aggregation)
    return kind


def check_reads(kind: type[Strategy], aggregation: "Aggregation | None") -> None:
    """Refuse hooks of the aggregation where nothing would ever be told to them."""
    for lane in reads_of(kind):
        hook = next(hook for hook in declared.HEARD_BY[lane] if defines(kind, hook))
        if aggregation is None:
            msg = f"{kind.__name__}.{hook} hears {lane}: expected a table [aggregation], without one it is never called"
            raise ValueError(msg)
        if lane == "bars" and not aggregation.bars:
            msg = (
                f"{kind.__name__}.{hook} hears bars: expected some in aggregation.bars, without them it is never called"
            )
            raise ValueError(msg)


def make_strategy(
    class_path: str, parameters: Mapping[str, Any], instruments: tuple[Instrument, ...], beside: Path | None = None
) -> Strategy:
    """Make a strategy with its parameters checked."""
    kind = strategy_class(class_path, beside)
    return kind(instruments, checked_parameters(kind, parameters))

"""From a strategy's file to a checked strategy: its class by name, its parameters by type.

class = "engine.strategy.samples:ImbalanceMaker"       module:class; any importable module will do
[parameters]
size = "0.001"
"""

import importlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from engine.model.instrument import Instrument
from engine.strategy.strategy import Strategy, checked_parameters


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


def strategy_class(name: str) -> type[Strategy]:
    """Find a strategy's class by "module:class"."""
    module, _, attribute = name.partition(":")
    found = getattr(importlib.import_module(module), attribute, None) if attribute else None
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        msg = f"strategy {name!r} must name a Strategy class as module:class"
        raise ValueError(msg)  # noqa: TRY004 - the configuration's text is wrong
    return found


def make_strategy(class_path: str, parameters: Mapping[str, Any], instruments: tuple[Instrument, ...]) -> Strategy:
    """Make a strategy with its parameters checked."""
    kind = strategy_class(class_path)
    return kind(instruments, checked_parameters(kind, parameters))

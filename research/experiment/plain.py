"""Models as plain values, and back: tables with the fields' names, as TOML and JSON have them.

order_latency = 2_000_000                              nanoseconds: a Constant
order_latency = {kind = "Drawn", samples = [...]}      of several types, `kind` names one
fees = {maker = "0.0002", taker = "0.0005"}            one tier; decimals are text
queue = {family = "power", exponent = 0.5}
"""

import dataclasses
import types
import typing
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np

from engine.config.nearest import did_you_mean
from research.simulate.models import Constant, Fees


def to_plain(value: Any) -> Any:
    """A model as tables, lists, numbers and text."""
    if dataclasses.is_dataclass(value):
        fields = {one.name: to_plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
        return {"kind": type(value).__name__, **fields}
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (list, tuple, np.ndarray)):
        return [to_plain(one) for one in value]
    return value.item() if isinstance(value, np.generic) else value


def from_plain(hint: Any, value: Any, where: str) -> Any:
    """The value of a type; a ValueError names the place, what was found and what was expected."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return _one_of(typing.get_args(hint), value, where)
    if dataclasses.is_dataclass(hint):
        return _object(hint, value, where)
    if hint is Decimal:
        return _decimal(value, where)
    if isinstance(value, list):
        return _several(hint, value, where)
    if hint is float and type(value) is int:
        return float(value)
    if isinstance(hint, type) and type(value) is not hint:
        raise ValueError(f"{where}: found {value!r}, expected {hint.__name__}")
    return value


def _one_of(hints: tuple[Any, ...], value: Any, where: str) -> Any:
    """The value of one of several types, which its key `kind` names."""
    kinds = {one.__name__: one for one in hints if one is not types.NoneType}
    if value is None and types.NoneType in hints:
        return None
    if type(value) is int and "Constant" in kinds:
        return Constant(value)
    kind = value.get("kind") if isinstance(value, dict) else None
    if kind is None and len(kinds) == 1:
        return from_plain(next(iter(kinds.values())), value, where)
    if kind not in kinds:
        raise ValueError(f"{where}: found {value!r}, expected a table whose `kind` is one of {', '.join(kinds)}")
    return from_plain(kinds[kind], value, where)


def _object(kind: Any, value: Any, where: str) -> Any:
    """A dataclass from its table."""
    if not isinstance(value, dict):
        raise ValueError(f"{where}: found {value!r}, expected a table of {kind.__name__}")  # noqa: TRY004 - a text is wrong
    if kind is Fees and "tiers" not in value:
        value = {"tiers": [value]}
    hints = typing.get_type_hints(kind)
    for unknown in value.keys() - hints.keys() - {"kind"}:
        hint = did_you_mean(unknown, list(hints))
        raise ValueError(f"{where}.{unknown}: no such key, {hint}expected one of {', '.join(hints)}")
    fields = {name: from_plain(hints[name], one, f"{where}.{name}") for name, one in value.items() if name != "kind"}
    try:
        return kind(**fields)
    except TypeError as error:
        needed = [one.name for one in dataclasses.fields(kind) if _is_needed(one) and one.name not in fields]
        raise ValueError(f"{where}: {', '.join(needed) or error} must be given") from error


def _is_needed(field: Any) -> bool:
    """Whether a field has no default."""
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _several(hint: Any, values: list[Any], where: str) -> Any:
    """A tuple or list of values of one type."""
    origin, (of, *_) = typing.get_origin(hint), typing.get_args(hint) or (Any,)
    if origin is None and isinstance(hint, type):
        raise ValueError(f"{where}: found a list, expected {hint.__name__}")
    found = [from_plain(of, one, f"{where}[{place}]") for place, one in enumerate(values)]
    return tuple(found) if origin is tuple else found


def _decimal(value: Any, where: str) -> Decimal:
    """A decimal number from text: a float would be rounded."""
    try:
        return Decimal(value if isinstance(value, str) else "")
    except InvalidOperation:
        raise ValueError(f'{where}: found {value!r}, expected a decimal as text, like "0.0002"') from None

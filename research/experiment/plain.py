"""Models as plain values, and back: tables with the fields' names, as TOML and JSON have them.

order_latency = 2_000_000                              nanoseconds: a Constant
order_latency = {kind = "Drawn", samples = [...]}      of several types, `kind` names one
fees = {maker = "0.0002", taker = "0.0005"}            one tier; decimals are text
queue = {family = "power", exponent = 0.5}
"""

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

import numpy as np

from engine.config.nearest import did_you_mean
from engine.venues.margin import Bracket
from research.simulate.models import Constant, Fees
from research.simulate.perpetuals import FUNDING, Funding


def to_plain(value: Any) -> Any:
    """A model as tables, lists, numbers and text."""
    if dataclasses.is_dataclass(value):
        fields = {one.name: to_plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
        return {"kind": type(value).__name__, **fields}
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {name: to_plain(one) for name, one in value.items()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [to_plain(one) for one in value]
    return value.item() if isinstance(value, np.generic) else value


def from_plain(hint: Any, value: Any, where: str) -> Any:
    """The value of a type; a ValueError names the place, what was found and what was expected."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return _one_of(typing.get_args(hint), value, where)
    if dataclasses.is_dataclass(hint):
        return _object(hint, value, where)
    if (made := _special(hint)) is not None:
        return made(value, where)
    if isinstance(value, list):
        return _several(hint, value, where)
    if hint is float and type(value) is int:
        return float(value)
    if isinstance(hint, type) and type(value) is not hint:
        raise ValueError(f"{where}: found {value!r}, expected {hint.__name__}")
    return value


def _special(hint: Any) -> Callable[[Any, str], Any] | None:
    """What makes a value that is no dataclass, and has other plain values than itself."""
    if typing.get_origin(hint) is Mapping:
        return partial(_mapping, typing.get_args(hint)[1])
    return {Decimal: _decimal, Bracket: _bracket}.get(hint)


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
    if kind is Funding and value.get("rows") is not None:
        return _funding(value["rows"], where)
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


def _mapping(hint: Any, value: Any, where: str) -> dict[str, Any]:
    """A table of values of one type."""
    if not isinstance(value, dict):
        raise ValueError(f"{where}: found {value!r}, expected a table")  # noqa: TRY004 - a text is wrong
    return {name: from_plain(hint, one, f"{where}.{name}") for name, one in value.items()}


def _bracket(value: Any, where: str) -> Bracket:
    """A bracket of margin from the list of its fields."""
    names = Bracket._fields
    if not isinstance(value, list) or len(value) != len(names):
        raise ValueError(f"{where}: found {value!r}, expected a list of {', '.join(names)}")
    hints = typing.get_type_hints(Bracket)
    return Bracket(*(from_plain(hints[name], one, f"{where}.{name}") for name, one in zip(names, value, strict=True)))


def _funding(rows: Any, where: str) -> Funding:
    """Recorded funding from the lists of its rows."""
    try:
        table = np.array([tuple(row) for row in rows], FUNDING)
    except (TypeError, ValueError) as error:
        msg = f"expected rows of {', '.join(FUNDING.names or ())}"
        raise ValueError(f"{where}.rows: found {str(rows)[:80]}, {msg}") from error
    return Funding.recorded(table)


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

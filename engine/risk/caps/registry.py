"""The further caps by their key, and the reading of the table `[risk]`.

    @cap("max_gross_usd", Decimal, ramps=True)
    class GrossUsd: ...

To add a cap: one class in this folder, a line in docs/risk.md and a test. The gate checks every order against the
configured caps after its own caps, and refuses an order that would exceed one. A cap with `exits = True` is checked for
exits too. With any of these caps configured, the compiled approval approves nothing and the gate checks every order.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

import msgspec

from engine.config.nearest import unknown_key
from engine.risk.gate import FurtherCap
from engine.risk.limits import FIXED, MICRO, WIDEST, RiskLimits

Made = TypeVar("Made", bound=FurtherCap)


class Entry(NamedTuple):
    """A registered cap."""

    kind: Any  # the type of its key's value
    make: Callable[[Any], FurtherCap]
    ramps: bool  # its value is an amount of dollars, of which `ramp` is in force
    needs: tuple[str, ...]  # limits that must be set beside it


CAPS: dict[str, Entry] = {}


def cap(key: str, kind: Any, *, ramps: bool = False, needs: tuple[str, ...] = ()) -> Callable[[type[Made]], type[Made]]:
    """Register a class as the cap of a key of `[risk]`; it is made with the key's value."""

    def register(made: type[Made]) -> type[Made]:
        assert key not in CAPS, f"two caps are called {key}"
        assert key not in RiskLimits.__struct_fields__, f"{key} is a limit of the gate itself"
        CAPS[key] = Entry(kind, made, ramps, needs)
        return made

    return register


def read_risk(table: Mapping[str, Any]) -> tuple[RiskLimits, tuple[FurtherCap, ...]]:
    """The limits and the further caps in `[risk]`; a ValueError names the wrong key or value."""
    values = {key: value for key, value in table.items() if key not in CAPS}
    try:
        limits = msgspec.convert(values, RiskLimits)
    except msgspec.ValidationError as error:
        unknown = set(values) - set(RiskLimits.__struct_fields__)
        if not unknown:
            raise
        known = (*RiskLimits.__struct_fields__, *CAPS)
        raise ValueError(f"{min(unknown)}: {unknown_key(min(unknown), known)}") from error
    return limits, tuple(_make(key, table[key], limits) for key in CAPS if key in table)


def set_risk(table: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[RiskLimits, tuple[FurtherCap, ...]]:
    """The limits and caps of `[risk]` with these values in place of the file's, as an operator sets them."""
    for key in values:
        if key in FIXED:
            raise ValueError(f"{key} cannot change while execution runs: change the file, then engine-ctl restart")
    return read_risk({**table, **values})


def micro_of(dollars: Decimal) -> int:
    """A cap's dollars in millionths; ValueError for an amount that bounds nothing or is too wide for the arithmetic."""
    if not dollars.is_finite() or dollars <= 0:
        raise ValueError("must be positive")
    if dollars.adjusted() > WIDEST:
        raise ValueError(f"must be below 1e{WIDEST + 1}")
    return int(dollars * MICRO)


def _make(key: str, value: object, limits: RiskLimits) -> FurtherCap:
    one = CAPS[key]
    if absent := next((name for name in one.needs if not getattr(limits, name)), ""):
        raise ValueError(f"{key}: needs {absent}, which is not set: set {absent} in [risk] too (docs/risk.md)")
    try:
        converted = msgspec.convert(value, one.kind)
        return one.make(converted * limits.ramp if one.ramps and converted.is_finite() else converted)
    except (msgspec.ValidationError, ValueError) as error:
        raise ValueError(f"{key}: {error}, was {value!r}") from error

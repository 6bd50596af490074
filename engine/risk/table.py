"""The table `[risk]`: the limits of the gate, the further caps (`caps/`) and the breakers (`breakers/`)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from engine.config.nearest import unknown_key
from engine.risk.breakers import BREAKERS, read_breakers
from engine.risk.caps import CAPS
from engine.risk.caps.registry import make
from engine.risk.gate import FurtherCap
from engine.risk.limits import FIXED, RiskLimits

LIQUIDATION_BUFFER = "0.20"  # in force for derivatives, also without its key


def read_risk(table: Mapping[str, Any]) -> tuple[RiskLimits, tuple[FurtherCap, ...]]:
    """The limits and the further caps in `[risk]`; a ValueError names the wrong key or value, also of a breaker."""
    values = {key: value for key, value in table.items() if key not in CAPS and key not in BREAKERS}
    try:
        limits = msgspec.convert(values, RiskLimits)
    except msgspec.ValidationError as error:
        unknown = set(values) - set(RiskLimits.__struct_fields__)
        if not unknown:
            raise
        raise ValueError(f"{min(unknown)}: {unknown_key(min(unknown), known())}") from error
    read_breakers(table, limits)
    caps = {"liquidation_buffer": LIQUIDATION_BUFFER, **table} if limits.margin_brackets else table
    return limits, tuple(make(key, caps[key], limits) for key in CAPS if key in caps)


def set_risk(table: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[RiskLimits, tuple[FurtherCap, ...]]:
    """The limits and caps of `[risk]` with these values in place of the file's, as an operator sets them."""
    for key in values:
        if not is_live(key):
            raise ValueError(f"{key} cannot change while execution runs: change the file, then engine-ctl restart")
    return read_risk({**table, **values})


def is_live(key: str) -> bool:
    """Whether the value may change while execution runs."""
    return key not in FIXED and key not in BREAKERS


def known() -> tuple[str, ...]:
    """Every key of `[risk]`."""
    return (*RiskLimits.__struct_fields__, *CAPS, *BREAKERS)


def kind_of(key: str) -> Any:
    """The type of a key's value; a text for an unknown key."""
    kinds = {one.name: one.type for one in msgspec.structs.fields(RiskLimits)}
    entry = CAPS.get(key) or BREAKERS.get(key)
    return entry.kind if entry is not None else kinds.get(key, str)

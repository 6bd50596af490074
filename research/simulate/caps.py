"""Which caps of risk a `fast` run checks, and which it refuses by name.

The keys are those of the configuration's `[risk]`. `fast` checks the caps that read one order and its instrument; a cap
of the account, of a rate, of money over time or of another process needs the engine itself.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from engine.config.nearest import did_you_mean
from engine.model.instrument import Instrument
from engine.risk.breakers import BREAKERS
from engine.risk.caps import CAPS
from engine.risk.limits import MICRO, RiskLimits

CHECKED = (
    "max_order_size_usd", "max_position_usd", "price_collar_bps", "exit_collar_bps", "max_spread_bps", "usd_quotes",
)  # fmt: skip


WIDEST = 1 << 124  # a cap beyond it is over every product of two numbers that `events.py` accepts


class DeskCaps(NamedTuple):
    """The caps of one instrument; 0: none. Those in dollars are in the decimals of price * size."""

    order: int = 0
    position: int = 0
    order_micro: int = 0
    position_micro: int = 0
    collar_bps: int = 0
    exit_collar_bps: int = 0
    spread_bps: int = 0


def check_keys(caps: Mapping[str, Any]) -> None:
    """Refuse a key that is no cap, and a cap that `fast` cannot check."""
    known = {*RiskLimits.__struct_fields__, *CAPS, *BREAKERS}
    for key in caps:
        if key not in known:
            raise ValueError(f"caps: unknown key `{key}`, {did_you_mean(key, CHECKED)}expected: {', '.join(CHECKED)}")
        if key not in CHECKED:
            msg = f'caps: `fast` cannot check `{key}`: remove it, or use speed="engine". It checks {", ".join(CHECKED)}'
            raise ValueError(msg)


def caps_of(caps: Mapping[str, Any], instruments: Iterable[Instrument]) -> list[DeskCaps]:
    """The caps of each instrument; a cap in dollars needs an instrument that is quoted in dollars."""
    check_keys(caps)
    limits = msgspec.convert({**caps}, RiskLimits, strict=False)
    in_dollars = [key for key in ("max_order_size_usd", "max_position_usd") if key in caps]
    for one in instruments:
        if in_dollars and one.quote not in limits.usd_quotes:
            quotes = ", ".join(limits.usd_quotes)
            msg = f"caps: `{in_dollars[0]}` needs instruments quoted in {quotes}, {one.symbol} is quoted in {one.quote}"
            raise ValueError(f"{msg}: remove the cap, or add the asset to `usd_quotes` if it is worth one dollar")
    return [_of(limits, caps, one) for one in instruments]


def _of(limits: RiskLimits, caps: Mapping[str, Any], one: Instrument) -> DeskCaps:
    """The caps of one instrument."""
    unit = 10 ** (one.price_decimals + one.size_decimals)
    order = limits.max_order_micro if "max_order_size_usd" in caps else 0
    position = limits.max_position_micro if "max_position_usd" in caps else 0
    return DeskCaps(
        min(order * unit // MICRO, WIDEST),
        min(position * unit // MICRO, WIDEST),
        order,
        position,
        *(getattr(limits, key) if key in caps else 0 for key in CHECKED[2:5]),
    )

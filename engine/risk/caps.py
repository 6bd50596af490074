"""Further caps: each is a class and a key of `[risk]`, and is checked only if the configuration sets it.

    @cap("max_gross_usd", Decimal)
    class GrossUsd: ...

To add a cap: one class here, a line in docs/risk.md and a test. The gate checks every order against the configured caps
after its own caps, and refuses an order that would exceed one. A cap with `exits = True` is checked for exits too. With
any of these caps configured, the compiled approval approves nothing and the gate checks every order.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from engine.config.nearest import unknown_key
from engine.model.words import BUY, Reason
from engine.risk.gate import Account, FurtherCap, Proposed, Refusal
from engine.risk.limits import FIXED, MICRO, WIDEST, RiskLimits

Made = TypeVar("Made", bound=FurtherCap)
CAPS: dict[str, tuple[Any, Callable[[Any], FurtherCap]]] = {}  # by key: the value's type, and the class


def cap(key: str, kind: Any) -> Callable[[type[Made]], type[Made]]:
    """Register a class as the cap of a key of `[risk]`; it is made with the key's value."""

    def register(made: type[Made]) -> type[Made]:
        assert key not in CAPS, f"two caps are called {key}"
        assert key not in RiskLimits.__struct_fields__, f"{key} is a limit of the gate itself"
        CAPS[key] = kind, made
        return made

    return register


def read_risk(table: Mapping[str, Any]) -> tuple[RiskLimits, tuple[FurtherCap, ...]]:
    """The limits and the further caps in `[risk]`; a ValueError names the wrong key or value."""
    limits = {key: value for key, value in table.items() if key not in CAPS}
    try:
        return msgspec.convert(limits, RiskLimits), tuple(_make(key, table[key]) for key in CAPS if key in table)
    except msgspec.ValidationError as error:
        unknown = set(limits) - set(RiskLimits.__struct_fields__)
        if not unknown:
            raise
        known = (*RiskLimits.__struct_fields__, *CAPS)
        raise ValueError(f"{min(unknown)}: {unknown_key(min(unknown), known)}") from error


def set_risk(table: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[RiskLimits, tuple[FurtherCap, ...]]:
    """The limits and caps of `[risk]` with these values in place of the file's, as an operator sets them."""
    for key in values:
        if key in FIXED:
            raise ValueError(f"{key} cannot change while execution runs: change the file, then engine-ctl restart")
    return read_risk({**table, **values})


def _make(key: str, value: object) -> FurtherCap:
    kind, made = CAPS[key]
    try:
        return made(msgspec.convert(value, kind))
    except (msgspec.ValidationError, ValueError) as error:
        raise ValueError(f"{key}: {error}, was {value!r}") from error


@cap("max_gross_usd", Decimal)
class GrossUsd:
    """The account's worst case over all its instruments in dollars, long and short added up.

    The worst case of an instrument is the larger of its two sides: the position, with every open and in-flight order
    of that side filled. The new order counts on its side, the order that it replaces does not. Each instrument is
    valued at the middle of its book, the order's own instrument at the higher of the order's price and the middle. An
    order that does not increase its instrument's worst case passes.
    """

    exits = False

    def __init__(self, most_usd: Decimal) -> None:
        """Refuse a cap that is not a positive number, or too wide for the gate's arithmetic."""
        if not most_usd.is_finite() or most_usd <= 0:
            raise ValueError("must be positive")
        if most_usd.adjusted() > WIDEST:
            raise ValueError(f"must be below 1e{WIDEST + 1}")
        self._most = int(most_usd * MICRO)

    def check(self, order: Proposed, account: Account) -> Refusal | None:
        """Refuse an order that exceeds the cap, and any order while a held instrument has no price in dollars."""
        more = order.size - order.relief
        if _worst(account, order.instrument_id, order.side, more) <= _worst(account, order.instrument_id):
            return None
        total = 0
        for number in account.instruments:
            own = number == order.instrument_id
            size = _worst(account, number, order.side, more) if own else _worst(account, number)
            value = _micro_usd(account, order, number, size) if size else 0
            if value is None:
                return Refusal(Reason.RATE_MISSING)
            total += value
        return Refusal(Reason.GROSS_TOO_LARGE, total, self._most) if total > self._most else None


def _worst(account: Account, number: int, side: int = 0, more: int = 0) -> int:
    """The largest size that an instrument's position may reach on either side, with `more` added on one of them."""
    held = account.exposures.get(number)
    size, buy, sell = (0, 0, 0) if held is None else (held.size, held.open_buy, held.open_sell)
    buy, sell = buy + more * (side == BUY), sell + more * (side == -BUY)
    return max(0, size + buy, sell - size)


def _micro_usd(account: Account, order: Proposed, number: int, size: int) -> int | None:
    """The value of a size in millionths of a dollar, rounded up; None without a price."""
    instrument, top = account.instruments[number], account.tops.get(number)
    rate = account.usd_rate(order.now_ns, instrument.quote)
    middle2 = 0 if top is None else top.good_middle2
    if number == order.instrument_id:
        middle2 = max(middle2, 2 * order.price)
    if rate is None or not middle2:
        return None
    unit: int = 2 * rate[1] * 10 ** (instrument.price_decimals + instrument.size_decimals)
    return -(-size * middle2 * rate[0] * MICRO // unit)

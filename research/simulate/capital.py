"""The capital of a run: starting balances by asset, in whole numbers for `balances.pyx`, and what is left at the end.

An asset has the most decimals that an instrument of the run needs for it: of its sizes as a base, of its notionals and
fees as a quote currency. So no amount is rounded.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from engine.model.instrument import Instrument
from engine.model.records import FEE_DECIMALS
from research.simulate.trading.balances import Balances

if TYPE_CHECKING:
    from research.simulate.models import Fees

Capital = Mapping[str, str | int | Decimal]
DECIMALS_MOST = 24
AMOUNT_MOST = 1 << 95


class Balance(NamedTuple):
    """What an account has of an asset."""

    free: Decimal
    locked: Decimal  # by open orders


def decimals_of(instruments: Sequence[Instrument]) -> dict[str, int]:
    """The decimals of each asset of the instruments."""
    found: dict[str, int] = {}
    for one in instruments:
        notional = max(one.price_decimals + one.size_decimals, FEE_DECIMALS)
        found[one.quote] = max(found.get(one.quote, 0), notional)
        found[one.base] = max(found.get(one.base, 0), one.size_decimals)
    for asset, decimals in found.items():
        if decimals > DECIMALS_MOST:
            raise ValueError(f"capital: {asset} needs {decimals} decimals, expected at most {DECIMALS_MOST}")
    return found


def check(capital: Capital, instruments: Sequence[Instrument]) -> None:
    """Refuse what is no balance of an asset of the instruments."""
    decimals = decimals_of(instruments)
    for asset, amount in capital.items():
        if asset not in decimals:
            msg = f"expected assets of the run's instruments: {', '.join(sorted(decimals))}"
            raise ValueError(f"capital: found {asset!r}, {msg}")
        scaled(asset, amount, decimals[asset])


def scaled(asset: str, amount: object, decimals: int) -> int:
    """An amount in the decimals of its asset."""
    msg = (
        f"capital: {asset} has {amount!r}, expected text, int or Decimal: at least 0, with at most {decimals} decimals"
    )
    if isinstance(amount, bool) or not isinstance(amount, str | int | Decimal):
        raise TypeError(msg)
    try:
        value = Decimal(amount)
    except InvalidOperation:
        raise ValueError(msg) from None
    found = Fraction(value) * 10**decimals if value.is_finite() else Fraction(-1)
    if found < 0 or found.denominator != 1:
        raise ValueError(msg)
    if found > AMOUNT_MOST:
        raise ValueError(f"{msg}, and under {float(Fraction(AMOUNT_MOST, 10**decimals)):.3g}")
    return int(found)


def balances_of(capital: Capital, instruments: Sequence[Instrument], fees: "Fees") -> Balances:
    """The balances of an account at the beginning."""
    decimals = decimals_of(instruments)
    places = {asset: place for place, asset in enumerate(decimals)}
    amounts = [scaled(asset, capital.get(asset, 0), decimals[asset]) for asset in decimals]
    return Balances(amounts, [_units(one, decimals, places) for one in instruments], fees.rate_most())


def _units(one: Instrument, decimals: Mapping[str, int], places: Mapping[str, int]) -> tuple[int, ...]:
    """One instrument, as `Units` of `balances.pxd` has it."""
    notional, quote = one.price_decimals + one.size_decimals, decimals[one.quote]
    return (
        places[one.base], places[one.quote], 10**notional, 10 ** (quote - notional), 10 ** (quote - FEE_DECIMALS),
        10 ** (decimals[one.base] - one.size_decimals),
    )  # fmt: skip


def at_end(accounts: Sequence[Balances], instruments: Sequence[Instrument]) -> dict[str, Balance]:
    """What the accounts have of each asset, together; empty without accounts."""
    if not accounts:
        return {}
    found: dict[str, Balance] = {}
    columns = zip(*(account.amounts_of() for account in accounts), strict=True)
    for (asset, decimals), amounts in zip(decimals_of(instruments).items(), columns, strict=True):
        free, locked = (sum(numbers) for numbers in zip(*amounts, strict=True))
        found[asset] = Balance(Decimal(f"{free}e-{decimals}"), Decimal(f"{locked}e-{decimals}"))
    return found

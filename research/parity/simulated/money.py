"""Exact sums of money: whole numbers of 10^-40 of a currency, so that differences add up to the last digit."""

from collections.abc import Iterable
from decimal import Decimal

from engine.model.instrument import Instrument
from engine.model.records import FEE_DECIMALS
from research.simulate.models import RATE_DECIMALS

DECIMALS = 40
UNIT: int = 10**DECIMALS
FEE_UNIT: int = 10 ** (DECIMALS - FEE_DECIMALS)


def of_trade(one: Instrument, side: int, price: int, size: int, middle2: int) -> int:
    """What a fill has earned when the instrument is at this middle; `middle2` is twice of it."""
    unit: int = 10 ** (DECIMALS - one.price_decimals - one.size_decimals)
    return side * size * (middle2 - 2 * price) * unit // 2


def fee_at(one: Instrument, rate: Decimal, price: int, size: int) -> int:
    """The fee of a fill at a rate: at 8 decimals of the quote currency, rounded up as the simulation does."""
    exact = int(rate.scaleb(RATE_DECIMALS)) * price * size
    scale: int = 10 ** (RATE_DECIMALS + one.price_decimals + one.size_decimals - FEE_DECIMALS)
    return -(-exact // scale) * FEE_UNIT


def fee_in_quote(one: Instrument, fee: int, price: int) -> int:
    """A fee that was charged in the base currency, at the price of its fill and at 8 decimals, halves rounded up."""
    scale: int = 10**one.price_decimals
    return (2 * fee * price + scale) // (2 * scale) * FEE_UNIT


def text(amount: int) -> str:
    """An amount as decimal text, with every digit, and a sign before a gain."""
    whole, rest = divmod(abs(amount), UNIT)
    decimals = f"{rest:0{DECIMALS}}".rstrip("0").ljust(2, "0")
    sign = "-" if amount < 0 else "+" if amount > 0 else ""
    return f"{sign}{whole}.{decimals}"


def middle(values: Iterable[int]) -> int:
    """The median of whole numbers, the lower one of two; 0 without any."""
    found = sorted(values)
    return found[(len(found) - 1) // 2] if found else 0

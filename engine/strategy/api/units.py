"""Exact prices and sizes for a strategy: decimal text or a Decimal in, fixed point out.

`price_of`, `size_of` read every digit; `price_down`, `price_up`, `size_down` put a fixed-point number on the steps.
"""

from decimal import Decimal

from engine.model.fixed import to_fixed
from engine.model.instrument import Instrument


def price_of(instrument: Instrument, text: str | Decimal) -> int:
    """Read a price written as decimal text."""
    return to_fixed(digits("price", text), instrument.price_decimals)


def size_of(instrument: Instrument, text: str | Decimal) -> int:
    """Read a size written as decimal text."""
    return to_fixed(digits("size", text), instrument.size_decimals)


def price_down(instrument: Instrument, price: int) -> int:
    """The nearest price on the instrument's steps at or below this one."""
    return price - price % instrument.price_step


def price_up(instrument: Instrument, price: int) -> int:
    """The nearest price on the instrument's steps at or above this one."""
    return price + -price % instrument.price_step


def size_down(instrument: Instrument, size: int) -> int:
    """The nearest size on the instrument's steps at or below this one; 0 when it is below the minimum."""
    stepped = size - size % instrument.size_step
    return stepped if stepped >= instrument.size_min else 0


def orderable(instrument: Instrument, size: int, price: int) -> int:
    """The size of an order at this price, rounded down to a step; 0 when it is too small for the venue."""
    stepped = size_down(instrument, size)
    return stepped if stepped * price >= instrument.notional_min else 0


def size_for(instrument: Instrument, notional: str | Decimal, price: int) -> int:
    """The size that `notional` of the quote currency buys at a price, rounded down to a size that the venue accepts."""
    return size_down(
        instrument,
        to_fixed(digits("notional", notional), instrument.price_decimals + instrument.size_decimals) // price,
    )


def digits(what: str, text: object) -> str:
    """The digits of an amount; a float is refused, because its digits differ from the written ones."""
    if isinstance(text, str | Decimal):
        return str(text)
    msg = f"{what}: found {text!r} ({type(text).__name__}), expected decimal text like '0.001', or a Decimal"
    raise TypeError(msg)

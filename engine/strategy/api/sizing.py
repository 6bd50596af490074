"""Sizes for a strategy, computed before risk checks the order. Each is rounded down to what the venue accepts.

    fixed_fraction         capital * fraction / price
    kelly                  capital * min(most, share * (p - (1 - p) / b)) / price
                           p: the share of the trades that won, b: the mean win / the mean loss
    volatility_scaled      capital * min(most, target / the standard deviation of the returns) / price
    value_at_risk_capped   min(size, capital * most / (q * price)), q: the loss that at most 5 % of the returns exceed
    exposed                size * exposure, of a model that knows how far to trust itself

Capital is in the quote asset; it and the shares are decimal text or a Decimal. A share that is out of its bounds is a
ValueError. What only the market or the past can give may be missing: without a price, capital, enough data, or with a
number that is not finite among them, the size is 0. A negative edge is 0 too.
"""

import math
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from engine.model.instrument import Instrument
from engine.risk.var import TAIL, exceeded_by_few
from engine.strategy.api.units import digits, size_down

TRADES_LEAST = 30  # fewer are too few to estimate how often one wins
RETURNS_LEAST = TAIL  # fewer have no 5 %
Amount = str | Decimal


def fixed_fraction(instrument: Instrument, capital: Amount, fraction: Amount, price: int) -> int:
    """The size that this fraction of the capital buys."""
    return _size(instrument, capital, _share("fraction", fraction), price)


def kelly(
    instrument: Instrument, capital: Amount, profits: Sequence[float], price: int, share: Amount, most: Amount
) -> int:  # fmt: skip
    """This share of the size that grows the capital fastest, if trades go on as these did; at most `most` of it.

    `profits` are those of closed trades, each as a share of what the trade could lose; a trade without profit or loss
    does not count.
    """
    part, top = _share("share", share), _share("most", most)
    if not _known(profits, TRADES_LEAST):
        return 0
    wins, losses = [one for one in profits if one > 0], [-one for one in profits if one < 0]
    if not wins:
        return 0
    won = Fraction(len(wins), len(wins) + len(losses))
    ratio = _mean(losses) / _mean(wins) if losses else Fraction(0)
    return _size(instrument, capital, min(top, part * (won - (1 - won) * ratio)), price)


def volatility_scaled(
    instrument: Instrument, capital: Amount, returns: Sequence[float], price: int, target: Amount, most: Amount
) -> int:  # fmt: skip
    """The size whose value deviates by the target share of the capital in one period of the returns; at most `most`."""
    aim, top = _share("target", target), _share("most", most)
    if not _known(returns, RETURNS_LEAST):
        return 0
    mean = _mean(returns)
    deviation = math.sqrt(sum((_exact(one) - mean) ** 2 for one in returns) / (len(returns) - 1))
    return _size(instrument, capital, min(top, aim / Fraction(deviation)) if deviation else top, price)


def value_at_risk_capped(
    instrument: Instrument, size: int, side: int, capital: Amount, returns: Sequence[float], price: int, most: Amount
) -> int:
    """The size, or the largest that loses over `most` of the capital in at most 5 % of the periods of the returns."""
    top = _share("most", most)
    if price <= 0 or size <= 0 or _finite(capital) <= 0 or not _known(returns, RETURNS_LEAST):
        return 0
    loss = exceeded_by_few([-side * _exact(one) for one in returns])
    allowed = _size(instrument, capital, top / loss, price) if loss > 0 else size
    return size_down(instrument, min(size, allowed))


def exposed(instrument: Instrument, size: int, exposure: float) -> int:
    """The part of a size that an exposure from 0 to 1 allows; 0 where the exposure is unknown."""
    if math.isnan(exposure) or size <= 0:
        return 0
    if not 0 <= exposure <= 1:
        raise ValueError(f"exposure: expected a number from 0 to 1, was {exposure!r}")
    return size_down(instrument, math.floor(size * Fraction(exposure)))


def _size(instrument: Instrument, capital: Amount, fraction: Fraction, price: int) -> int:
    """What a fraction of the capital buys; 0 for what is missing or negative."""
    money = _finite(capital) * fraction
    if price <= 0 or money <= 0:
        return 0
    unit = 10 ** (instrument.price_decimals + instrument.size_decimals)
    size = size_down(instrument, math.floor(money * unit / price))
    return min(size, instrument.size_max) if instrument.size_max else size


def _share(name: str, value: Amount) -> Fraction:
    """A setting over 0 and at most 1."""
    share = _finite(value)
    if not 0 < share <= 1:
        raise ValueError(f"{name}: expected a number over 0 and at most 1, was {value!r}")
    return share


def _finite(value: Amount) -> Fraction:
    """The exact number; 0 for one that is not finite."""
    try:
        number = Decimal(digits("amount", value))
    except InvalidOperation as error:
        raise ValueError(f"amount: expected decimal text like '0.1', was {value!r}") from error
    return Fraction(number) if number.is_finite() else Fraction(0)


def _known(numbers: Sequence[float], least: int) -> bool:
    """Whether there are enough numbers, and all are finite."""
    return len(numbers) >= least and all(math.isfinite(one) for one in numbers)


def _mean(numbers: Sequence[float]) -> Fraction:
    return sum(map(_exact, numbers), Fraction(0)) / len(numbers)


def _exact(number: float) -> Fraction:
    """The number as it is written, so that 0.05 is a twentieth."""
    return Fraction(str(float(number)))

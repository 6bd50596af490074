"""Indicators over a whole history by one call; docs/indicators.md has all of them."""

from engine.indicators import Sma
from engine.indicators.definition import Column, Floats


def calculate_sma(prices: Column, window: int) -> Floats:
    """The mean of the last `window` prices after each price; NaN before there are so many, and after a missing one."""
    return Sma(window).over(prices)

"""The margin of derivatives, by the monitor's own code: floats, and a walk along the price instead of a formula.

    initial        notional / the leverage that is set, or that the bracket allows where it is less
    maintenance    rate * notional - amount, of the notional's bracket
    liquidation    the nearest price at which the equity is the maintenance margin of every position

Between two prices at which the notional enters another bracket both sides are straight lines, so the price is exact.
Only the venue's list of brackets is shared with risk (`engine/venues/margin.py`).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from engine.venues.margin import Bracket

UNKNOWN = math.nan


class Step(NamedTuple):
    """A bracket in floats."""

    floor: float
    rate: float
    amount: float
    leverage: int


class Margin:
    """The brackets of one account's derivatives."""

    def __init__(self, brackets: Mapping[int, Sequence[Bracket]]) -> None:
        """`brackets`: by instrument; any other instrument binds its whole value."""
        self._steps = {
            number: [Step(float(one.floor), float(one.rate), float(one.amount), one.leverage) for one in found]
            for number, found in brackets.items()
        }

    def initial(self, number: int, notional: float, leverage: int) -> float:
        """What a position binds at the leverage that is set."""
        steps = self._steps.get(number)
        return notional if steps is None else notional / min(leverage, _step(steps, notional).leverage)

    def maintenance(self, number: int, notional: float) -> float:
        """What a position needs so that it is not liquidated."""
        steps = self._steps.get(number)
        if steps is None:
            return notional
        step = _step(steps, notional)
        return step.rate * notional - step.amount

    def liquidation(self, number: int, held: float, price: float, free: float) -> float:
        """The price of the position's liquidation; nan: there is none, or it is no derivative.

        `free`: the equity less the maintenance margin of every other position.
        """
        steps = self._steps.get(number)
        if steps is None or not held or math.isnan(price + free):
            return UNKNOWN

        def left(at: float) -> float:
            return free + held * (at - price) - self.maintenance(number, abs(held) * at)

        near, far = price, price
        for far in _stops(steps, abs(held), price, up=held < 0):
            if left(far) <= 0:
                break
            near = far
        if left(near) <= 0:
            return near
        if held > 0 and near == far:  # it is not liquidated at a price of 0
            return UNKNOWN
        beyond = far if far != near else near * 2  # after the last bracket the line goes on
        slope = (left(beyond) - left(near)) / (beyond - near)
        return near - left(near) / slope


def distance(price: float, liquidation: float) -> float:
    """How far the liquidation is, as a share of the price; nan where there is none."""
    return abs(price - liquidation) / price if price > 0 else UNKNOWN


def _step(steps: Sequence[Step], notional: float) -> Step:
    """The bracket of a notional."""
    return next(step for step in reversed(steps) if notional > step.floor or not step.floor)


def _stops(steps: Sequence[Step], size: float, price: float, *, up: bool) -> Iterator[float]:
    """The prices at which the position enters another bracket, from this one on; down to 0, upwards to the last."""
    bounds = [step.floor / size for step in steps]
    yield from (one for one in bounds if one > price) if up else (one for one in reversed(bounds) if one < price)

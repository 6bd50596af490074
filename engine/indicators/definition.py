"""What an indicator is, in one value: its name, inputs, parameters, outputs and formula.

A class of indicators has its Definition as the class attribute `definition`. Names, documents, bounds of parameters and
the warm-up all follow from it.

    name "macd" ── outputs "macd", "macd_signal", "macd_histogram" ── a name such as "macd_signal_12_26_9" makes one
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

WINDOW_MAX = 10_000_000  # rows: 80 MB for one indicator
Number = int | float
Floats = np.ndarray[Any, np.dtype[np.float64]]
Column = np.ndarray[Any, np.dtype[Any]] | Sequence[float]


class Kind(StrEnum):
    """The records that feed an indicator."""

    PRICE = "price"  # one number for each event: the middle of a book, the price of a print, the close of a bar
    BAR = "bar"
    BOOK = "book"
    PRINT = "print"


class Missing(StrEnum):
    """The effect of a row in which a number is missing (NaN, infinite, or beyond 1e100)."""

    RESTART = "restart"  # the value is NaN, and the warm-up begins again: later values depend on later rows only
    SKIP = "skip"  # the value of this row is NaN, and the sum continues after it
    ACCEPT = "accept"  # the indicator itself reads the row: a book may have fewer levels


@dataclass(frozen=True)
class Parameter:
    """A number that shapes an indicator, with its bounds."""

    name: str
    default: Number
    low: Number
    high: Number = WINDOW_MAX
    whole: bool = True

    def checked(self, indicator: str, value: Number) -> Number:
        """The value as this parameter stores it, or an error that names the value and the bounds."""
        kind = "a whole number" if self.whole else "a number"
        good = isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high
        if not good or (self.whole and value != int(value)):
            raise ValueError(f"{indicator}: {self.name} is {value!r}; expected {kind} from {self.low} to {self.high}")
        return int(value) if self.whole else float(value)


WINDOW = Parameter("window", 20, 1)
Parameters = Mapping[str, Number]


@dataclass(frozen=True)
class Definition:
    """The definition of an indicator. `first_row` computes from the parameters the row that has the first value."""

    name: str
    title: str
    kind: Kind
    inputs: tuple[str, ...] | Callable[[Parameters], tuple[str, ...]]
    formula: str
    first_row: Callable[[Parameters], int]
    parameters: tuple[Parameter, ...] = ()
    outputs: tuple[str, ...] = ()  # the first one is the value; without any it is the name
    missing: Missing = Missing.RESTART
    talib: str = "no such function"

    @property
    def names(self) -> tuple[str, ...]:
        """The outputs by name, the value first."""
        return self.outputs or (self.name,)

    def columns(self, parameters: Parameters) -> tuple[str, ...]:
        """The columns of a row, in the order of `update`."""
        return self.inputs(parameters) if callable(self.inputs) else self.inputs

    def settle(self, values: tuple[Number, ...], named: Parameters) -> dict[str, Number]:
        """Every parameter with its value: given by position, by name, or the default."""
        known = [one.name for one in self.parameters]
        given = dict(zip(known, values, strict=False)) | dict(named)
        if len(values) > len(known) or len(given) < len(values) + len(named) or not set(given) <= set(known):
            found = ", ".join([*map(str, values), *(f"{name}={value}" for name, value in named.items())])
            raise ValueError(f"{self.name}({found}): expected at most the parameters {', '.join(known) or '(none)'}")
        return {one.name: one.checked(self.name, given.get(one.name, one.default)) for one in self.parameters}


UNDEFINED = Definition("undefined", "an indicator without a definition", Kind.PRICE, (), "", lambda _: 1)

"""Declares an indicator of bars as an attribute of a strategy's class.

    class Cross(Strategy):
        fast = sma(5, bars="1m")                 numbers and a length
        slow = sma("slow", bars="interval_ms")   or the names of parameters: a length in milliseconds, or like "1m"

    self.fast[instrument].value, self.fast[instrument].ready        of each instrument; self.fast.value with only one

Every closed bar of this length updates the indicator before `on_bar` is called. Prices and volumes are the bar's whole
numbers, in the instrument's decimals.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

from engine.indicators import (
    Atr,
    Bollinger,
    Ema,
    Indicator,
    Macd,
    Obv,
    RealisedVolatility,
    Rsi,
    Sma,
    Stochastic,
    VolumeRatio,
    Wma,
)

if TYPE_CHECKING:
    from engine.strategy.inputs.values import Values

LENGTH = re.compile(r"([1-9]\d*)([smhd])")
SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
S, MS = 1_000_000_000, 1_000_000
Number = int | float | str  # a number, or the name of a parameter


class Input:
    """One declared indicator."""

    def __init__(self, kind: type[Indicator], numbers: tuple[Number, ...], bars: str, output: str | None) -> None:
        """`numbers` are the indicator's parameters in their order, `bars` the length of its bars."""
        if not isinstance(bars, str):
            raise TypeError(f'bars is {bars!r}, expected a length like "1m", or the name of a parameter')
        self.kind, self.numbers, self.bars, self.output, self.name = kind, numbers, bars, output, ""
        known = [one for one in numbers if not isinstance(one, str)]
        if len(known) == len(numbers):
            kind(*known, output=output)  # a wrong number is an error where it is written

    def __set_name__(self, owner: type, name: str) -> None:
        """Python calls this when the class is made."""
        self.name = name

    @overload
    def __get__(self, strategy: None, owner: type) -> "Input": ...
    @overload
    def __get__(self, strategy: object, owner: type) -> "Values": ...
    def __get__(self, strategy: Any, owner: type) -> Any:
        """The values of a strategy; of a class the declaration."""
        from engine.strategy.inputs.values import inputs_of  # noqa: PLC0415 - it imports this

        return self if strategy is None else inputs_of(strategy).values[self.name]

    def __set__(self, strategy: object, value: object) -> None:
        """Refuse to replace the values, which the engine updates."""
        msg = f"{type(strategy).__name__}: self.{self.name} is a declared indicator: choose another name for {value!r}"
        raise AttributeError(msg)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters of the strategy that it reads."""
        named = [one for one in self.numbers if isinstance(one, str)]
        return (*named, self.bars) if not LENGTH.fullmatch(self.bars) else tuple(named)

    def make(self, parameters: Any) -> Indicator:
        """A new indicator, with the parameters that are set now."""
        numbers = [self._read(parameters, one) if isinstance(one, str) else one for one in self.numbers]
        return self.kind(*numbers, output=self.output)

    def interval_ns(self, parameters: Any) -> int:
        """The length of its bars."""
        text = self.bars if LENGTH.fullmatch(self.bars) else self._read(parameters, self.bars)
        if isinstance(text, int) and not isinstance(text, bool) and text > 0:
            return text * MS
        if not isinstance(text, str) or not LENGTH.fullmatch(text):
            raise ValueError(
                f'{self.name}: the length of its bars is {text!r}, expected one like "1m", or milliseconds'
            )
        return length_ns(text)

    def _read(self, parameters: Any, name: str) -> Any:
        """The value of a parameter of the strategy."""
        if not hasattr(parameters, name):
            known = ", ".join(getattr(parameters, "__struct_fields__", ())) or "none"
            raise ValueError(f"{self.name}: no parameter {name!r}, expected one of: {known}")
        return getattr(parameters, name)


def length_ns(text: str) -> int:
    """The length of "1m" in nanoseconds."""
    return int(text[:-1]) * SECONDS[text[-1]] * S


def inputs_declared(kind: type) -> dict[str, Input]:
    """The declared indicators of a class and its bases, by name."""
    found = {name: one for base in reversed(kind.__mro__) for name, one in vars(base).items()}
    return {name: one for name, one in found.items() if isinstance(one, Input)}


def _of(kind: type[Indicator]) -> Callable[..., Any]:
    """The function that declares one kind of indicator."""
    known = [one.name for one in kind.definition.parameters]

    def declare(*numbers: Number, bars: str, output: str | None = None, **named: Number) -> Any:
        unknown = [name for name in named if name not in known[len(numbers) :]]
        if unknown or len(numbers) > len(known):
            found = unknown[0] if unknown else numbers[-1]
            raise TypeError(f"{kind.definition.name}: no parameter for {found!r}, expected at most {', '.join(known)}")
        given = dict(zip(known, numbers, strict=False)) | named
        every = {one.name: given.get(one.name, one.default) for one in kind.definition.parameters}
        return Input(kind, tuple(every.values()), bars, output)

    declare.__doc__ = f"Declare the {kind.definition.title} of bars; parameters: {', '.join(known) or 'none'}."
    return declare


sma, ema, wma, rsi, macd = _of(Sma), _of(Ema), _of(Wma), _of(Rsi), _of(Macd)
bollinger, stochastic, atr = _of(Bollinger), _of(Stochastic), _of(Atr)
obv, volume_ratio, realised_volatility = _of(Obv), _of(VolumeRatio), _of(RealisedVolatility)

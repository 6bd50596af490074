"""The trials of a sweep: every combination of a grid, or draws at random.

    half_width_steps = [1, 2, 3]                          these values
    entry = {from = 0.5, to = 0.9, step = 0.1}            both ends, in steps
    half_life = {from = 5, to = 500, log = true}          random only: between both ends, evenly or by the logarithm

Trial n of a random search depends on the seed and n alone, so no order of running changes it.
"""

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import product
from typing import Any

import msgspec
import numpy as np

from engine.config.nearest import did_you_mean
from research.experiment.description import Kind
from research.simulate.trading.client import Client

TRIALS_MOST = 1_000_000
SEARCHES = ("grid", "random")


class Range(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"begin": "from", "end": "to"}):
    """Numbers between two ends, both included."""

    begin: int | float
    end: int | float
    step: int | float = 0
    log: bool = False

    def __post_init__(self) -> None:
        """Refuse ends and steps that leave no number."""
        if not (math.isfinite(self.begin) and math.isfinite(self.end)) or self.end < self.begin or self.step < 0:
            raise ValueError(f"from {self.begin} to {self.end} step {self.step}: expected from <= to and step > 0")
        if self.log and (self.begin <= 0 or self.step):
            raise ValueError(f"log needs from > 0 and no step, found from {self.begin}, step {self.step}")

    @property
    def whole(self) -> bool:
        """Whether its numbers are integers."""
        return isinstance(self.begin, int) and isinstance(self.end, int) and isinstance(self.step, int)

    def values(self) -> list[int | float]:
        """Its numbers in steps; exact in decimals, so 0.1 three times is 0.3."""
        first, last, step = (Decimal(str(one)) for one in (self.begin, self.end, self.step))
        count = int((last - first) / step) + 1
        if count > TRIALS_MOST:
            raise ValueError(f"from {self.begin} to {self.end} step {self.step}: has {count} values")
        kind = int if self.whole else float
        return [kind(first + place * step) for place in range(count)]

    def some(self) -> list[int | float]:
        """Its ends, and with a step its second number: whole ends may have halves between them."""
        return [self.begin, *(self.values()[1:2] if self.step else ()), self.end]

    def draw(self, random: np.random.Generator) -> int | float:
        """One number at random."""
        if self.step:
            found = self.values()
            return found[int(random.integers(len(found)))]
        if self.log:
            drawn = math.exp(random.uniform(math.log(self.begin), math.log(self.end)))
            return min(max(round(drawn), int(self.begin)), int(self.end)) if self.whole else drawn
        return int(random.integers(int(self.begin), int(self.end) + 1)) if self.whole else random.uniform(
            self.begin, self.end
        )  # fmt: skip


Axis = list[Any] | Range


def axes_of(space: Mapping[str, Any], search: str) -> dict[str, Axis]:
    """The axes of a space; what leaves no value is refused by name."""
    if search not in SEARCHES:
        raise ValueError(f"search: found {search!r}, expected one of {', '.join(SEARCHES)}")
    if not space:
        raise ValueError("space: found no parameter, expected at least one with its values")
    return {name: _axis(name, found, search) for name, found in space.items()}


def _axis(name: str, found: Any, search: str) -> Axis:
    """The values of one parameter."""
    if isinstance(found, (list, tuple)) and len(found):
        return list(found)
    try:
        axis = found if isinstance(found, Range) else msgspec.convert(found, Range)
    except (msgspec.ValidationError, ValueError) as error:
        raise ValueError(
            f"space.{name}: found {found!r}: {error}; expected a list of values or {{from, to, step}}"
        ) from error
    if search == "grid" and not axis.step:
        raise ValueError(f"space.{name}: a grid needs `step` between {axis.begin} and {axis.end}")
    return axis


def count_of(axes: Mapping[str, Axis], search: str, trials: int) -> int:
    """How many trials there are."""
    sizes = [len(one.values()) if isinstance(one, Range) else len(one) for one in axes.values()] if (
        search == "grid"
    ) else [trials]  # fmt: skip
    count = math.prod(sizes)
    if search == "grid" and trials:
        raise ValueError(f"trials: found {trials}, but a grid runs each of its {count} combinations: remove the key")
    if not 0 < count <= TRIALS_MOST:
        raise ValueError(f"trials: found {count}, expected 1 to {TRIALS_MOST}")
    return count


def points_of(axes: Mapping[str, Axis], search: str, count: int, seed: int) -> Iterator[dict[str, Any]]:
    """The parameters of each trial, in the order of their numbers."""
    if search == "grid":
        values = [one.values() if isinstance(one, Range) else one for one in axes.values()]
        yield from (dict(zip(axes, one, strict=True)) for one in product(*values))
        return
    for number in range(count):
        random = np.random.default_rng([seed, number])
        yield {name: _drawn(one, random) for name, one in axes.items()}


def _drawn(axis: Axis, random: np.random.Generator) -> Any:
    """One value of an axis at random."""
    return axis.draw(random) if isinstance(axis, Range) else axis[int(random.integers(len(axis)))]


def check_bounds(kind: Kind, fixed: Mapping[str, Any], axes: Mapping[str, Axis]) -> None:
    """Refuse a parameter that the strategy does not declare, and a value outside its declared bounds."""
    if issubclass(kind, Client):
        return
    fields = {one.encode_name: one for one in msgspec.structs.fields(kind.Parameters)}
    for name in [*fixed, *axes]:
        if name not in fields:
            hint = did_you_mean(name, list(fields))
            known = ", ".join(fields) or "none"
            raise ValueError(f"{kind.__name__} has no parameter `{name}`: {hint}expected one of: {known}")
    needed = [name for name, one in fields.items() if one.required and name not in fixed and name not in axes]
    if needed:
        raise ValueError(f"{kind.__name__}: parameter `{needed[0]}` has no value: give it in `parameters` or `space`")
    for name, axis in {**{name: [one] for name, one in fixed.items()}, **axes}.items():
        for value in axis.some() if isinstance(axis, Range) else axis:
            _check_value(kind, fields[name].type, name, value)


def _check_value(kind: Kind, hint: Any, name: str, value: Any) -> None:
    """Refuse one value outside the declared type and bounds."""
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        raise ValueError(f"{kind.__name__}: parameter `{name}` = {value!r} is refused: {error}") from error

"""The declared indicators of one strategy: one for each instrument, updated by closed bars, saved and loaded as bytes.

BARS ─▶ Inputs.add ─▶ every indicator of this instrument and length ─▶ on_bar
"""

import logging
from collections.abc import Iterator
from typing import Any

from engine.indicators import Indicator
from engine.model.instrument import Instrument
from engine.strategy.inputs.declaration import Input, inputs_declared

LOG = logging.getLogger("engine.strategy")
KEPT = "__inputs__"  # where a strategy's object has them
HALF = 2.0**64


class Values:
    """One declared indicator: its values by instrument."""

    def __init__(self, name: str, by_instrument: dict[int, Indicator]) -> None:
        """One indicator for each instrument's number."""
        self._name, self._by_instrument = name, by_instrument

    def __getitem__(self, instrument: Instrument | int) -> Indicator:
        """The indicator of an instrument, or of its id."""
        return self._by_instrument[instrument if isinstance(instrument, int) else instrument.id]

    def __iter__(self) -> Iterator[Indicator]:
        """The indicator of each instrument."""
        return iter(self._by_instrument.values())

    @property
    def value(self) -> float:
        """The value of the only instrument; NaN until it is ready."""
        return float(self._only.value)

    @property
    def ready(self) -> bool:
        """Whether the value of the only instrument is a number: it has had all its bars."""
        return bool(self._only.ready)

    @property
    def _only(self) -> Indicator:
        if len(self._by_instrument) != 1:
            count = len(self._by_instrument)
            raise ValueError(f"self.{self._name} has values of {count} instruments: use self.{self._name}[instrument]")
        return next(iter(self._by_instrument.values()))


class Inputs:
    """Every declared indicator of one strategy."""

    def __init__(self, strategy: Any) -> None:
        """Make them with the strategy's parameters of now; none has a value yet."""
        self._strategy, self._declared = strategy, inputs_declared(type(strategy))
        self.values: dict[str, Values] = {}
        self._of_bar: dict[tuple[int, int], list[Indicator]] = {}  # by instrument and length
        self._saved: dict[str, list[bytes]] | None = None
        for name, one in self._declared.items():
            self._make(name, one)

    def __bool__(self) -> bool:
        """Whether the class declares any."""
        return bool(self._declared)

    @property
    def intervals(self) -> dict[str, int]:
        """The length of the bars of each, by name."""
        return {name: one.interval_ns(self._strategy.parameters) for name, one in self._declared.items()}

    def _make(self, name: str, one: Input) -> None:
        """Make an indicator for each instrument."""
        parameters = self._strategy.parameters
        made = {number: one.make(parameters) for number in self._strategy.instruments}
        self.values[name] = Values(name, made)
        for number, indicator in made.items():
            self._of_bar.setdefault((number, one.interval_ns(parameters)), []).append(indicator)

    def add(self, bar: Any) -> None:
        """Update the indicators of a bar's instrument and length."""
        found = self._of_bar.get((bar.instrument, bar.interval_ns))
        if not found or not bar.close:
            return
        self._saved = None
        for indicator in found:
            indicator.update(*(_number(bar, name) for name in indicator.inputs))

    def reset(self) -> None:
        """Begin again: bars were lost, and a value over a gap is of another time."""
        self._saved = None
        for values in self.values.values():
            for indicator in values:
                indicator.reset()

    def follow(self, changed: tuple[str, ...]) -> None:
        """Begin those again that read one of these parameters, with its new value."""
        same = [name for name, one in self._declared.items() if not {*one.parameters} & {*changed}]
        kept = {name: self.save()[name] for name in same}
        if len(kept) < len(self._declared):
            self._of_bar.clear()
            for name, one in self._declared.items():
                self._make(name, one)
            self.load(kept)

    def save(self) -> dict[str, list[bytes]]:
        """The state of each, by name."""
        if self._saved is None:
            self._saved = {name: [one.save() for one in values] for name, values in self.values.items()}
        return self._saved

    def load(self, saved: dict[str, list[bytes]]) -> None:
        """Continue from a saved state; from none where it is of other parameters."""
        self._saved = None
        for name, states in saved.items():
            try:
                for indicator, state in zip(self.values[name], states, strict=True):
                    indicator.load(state)
            except ValueError as error:
                LOG.warning("the declared indicators begin without a state: %s", error)
                self.reset()
                return


def _number(bar: Any, name: str) -> float:
    """What an indicator reads of a bar."""
    if name == "volume":
        return float(bar.volume_high * HALF + bar.volume_low)
    return float(bar.close if name == "price" else getattr(bar, name))


def begin_inputs(strategy: Any) -> Inputs:
    """New inputs for a strategy, with its parameters of now."""
    found = Inputs(strategy)
    strategy.__dict__[KEPT] = found
    return found


def inputs_of(strategy: Any) -> Inputs:
    """The inputs of a strategy."""
    found: Inputs | None = strategy.__dict__.get(KEPT)
    return begin_inputs(strategy) if found is None else found

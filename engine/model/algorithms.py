"""The registry of execution algorithms: the number that records carry, the name and the parameters that people use.

An algorithm is one line of `REGISTRY` and one file in `engine/execution/algorithms/`, whose class `kind` names.
A strategy names an algorithm and its parameters in words (`place(..., algorithm="chase", parameters={...})`); the
INTENT record carries numbers; execution makes the class's own `Parameters` of them. A parameter is an integer, and 0 is
its default. A number is never given to another algorithm: journals carry it.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from engine.model.records import PARAMETERS


class Registered(NamedTuple):
    """One algorithm."""

    number: int
    name: str
    kind: str  # its class: module:name
    parameters: tuple[str, ...]  # in the order in which records carry them
    waits: bool = False  # it may begin without a child
    closes: bool = False  # it begins by cancelling the strategy's older orders in its instrument


ROOM = "engine.execution.algorithms"
REGISTRY: list[Registered] = [
    Registered(1, "chase", f"{ROOM}.chase:Chase", ("interval_ms", "rejects", "hold_imbalance_ppm", "cross_ms")),
    Registered(2, "twap", f"{ROOM}.twap:Twap", ("duration_ms", "slices", "patience_pct")),
    Registered(3, "iceberg", f"{ROOM}.iceberg:Iceberg", ("display",)),
    Registered(4, "pegged", f"{ROOM}.pegged:Pegged", ("reference", "offset_bps", "timeout_ms", "interval_ms")),
    Registered(5, "protected", f"{ROOM}.protected:Protected", ("slippage_bps", "timeout_ms")),
    Registered(6, "improve", f"{ROOM}.improve:Improve", ("interval_ms", "rejects", "hold_imbalance_ppm", "cross_ms")),
    Registered(7, "pov", f"{ROOM}.pov:Pov", ("participation_pct", "duration_ms")),
    Registered(8, "vwap", f"{ROOM}.vwap:Vwap", ("duration_ms", "slices", "patience_pct")),
    Registered(
        9, "adaptive_twap", f"{ROOM}.adaptive:Adaptive", ("duration_ms", "slices", "patience_pct", "imbalance_ppm")
    ),
    Registered(10, "close", f"{ROOM}.close:Close", ("slippage_bps", "slice", "timeout_ms"), waits=True, closes=True),
]


def by_number(number: int) -> Registered | None:
    """The algorithm that a record means; None when the number is not registered."""
    return next((one for one in REGISTRY if one.number == number), None)


def waits(number: int) -> bool:
    """Whether an algorithm may begin without a child."""
    one = by_number(number)
    return one is not None and one.waits


def closes(number: int) -> bool:
    """Whether an algorithm begins by cancelling the strategy's older orders in its instrument."""
    one = by_number(number)
    return one is not None and one.closes


def name_of(number: int) -> str:
    """An algorithm's name; its number as text when it is not registered, empty for 0."""
    one = by_number(number)
    return one.name if one is not None else str(number or "")


def known() -> str:
    """Every registered algorithm, for an error text."""
    return ", ".join(f"{one.number} {one.name}" for one in REGISTRY)


def encode(name: str, parameters: Mapping[str, int]) -> tuple[int, tuple[int, ...]]:
    """The number of an algorithm and its parameters as a record carries them; a wrong name is an error."""
    one = next((one for one in REGISTRY if one.name == name), None)
    if one is None:
        msg = f"algorithm: found {name!r}, expected one of: {_names(one.name for one in REGISTRY)}"
        raise ValueError(msg)
    for unknown in parameters.keys() - set(one.parameters):
        msg = f"parameters of {name}: found {unknown!r}, expected some of: {_names(one.parameters)}"
        raise ValueError(msg)
    numbers = tuple(parameters.get(parameter, 0) for parameter in one.parameters)
    return one.number, numbers + (0,) * (PARAMETERS - len(numbers))


def place_of(number: int, index: int) -> int:
    """One number for a parameter of an algorithm: what the refusal of a wrong one carries."""
    return number * PARAMETERS + index


def parameter_name(place: int) -> str:
    """The algorithm and the name of a parameter; its index where the algorithm has no such parameter."""
    number, index = divmod(place, PARAMETERS)
    one = by_number(number)
    names = () if one is None else one.parameters
    return f"{name_of(number)}: {names[index] if index < len(names) else f'parameter {index}'}"


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)

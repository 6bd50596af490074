"""The registry of execution algorithms: the number that records carry, the name and the parameters that people use.

An algorithm is one line of `REGISTRY` and one file in `engine/execution/algorithms/`, whose class `kind` names.
A strategy names an algorithm and its parameters in words (`place(..., algorithm="chase", parameters={...})`); the
INTENT record carries numbers; execution makes the class's own `Parameters` of them. A parameter is an integer, and 0 is
its default where its range has 0. A number is never given to another algorithm: journals carry it.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from engine.model.fixed import INT64_MAX
from engine.model.records import PARAMETERS


class Parameter(NamedTuple):
    """One parameter of an algorithm, with its range; the class of the algorithm has the same."""

    name: str
    least: int
    most: int


class Registered(NamedTuple):
    """One algorithm."""

    number: int
    name: str
    kind: str  # its class: module:name; empty for one that no execution works
    parameters: tuple[Parameter, ...]  # in the order in which records carry them
    waits: bool = False  # it may begin without a child
    closes: bool = False  # it begins by cancelling the strategy's older orders in its instrument


ROOM = "engine.execution.algorithms"
DAY_MS = 86_400_000
COUNT = 1_000_000
CHASE = (
    Parameter("interval_ms", 0, COUNT), Parameter("rejects", 0, COUNT), Parameter("hold_imbalance_ppm", 0, COUNT),
    Parameter("cross_ms", 0, DAY_MS),
)  # fmt: skip
SCHEDULE = (
    Parameter("duration_ms", 1, 7 * DAY_MS), Parameter("slices", 1, 2_000), Parameter("patience_pct", 0, 90),
)  # fmt: skip
SLIPPAGE = Parameter("slippage_bps", 0, 1_000)
TRIGGER = Parameter("trigger", 0, 2)
ROUTE = 11  # worked by the router, over accounts: a strategy submits it to the router's lane
STOP, TARGET = Parameter("stop_price", 1, INT64_MAX), Parameter("target_price", 1, INT64_MAX)
REGISTRY: list[Registered] = [
    Registered(1, "chase", f"{ROOM}.chase:Chase", CHASE),
    Registered(2, "twap", f"{ROOM}.twap:Twap", SCHEDULE),
    Registered(3, "iceberg", f"{ROOM}.iceberg:Iceberg", (Parameter("display", 1, INT64_MAX),)),
    Registered(4, "pegged", f"{ROOM}.pegged:Pegged", (
        Parameter("reference", 0, 2), Parameter("offset_bps", 0, 1_000), Parameter("timeout_ms", 0, DAY_MS),
        Parameter("interval_ms", 0, COUNT),
    )),
    Registered(5, "protected", f"{ROOM}.protected:Protected", (SLIPPAGE, Parameter("timeout_ms", 0, 3_600_000))),
    Registered(6, "improve", f"{ROOM}.improve:Improve", CHASE),
    Registered(7, "pov", f"{ROOM}.pov:Pov", (
        Parameter("participation_pct", 1, 50), Parameter("duration_ms", 0, 7 * DAY_MS),
    )),
    Registered(8, "vwap", f"{ROOM}.vwap:Vwap", SCHEDULE),
    Registered(9, "adaptive_twap", f"{ROOM}.adaptive:Adaptive", (*SCHEDULE, Parameter("imbalance_ppm", 0, COUNT))),
    Registered(10, "close", f"{ROOM}.close:Close", (
        SLIPPAGE, Parameter("slice", 0, INT64_MAX), Parameter("timeout_ms", 0, DAY_MS),
    ), waits=True, closes=True),
    Registered(ROUTE, "route", "", ()),
    Registered(20, "stop", f"{ROOM}.triggered.stop:Stop", (STOP, SLIPPAGE, TRIGGER), waits=True),
    Registered(21, "stop_limit", f"{ROOM}.triggered.stop_limit:StopLimit", (STOP, TRIGGER), waits=True),
    Registered(22, "trailing_stop", f"{ROOM}.triggered.trailing_stop:TrailingStop", (
        Parameter("distance_bps", 0, 5_000), Parameter("distance_steps", 0, 1_000_000_000), SLIPPAGE, TRIGGER,
    ), waits=True),
    Registered(23, "take_profit", f"{ROOM}.triggered.take_profit:TakeProfit", (TARGET, SLIPPAGE, TRIGGER), waits=True),
    Registered(24, "oco", f"{ROOM}.triggered.oco:Oco", (STOP, SLIPPAGE, TRIGGER)),
    Registered(25, "bracket", f"{ROOM}.triggered.bracket:Bracket", (TARGET, STOP, SLIPPAGE, TRIGGER)),
]  # fmt: skip


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


def keeps(number: int) -> bool:
    """Whether an algorithm waits for a price before its first child, which execution or the venue keeps."""
    return waits(number) and not closes(number)


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
    names = tuple(parameter.name for parameter in one.parameters)
    for unknown in parameters.keys() - set(names):
        msg = f"parameters of {name}: found {unknown!r}, expected some of: {_names(names)}"
        raise ValueError(msg)
    numbers = tuple(parameters.get(parameter, 0) for parameter in names)
    return one.number, numbers + (0,) * (PARAMETERS - len(numbers))


def place_of(number: int, index: int) -> int:
    """One number for a parameter of an algorithm: what the refusal of a wrong one carries."""
    return number * PARAMETERS + index


def parameter_text(place: int, value: int) -> str:
    """Why a value of a parameter is wrong: the algorithm, the name, the value and the range."""
    number, index = divmod(place, PARAMETERS)
    one = by_number(number)
    if one is None or index >= len(one.parameters):
        return f"{name_of(number)}: parameter {index} is {value}, expected 0: it has no such parameter"
    name, least, most = one.parameters[index]
    within = f"{least} or more" if most == INT64_MAX else f"{least} to {most}"
    fits = least <= value <= most
    why = f"which does not fit this order, in general {within}" if fits else f"expected {within}"
    return f"{one.name}: {name} is {value}, {why}"


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)

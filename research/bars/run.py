"""Strategies on arrays of bars: many parameter sets in one call, each as an event-by-event run would have it.

    result = cross(bars, btc, "1m", fast=[5, 10], slow=[50, 100], size="0.01", fees=Fees.flat("0.0002", "0.0005"),
                   half_spread_steps=1)
    result.table                # one row a set: fast, slow, fills, position, fees, equity, drawdown
    result.curve(3)             # of one set: start_ns, position, fees, equity at each bar's close

What the close of a bar decides is filled at the open of the next bar, half a spread worse, with the taker's fee.
docs/research/bars.md has the rules and the assumptions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.model.instrument import Instrument
from engine.strategy.api.units import size_of
from research.bars import bar
from research.bars.bar import Bars
from research.bars.kernel import Market
from research.bars.source import length_of
from research.simulate.matching.schedule import Schedule
from research.simulate.models import Fees
from research.simulate.result import Assumption

MICRO = 10**6
FOUND = [("fills", "<i8"), ("position", "<i8"), ("fees", "<i8"), ("equity", "<f8"), ("drawdown", "<f8")]
CURVE = [("position", "<i8"), ("fees", "<i8"), ("equity", "<f8")]
Account = tuple[int, int, int, float, float]
Curve = dict[str, Any]
Run = Callable[[Schedule, int, Curve | None], Account]


@dataclass(frozen=True)
class BarResult:
    """Positions in the instrument's size decimals, fees at 8 decimals, equity and drawdown in the quote currency."""

    table: Bars  # one row a parameter set
    assumptions: tuple[Assumption, ...]
    _bars: Bars
    _run: Run
    _schedule: Callable[[], Schedule]

    def curve(self, place: int) -> Bars:
        """The account of one set at each bar's close."""
        if not 0 <= place < len(self.table):
            raise IndexError(f"set {place}: expected 0 to {len(self.table) - 1}, as rows of `table`")
        columns = {name: np.zeros(len(self._bars), kind) for name, kind in CURVE}
        self._run(self._schedule(), place, columns)
        found = np.zeros(len(self._bars), [("start_ns", "<i8"), *CURVE])
        found["start_ns"] = self._bars["start_ns"]
        for name, column in columns.items():
            found[name] = column
        return found


def cross(
    bars: Bars,
    instrument: Instrument,
    interval: str,
    *,
    fast: Sequence[int],
    slow: Sequence[int],
    size: str,
    fees: Fees,
    half_spread_steps: int,
) -> BarResult:
    """Hold `size` while the mean of the last `fast` closes is over that of the last `slow` ones.

    `fast` and `slow` are pairs: set number i has the i-th of each. Nothing is held before the slow mean is known.
    """
    pairs = _pairs(fast, slow)
    exact, market = _market(bars, instrument, interval, size, half_spread_steps)
    if int(bars["close"].max()) * max(two for _, two in pairs) >= bar.PRICE_MOST:
        raise ValueError(f"slow: {max(two for _, two in pairs)} closes have a sum beyond 2^53: use a shorter window")

    def run(schedule: Schedule, place: int, curve: Curve | None) -> Account:
        return market.cross(schedule, *pairs[place], exact, curve)

    table = np.zeros(len(pairs), [("fast", "<i8"), ("slow", "<i8"), *FOUND])
    table["fast"], table["slow"] = np.array(pairs).T
    return _result(bars, table, run, fees, half_spread_steps)


def hold(
    bars: Bars,
    instrument: Instrument,
    interval: str,
    *,
    sides: Any,
    size: str,
    fees: Fees,
    half_spread_steps: int,
) -> BarResult:
    """Hold `size` on the side that a rule of your own decides at each close: 1 long, 0 flat, -1 short.

    `sides` has one row for each bar and one column for each parameter set.
    """
    columns = _columns(sides, len(bars))
    sizes = max(1, int(np.abs(np.diff(columns[:, :-1])).max(initial=0)))  # from long to short one order has two
    exact, market = _market(bars, instrument, interval, size, half_spread_steps, sizes)

    def run(schedule: Schedule, place: int, curve: Curve | None) -> Account:
        return market.hold(schedule, columns[place], exact, curve)

    return _result(bars, np.zeros(len(columns), FOUND), run, fees, half_spread_steps)


def _pairs(fast: Sequence[int], slow: Sequence[int]) -> list[tuple[int, int]]:
    """The windows of each set."""
    if not len(fast) or len(fast) != len(slow):
        raise ValueError(f"fast has {len(fast)} windows and slow {len(slow)}, expected one of each for every set")
    pairs = [(int(one), int(two)) for one, two in zip(fast, slow, strict=True)]
    for one, two in pairs:
        if not 0 < one < two:
            raise ValueError(f"fast must be below slow and over 0, was {one} with slow {two}")
    return pairs


def _columns(sides: Any, rows: int) -> Any:
    """One contiguous column of sides for each set."""
    found = np.asarray(sides)
    found = found[:, None] if found.ndim == 1 else found
    if found.ndim != 2 or len(found) != rows or not found.shape[1]:  # noqa: PLR2004 - rows and sets
        raise ValueError(f"sides: found shape {np.shape(sides)}, expected {rows} rows, one for each bar")
    wrong = ~np.isin(found, (-1, 0, 1))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ValueError(f"sides: row {row}, set {column} has {found[row, column]}, expected 1, 0 or -1")
    return np.ascontiguousarray(found.T, np.int8)


def _market(
    bars: Bars, one: Instrument, interval: str, size: str, half_spread_steps: int, sizes: int = 1
) -> tuple[int, Market]:
    """The size and the bars of a run, as the kernel reads them; the largest order has so many sizes."""
    bar.check(bars, one, length_of(interval))
    exact, half = size_of(one, size), checked_half(bars, one, half_spread_steps)
    _check_size(exact, sizes * exact, one, int(bars["open"].min()) - half, int(bars["open"].max()) + half)
    closes = np.ascontiguousarray(bars["close"])
    sums = np.concatenate([[0], np.cumsum(closes)])
    columns = np.ascontiguousarray(bars["start_ns"]), np.ascontiguousarray(bars["open"]), closes, sums
    return exact, Market(*columns, closes / 10**one.price_decimals, half, one.price_decimals, one.size_decimals)


def checked_half(bars: Bars, one: Instrument, steps: int) -> int:
    """Half of the spread around each price of a bar, in the decimals of the instrument."""
    if not isinstance(steps, int) or isinstance(steps, bool) or steps < 1:
        raise ValueError(f"half_spread_steps: found {steps!r}, expected a whole number of price steps, 1 or more")
    half = steps * one.price_step
    if int(bars["low"].min()) <= half:
        raise ValueError(f"half_spread_steps: {steps} steps are not below the lowest price, {bars['low'].min()}")
    return half


def _check_size(size: int, largest: int, one: Instrument, lowest: int, highest: int) -> None:
    """Refuse a size whose order the venue would reject at one of the prices; `largest` is the largest order's."""
    rules = (
        (size > 0 and size % one.size_step == 0, f"multiples of {one.size_step}"),
        (size >= one.size_min, f"at least the venue's smallest order, {one.size_min}"),
        (not 0 < one.size_max < largest, f"a largest order, {largest}, of at most the venue's, {one.size_max}"),
        (lowest * size >= one.notional_min, f"{one.notional_min} of price times size, at the lowest open"),
        (not 0 < one.notional_max < highest * largest, f"at most {one.notional_max} of price times {largest}"),
    )
    for holds, expected in rules:
        if not holds:
            raise ValueError(f"size: {size} in the decimals of {one.symbol}, expected {expected}")


def _result(bars: Bars, table: Bars, run: Run, fees: Fees, half_spread_steps: int) -> BarResult:
    """Run every set."""

    def schedule() -> Schedule:
        return Schedule(fees.table(), int(fees.traded_before * MICRO), int(bars[0]["start_ns"]))

    for place, row in enumerate(table):
        row["position"], row["fills"], row["fees"], row["equity"], row["drawdown"] = run(schedule(), place, None)
    return BarResult(table, assumptions_of(half_spread_steps), bars, run, schedule)


NO_EMPTY_BARS = Assumption(
    "no_empty_bars",
    True,
    "no row, no bar: live an interval without trades is a bar at the last close, and moves indicators",
)


def assumptions_of(half_spread_steps: int) -> tuple[Assumption, ...]:
    """What a run on bars takes for granted."""
    return (
        Assumption("bar_depth_unlimited", True, "the open has any size at its price: compare yours with the volume"),
        Assumption("no_order_latency", True, "an order decided at a close is at the venue at the next open"),
        Assumption("no_impact", True, "others do not react to our orders"),
        Assumption("no_margin", True, "a balance is not checked: any size can be sold, and nothing is liquidated"),
        NO_EMPTY_BARS,
        Assumption("bar_spread", False, f"a buy pays, a sell gets the open, {half_spread_steps} price steps worse"),
        Assumption("open_at_end", False, "what is held at the end is valued at the last close, not closed"),
    )

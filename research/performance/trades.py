"""Round trips: each part of a position from the fill that opened it to the fill that closed it, first in, first out.

The profit of a trade is after its part of both fills' fees. The sum of all trades' profits is the profit of the fills
less what is still held, so nothing is counted twice or left out. Accounts do not close each other's positions;
in a simulated portfolio, strategies do not either: `account` is the strategy's number there.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

FILL = np.dtype(
    [("at_ns", "<i8"), ("order", "<i8"), ("instrument", "<i4"), ("side", "i1"), ("maker", "?"), ("price", "<f8"),
     ("size", "<f8"), ("fee", "<f8"), ("account", "<i4")]
)  # fmt: skip
TRADE = np.dtype(
    [("opened_ns", "<i8"), ("closed_ns", "<i8"), ("instrument", "<i4"), ("side", "i1"), ("size", "<f8"),
     ("entry", "<f8"), ("exit", "<f8"), ("fees", "<f8"), ("profit", "<f8"), ("account", "<i4")]
)  # fmt: skip
Fills = np.ndarray[Any, np.dtype[Any]]
STEP = 1e-12  # of a fill's size: what is left below it is rounding


class Lot(NamedTuple):
    """A part of a position that is still held."""

    at_ns: int
    side: int
    size: float
    price: float
    fee: float  # of this part


def round_trips(fills: Fills) -> Fills:
    """The trades in the order in which they were closed; `fills` are in the order of time."""
    held: dict[tuple[int, int], deque[Lot]] = {}
    rows: list[tuple[Any, ...]] = []
    for row in fills:
        instrument, account = int(row["instrument"]), int(row["account"])
        lot = Lot(int(row["at_ns"]), int(row["side"]), float(row["size"]), float(row["price"]), float(row["fee"]))
        rows.extend((instrument, account, *one) for one in _close(held.setdefault((account, instrument), deque()), lot))
    table = np.zeros(len(rows), TRADE)
    for at, (instrument, account, opened, closed, size) in enumerate(rows):
        fees, profit = opened.fee + closed.fee, opened.side * (closed.price - opened.price) * size
        table[at] = (
            opened.at_ns, closed.at_ns, instrument, opened.side, size, opened.price, closed.price, fees, profit - fees,
            account,
        )  # fmt: skip
    return table


def _close(held: "deque[Lot]", lot: Lot) -> Iterator[tuple[Lot, Lot, float]]:
    """Match a fill with the oldest lots of the other side; the rest of it becomes a lot."""
    least = lot.size * STEP
    while held and held[0].side != lot.side and lot.size > least:
        oldest = held.popleft()
        size = min(oldest.size, lot.size)
        opened, rest = _part(oldest, size)
        closed, lot = _part(lot, size)
        if rest.size > oldest.size * STEP:
            held.appendleft(rest)
        yield opened, closed, size
    if lot.size > least:
        held.append(lot)


def _part(lot: Lot, size: float) -> tuple[Lot, Lot]:
    """A lot in two parts, the fee in proportion."""
    fee = lot.fee if size == lot.size else lot.fee * (size / lot.size)
    return lot._replace(size=size, fee=fee), lot._replace(size=lot.size - size, fee=lot.fee - fee)


def notional_of(rows: Iterable[Any]) -> float:
    """What fills traded, in the quote currency."""
    return math.fsum(float(one["price"]) * float(one["size"]) for one in rows)

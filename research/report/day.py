"""The end of a day or a week of a real system: its positions, compared with its fills.

    held      the size by POSITIONS at the end; by fills: the size at the start and every fill since, less fees in it
    profit    the net profit by POSITIONS; by fills: their money less fees, and the change of the value of what is held

Both ways must agree. A difference is a fault of the recording or of the engine, and is named. Where the last row has no
price, as while the feed is away, its profit is of before the last fills, and only the sizes are compared.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from research.performance.of_session import WHOLE, Recorded, held_of

CLOSE = 1e-6  # of what was traded and held: sums of floats, and fees in the base currency valued at their fill's price
SIZE_CLOSE = 1e-9


class Position(NamedTuple):
    """One instrument of one account."""

    account: int
    symbol: str
    held: float
    held_by_fills: float
    mark: float
    profit: float
    profit_by_fills: float
    fees: float
    traded: float
    fills: int
    is_priced: bool  # at the end

    @property
    def is_reconciled(self) -> bool:
        """Whether both ways to count agree."""
        size = SIZE_CLOSE * max(1.0, abs(self.held))
        money = CLOSE * max(1.0, self.traded, abs(self.held) * self.mark)
        is_equal = not self.is_priced or abs(self.profit - self.profit_by_fills) <= money
        return is_equal and abs(self.held - self.held_by_fills) <= size


def positions(recorded: Recorded) -> Iterator[Position]:
    """A row for each instrument of each account that changed in the range."""
    for (account, strategy, instrument), rows in recorded.cells.items():
        if strategy == WHOLE:
            yield _position(recorded, account, instrument, rows)


def _position(recorded: Recorded, account: int, instrument: int, rows: dict[str, Any]) -> Position:
    """Count one position both ways."""
    place, fills = recorded.places[instrument], recorded.fills
    chosen = (fills["instrument"] == place) & (recorded.accounts == account)
    mine, in_base = fills[chosen], recorded.in_base[chosen]
    held = held_of(rows)
    bought, money = mine["side"] * mine["size"], mine["price"] * mine["size"]
    fees = np.where(in_base > 0, 0.0, mine["fee"])
    value = held * rows["mark_price"]
    return Position(
        account, recorded.symbols[place], float(held[-1]), float(held[0] + bought.sum() - in_base.sum()),
        float(rows["mark_price"][-1]), float(rows["net"][-1] - rows["net"][0]),
        float(value[-1] - value[0] - (mine["side"] * money).sum() - fees.sum()), float(mine["fee"].sum()),
        float(money.sum()), len(mine), bool(rows["is_priced"][-1]),
    )  # fmt: skip

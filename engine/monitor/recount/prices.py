"""Middles of the books that feeds show, and what an asset is worth in dollars by them.

An asset's dollars: 1 for a dollar asset (`risk.usd_quotes`), else the middle of its instrument in
`risk.usd_instruments`, else that of an instrument with this base and a dollar asset as quote. While a book is not GOOD,
its last GOOD middle counts. Dollars are floats: they are shown and compared with limits, no position is made of them.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.lanes.ports import CellReader
from engine.model.instrument import Instrument
from engine.model.words import BookState

DOLLARS = ("USD", "USDT", "USDC")
UNKNOWN = math.nan
GOOD = int(BookState.GOOD)


class Prices:
    """The last good middle of each instrument."""

    def __init__(self, instruments: Iterable[Instrument], risk: Mapping[str, Any], tops: Sequence[CellReader]) -> None:
        """Begin without a price. `tops`: the cells of each feed; cell i is of the i-th instrument of the file."""
        self._instruments = tuple(instruments)
        self._quotes = frozenset(risk.get("usd_quotes", DOLLARS))
        self._named: Mapping[str, int] = risk.get("usd_instruments", {})
        self._tops = tops
        self._middles2: dict[int, int] = {}

    def read(self) -> None:
        """Read the cell of every book."""
        for cells in self._tops:
            for place in range(len(self._instruments)):
                row = cells.read(place)
                if row is not None and row.state == GOOD and row.bids and row.asks:
                    self._middles2[row.instrument] = row.bid_price[0] + row.ask_price[0]

    def middle2(self, instrument: int) -> int:
        """Twice the last good middle; 0: none yet."""
        return self._middles2.get(instrument, 0)

    def is_dollars(self, asset: str) -> bool:
        """Whether one of an asset counts as one dollar."""
        return asset in self._quotes

    def dollars(self, asset: str) -> float:
        """Dollars for one of an asset; nan without a price."""
        if asset in self._quotes:
            return 1.0
        named = self._named.get(asset, 0)
        for one in self._instruments:
            fits = one.base == asset and one.quote in self._quotes and named in (0, one.id)
            if fits and (middle2 := self.middle2(one.id)):
                return float(middle2 / (2 * 10**one.price_decimals))
        return UNKNOWN

"""Publishes the balances that the venue answered, with what the monitor needs to compare them with the fills."""

from collections import Counter
from collections.abc import Iterable, Mapping

from engine.execution.venue.baseline import ALL_ASSETS
from engine.lanes import lane_of
from engine.lanes.ports import CellWriter, RingWriter
from engine.model.records import ACCOUNT_BALANCE

LOW = (1 << 64) - 1
ROOM = lane_of("balances").count


class BalanceCells:
    """The BALANCES lane: a cell for each asset of the instruments and of their fees."""

    def __init__(self, cells: CellWriter, fills: RingWriter) -> None:
        """Publish nothing yet."""
        self._write, self._fills = cells.write, fills
        self._places: dict[str, int] = {}
        self._connection_ns = 0
        self._transferred: Counter[str] = Counter()
        self._others: Counter[str] = Counter()

    def on_up(self, now_ns: int) -> None:
        """A connection began: transfers before it may not have been reported."""
        self._connection_ns = now_ns

    def on_transfer(self, asset: str, amount: int) -> None:
        """Count a deposit or a withdrawal."""
        self._transferred[asset] += amount

    def on_others(self, assets: Iterable[str]) -> None:
        """Count a fill of another's order, which moved these assets."""
        self._others.update(assets)

    def publish(self, found: Mapping[str, int], assets: Iterable[str], now_ns: int) -> None:
        """Write the cells of these assets from the venue's answer; the lane has room for `ROOM` of them."""
        for asset in sorted(assets):
            place = self._places.setdefault(asset, len(self._places))
            if place < ROOM:
                self._write(place, *self._row(asset, found.get(asset, 0), now_ns))

    def _row(self, asset: str, amount: int, now_ns: int) -> tuple[object, ...]:
        moved = self._transferred[asset]
        return ACCOUNT_BALANCE.row(
            asset=asset.encode(), amount_high=amount >> 64, amount_low=amount & LOW, transferred_high=moved >> 64,
            transferred_low=moved & LOW, now_ns=now_ns, connection_ns=self._connection_ns,
            fill_sequence=self._fills.cursor, others=self._others[asset] + self._others[ALL_ASSETS],
        )  # fmt: skip

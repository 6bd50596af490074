"""Publishes the balances that the venue answered, with what the monitor needs to compare them with the fills."""

from collections import Counter
from collections.abc import Collection, Iterable

from engine.execution.venue.baseline import ALL_ASSETS
from engine.lanes import lane_of
from engine.lanes.ports import CellWriter, RingWriter
from engine.model.records import ACCOUNT_BALANCE
from engine.venues.session import Answer

LOW = (1 << 64) - 1
ROOM = lane_of("balances").count
NAME_MOST = next(field.size for field in ACCOUNT_BALANCE.fields if field.name == "asset")


class BalanceCells:
    """The BALANCES lane: a cell for each asset of the instruments and of their fees, then for each other one held."""

    def __init__(self, cells: CellWriter, fills: RingWriter, account: int) -> None:
        """Publish nothing yet; `account` is the account's number in every record."""
        self._account = account
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

    def publish(self, answer: Answer, counted: Collection[str], now_ns: int) -> None:
        """Write the cells of an answer of the venue, those of these assets first: the lane has room for `ROOM`."""
        held, locked = answer.balances, answer.locked
        others = (one for one in sorted(held) if held[one] and one not in counted and len(one.encode()) <= NAME_MOST)
        for asset in (*sorted(counted), *others):
            if len(self._places) < ROOM:
                self._places.setdefault(asset, len(self._places))
        for asset, place in self._places.items():
            self._write(place, *self._row(asset, held.get(asset, 0), locked.get(asset, 0), now_ns))

    def _row(self, asset: str, amount: int, locked: int, now_ns: int) -> tuple[object, ...]:
        moved = self._transferred[asset]
        return ACCOUNT_BALANCE.row(
            asset=asset.encode(), amount_high=amount >> 64, amount_low=amount & LOW, locked_high=locked >> 64,
            locked_low=locked & LOW, transferred_high=moved >> 64, transferred_low=moved & LOW, now_ns=now_ns,
            connection_ns=self._connection_ns, fill_sequence=self._fills.cursor,
            others=self._others[asset] + self._others[ALL_ASSETS], account=self._account,
        )  # fmt: skip

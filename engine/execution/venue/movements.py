"""What moves the account's balances: our fills and their fees, deposits and withdrawals, and the trades of others.

    broker ── on_fill ───────┐
    strangers ── on_others ──┼─▶ `since`, the baseline ─▶ balances compare it with what the venue reports
    session ── on_transfer ──┘      the last two are published with the balances (`balance_cells`)

The journal has our fills, so only the other two are recorded here.
"""

from collections.abc import Iterable

from engine.execution.ports import Appender
from engine.execution.venue import baseline
from engine.execution.venue.balance_cells import BalanceCells
from engine.execution.venue.baseline import ALL_ASSETS, Baseline
from engine.model.instrument import Instrument
from engine.model.words import JournalKind
from engine.venues.trading.news import FillNews


class Movements:
    """The balances at the last agreement, and the movements since."""

    def __init__(self, instruments: Iterable[Instrument], journal: Appender, cells: BalanceCells) -> None:
        """Begin without a balance; `restore` continues from the former life's."""
        self.since = Baseline()
        self._instruments = {one.id: one for one in instruments}
        self.assets = {asset for one in self._instruments.values() for asset in (one.base, one.quote)}
        self.charged: set[str] = set()  # third assets in which fees were charged
        self._journal = journal
        self._cells = cells

    @property
    def counted(self) -> set[str]:
        """The assets whose balances are compared."""
        return self.assets | self.charged

    def restore(self, since: Baseline) -> None:
        """Continue from the former life's agreement."""
        self.since = since
        self.charged = (since.agreed.keys() | since.moved.keys()) - self.assets

    def on_fill(self, instrument: int, side: int, fill: FillNews) -> None:
        """Count a fill of ours that was applied."""
        self.since.trade(self._instruments[instrument], side, fill.price, fill.size)
        asset = fill.fee_asset.decode()
        self.since.charge(asset, fill.fee)
        if fill.fee and asset not in self.assets:
            self.charged.add(asset)

    def on_others(self, instrument: int, now_ns: int) -> None:
        """Record that another's order was filled on this account; instrument 0: a symbol that is not configured."""
        one = self._instruments.get(instrument)
        fresh = {ALL_ASSETS} if one is None else {one.base, one.quote}
        self._cells.on_others(fresh)
        fresh -= self.since.others
        self.since.others |= fresh
        for asset in sorted(fresh):
            self._journal.add(now_ns, JournalKind.BALANCE, baseline.traded_by_others(asset))
        if fresh:
            self._journal.commit(now_ns)

    def on_transfer(self, asset: str, amount: int, now_ns: int) -> None:
        """Record a deposit or a withdrawal, of any asset: the fee of the next fill may be charged in it."""
        self.since.move(asset, amount)
        self._cells.on_transfer(asset, amount)
        self._journal.add(now_ns, JournalKind.BALANCE, baseline.transferred(asset, amount))
        self._journal.commit(now_ns)

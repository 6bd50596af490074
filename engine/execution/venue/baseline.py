"""The account's balances when they last agreed with the fills, and the movements since.

They outlive the process: each change is a BALANCE record in the journal, so the next life also finds the difference
that an unreported fill makes. The journal has the fills since then.
"""

from engine.execution.orders import codec
from engine.model.instrument import Instrument
from engine.model.journal_records import BALANCE
from engine.model.records import FEE_DECIMALS
from engine.model.rows import BalanceRow
from engine.model.words import BalanceChange

ALL_ASSETS = "*"  # the asset of TRADED_BY_OTHERS when others have traded a symbol that is not configured
LOW = (1 << 64) - 1


class Baseline:
    """Amounts by asset, at FEE_DECIMALS."""

    def __init__(self) -> None:
        """Begin without a balance."""
        self.agreed: dict[str, int] = {}
        self.moved: dict[str, int] = {}  # by our fills, deposits and withdrawals, since then
        self.slack: dict[str, int] = {}  # by how much the venue may have rounded those
        self.ours: set[str] = set()  # assets that our fills and their fees have moved since then
        self.others: set[str] = set()  # assets that others have traded since then

    def trade(self, one: Instrument, side: int, price: int, size: int) -> None:
        """Count a fill of ours."""
        self.move(one.base, side * size, one.size_decimals)
        self.move(one.quote, -side * price * size, one.price_decimals + one.size_decimals)
        self.ours |= {one.base, one.quote}

    def charge(self, asset: str, fee: int) -> None:
        """Count the fee of a fill of ours."""
        self.move(asset, -fee)
        if fee:
            self.ours.add(asset)

    def move(self, asset: str, amount: int, decimals: int = FEE_DECIMALS) -> None:
        """Count a movement; the venue may round digits that its balances do not have, either way."""
        if not amount:
            return
        if decimals <= FEE_DECIMALS:
            moved = int(amount * 10 ** (FEE_DECIMALS - decimals))
        else:
            moved, rest = divmod(amount, 10 ** (decimals - FEE_DECIMALS))
            self.slack[asset] = self.slack.get(asset, 0) + bool(rest)
        self.moved[asset] = self.moved.get(asset, 0) + moved

    def agree(self, asset: str, amount: int) -> None:
        """Count this asset from this amount."""
        self.agreed[asset] = amount
        self.moved.pop(asset, None)
        self.slack.pop(asset, None)
        self.ours.discard(asset)
        self.others -= {asset, ALL_ASSETS}

    def clear(self) -> None:
        """Forget everything, because an operator has checked the account."""
        for one in (self.agreed, self.moved, self.slack, self.ours, self.others):
            one.clear()

    def apply(self, row: BalanceRow) -> None:
        """Apply one BALANCE record of the journal."""
        asset, amount = row.asset.rstrip(b"\0").decode(), row.amount_high << 64 | row.amount_low
        if row.change == BalanceChange.AGREED:
            self.agree(asset, amount)
        elif row.change == BalanceChange.TRANSFERRED:
            self.move(asset, amount)
        else:
            self.others.add(asset)


def agreed(asset: str, amount: int) -> bytes:
    """The payload of the record of an agreement."""
    return _pack(BalanceChange.AGREED, asset, amount)


def transferred(asset: str, amount: int) -> bytes:
    """The payload of the record of a deposit or a withdrawal."""
    return _pack(BalanceChange.TRANSFERRED, asset, amount)


def traded_by_others(asset: str) -> bytes:
    """The payload of the record that others have traded an asset."""
    return _pack(BalanceChange.TRADED_BY_OTHERS, asset, 0)


def _pack(change: BalanceChange, asset: str, amount: int) -> bytes:
    return codec.BALANCE.pack_row(
        BALANCE.row(amount_high=amount >> 64, amount_low=amount & LOW, asset=asset.encode(), change=change)
    )

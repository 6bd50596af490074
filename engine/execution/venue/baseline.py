"""What the account held when its balances last agreed with the fills, and what has moved them since.

It outlives the process: each agreement stands in the journal, asset by asset, so that a fill that the venue never tells
is a difference to the next life too. The fills since then are the journal's own.

    "= 100000 BTC"    the balance agreed, at FEE_DECIMALS
    "+ 500 BTC"       a deposit, or below zero a withdrawal, that the venue told
    "? 0 BTC"         others have traded it since; "*": nobody knows what

The asset stands last: a venue's name may hold anything.
"""

from engine.model.instrument import Instrument
from engine.model.records import FEE_DECIMALS

ALL_ASSETS = "*"  # others have traded, nobody here knows what


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
        """A fill of ours."""
        self.move(one.base, side * size, one.size_decimals)
        self.move(one.quote, -side * price * size, one.price_decimals + one.size_decimals)
        self.ours |= {one.base, one.quote}

    def charge(self, asset: str, fee: int) -> None:
        """The fee of a fill of ours."""
        self.move(asset, -fee)
        if fee:
            self.ours.add(asset)

    def move(self, asset: str, amount: int, decimals: int = FEE_DECIMALS) -> None:
        """Count a movement; digits that the venue's balances do not have are its to round."""
        if not amount:
            return
        if decimals <= FEE_DECIMALS:
            moved = int(amount * 10 ** (FEE_DECIMALS - decimals))
        else:
            moved, rest = divmod(amount, 10 ** (decimals - FEE_DECIMALS))
            self.slack[asset] = self.slack.get(asset, 0) + bool(rest)
        self.moved[asset] = self.moved.get(asset, 0) + moved

    def agree(self, asset: str, amount: int) -> None:
        """Count this asset from here."""
        self.agreed[asset] = amount
        self.moved.pop(asset, None)
        self.slack.pop(asset, None)
        self.ours.discard(asset)
        self.others -= {asset, ALL_ASSETS}

    def clear(self) -> None:
        """An operator has looked: what the account holds at the next answer counts."""
        for one in (self.agreed, self.moved, self.slack, self.ours, self.others):
            one.clear()

    def read(self, payload: bytes) -> None:
        """One record of the journal."""
        word, amount, asset = payload.decode().split(" ", 2)
        if word == "=":
            self.agree(asset, int(amount))
        elif word == "+":
            self.move(asset, int(amount))
        else:
            self.others.add(asset)


def agreed(asset: str, amount: int) -> bytes:
    """The journal's record of an agreement."""
    return f"= {amount} {asset}".encode()


def transferred(asset: str, amount: int) -> bytes:
    """The journal's record of a deposit or a withdrawal."""
    return f"+ {amount} {asset}".encode()


def traded(asset: str) -> bytes:
    """The journal's record that others have traded an asset."""
    return f"? 0 {asset}".encode()

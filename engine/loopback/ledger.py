"""Free and locked amounts by account, and the fees.

Only `deposit` creates money: the sum of an asset over all accounts and the fees equals the deposits, and `check` proves
it.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from engine.loopback.market import Burn


def _amounts() -> dict[str, int]:
    """Amounts by asset; an unknown asset has 0."""
    return defaultdict(int)


@dataclass(eq=False, slots=True)
class Account:
    """One account. A `watched` account keeps its history, and its executions are published."""

    name: str
    watched: bool = True
    burn: Burn | None = None  # None: the fee is charged in the asset that a trade brings
    free: dict[str, int] = field(default_factory=_amounts)
    locked: dict[str, int] = field(default_factory=_amounts)
    deposited: dict[str, int] = field(default_factory=_amounts)
    update_ns: int = 0

    def gained(self, asset: str) -> int:
        """The balance of an asset less its deposits; negative when it was spent."""
        return self.free[asset] + self.locked[asset] - self.deposited[asset]


class Ledger:
    """All accounts."""

    def __init__(self) -> None:
        """Begin without accounts."""
        self.accounts: dict[str, Account] = {}
        self.fees: dict[str, int] = _amounts()
        self.deposited: dict[str, int] = _amounts()

    def open(self, name: str, *, watched: bool = True) -> Account:
        """The account of this name; created when it does not exist."""
        return self.accounts.setdefault(name, Account(name, watched))

    def deposit(self, name: str, asset: str, amount: int) -> None:
        """Add an amount from outside; a negative amount is a withdrawal and must be free."""
        account = self.accounts[name]
        account.free[asset] += amount
        assert account.free[asset] >= 0, (name, asset, account.free[asset])
        account.deposited[asset] += amount
        self.deposited[asset] += amount

    def restore(self, name: str, asset: str, gained: int) -> None:
        """Continue the balance of an account that an earlier venue had; what it gained there counts as gained."""
        self.open(name).free[asset] += gained
        self.deposited[asset] += gained

    def lock(self, account: Account, asset: str, amount: int) -> None:
        """Lock an amount for an order."""
        account.free[asset] -= amount
        account.locked[asset] += amount

    def pay(self, payer: Account, asset: str, locked: int, amount: int) -> None:
        """Pay an amount from what was locked for it, and free the rest of the lock."""
        payer.locked[asset] -= locked
        payer.free[asset] += locked - amount

    def receive(self, payee: Account, asset: str, amount: int) -> None:
        """Add an amount to what is free."""
        payee.free[asset] += amount

    def charge(self, payer: Account, asset: str, fee: int) -> None:
        """Subtract a fee from the free balance."""
        payer.free[asset] -= fee
        self.fees[asset] += fee

    def check(self, needed: dict[tuple[str, str], int]) -> None:
        """Check the balances against the deposits and against what open orders need by (account, asset)."""
        total: dict[str, int] = defaultdict(int, self.fees)
        for account in self.accounts.values():
            for asset, amount in account.free.items():
                assert amount >= 0, (account.name, asset, "free", amount)
                total[asset] += amount
            for asset, amount in account.locked.items():
                wanted = needed.get((account.name, asset), 0)
                assert amount == wanted, (account.name, asset, "locked", amount, "open orders need", wanted)
                total[asset] += amount
        assert {a: n for a, n in total.items() if n} == {a: n for a, n in self.deposited.items() if n}, total

"""Who owns what: free and locked amounts by account, and the fees that were taken.

Nothing is made or lost here but by `deposit`: the sum of an asset over all accounts and the fee account stays what was
deposited, and `check` says so.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from engine.loopback.market import Burn


def _amounts() -> dict[str, int]:
    """An empty purse: an asset never seen is 0."""
    return defaultdict(int)


@dataclass(eq=False, slots=True)
class Account:
    """One owner. `watched` accounts keep their history and their executions are told."""

    name: str
    watched: bool = True
    burn: Burn | None = None  # None: the fee is taken out of what a trade brings in
    free: dict[str, int] = field(default_factory=_amounts)
    locked: dict[str, int] = field(default_factory=_amounts)
    deposited: dict[str, int] = field(default_factory=_amounts)
    update_ns: int = 0

    def gained(self, asset: str) -> int:
        """What it has of an asset beyond its deposits: negative for what it spent."""
        return self.free[asset] + self.locked[asset] - self.deposited[asset]


class Ledger:
    """All accounts."""

    def __init__(self) -> None:
        """Nobody owns anything yet."""
        self.accounts: dict[str, Account] = {}
        self.fees: dict[str, int] = _amounts()
        self.deposited: dict[str, int] = _amounts()

    def open(self, name: str, *, watched: bool = True) -> Account:
        """The account of that name, made when it is not there."""
        return self.accounts.setdefault(name, Account(name, watched))

    def deposit(self, name: str, asset: str, amount: int) -> None:
        """Bring in an amount from outside; a negative one takes it out and must be free."""
        account = self.accounts[name]
        account.free[asset] += amount
        assert account.free[asset] >= 0, (name, asset, account.free[asset])
        account.deposited[asset] += amount
        self.deposited[asset] += amount

    def lock(self, account: Account, asset: str, amount: int) -> None:
        """Set an amount aside for an order."""
        account.free[asset] -= amount
        account.locked[asset] += amount

    def pay(self, payer: Account, asset: str, locked: int, amount: int) -> None:
        """Pay an amount out of what was locked for it; what was locked too much is free again."""
        payer.locked[asset] -= locked
        payer.free[asset] += locked - amount

    def receive(self, payee: Account, asset: str, amount: int) -> None:
        """Take in an amount."""
        payee.free[asset] += amount

    def charge(self, payer: Account, asset: str, fee: int) -> None:
        """Take a fee out of what is free."""
        payer.free[asset] -= fee
        self.fees[asset] += fee

    def check(self, needed: dict[tuple[str, str], int]) -> None:
        """Hold the books against what was deposited and what open orders need by (account, asset)."""
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

"""What a halt, a cancel or a flattening is about: the whole system, one account, one strategy, or one instrument.

    Scope()                 the whole system            Scope(strategy=3)     what strategy 3 does, at every account
    Scope(account=1)        everything at account 1     Scope(instrument=7)   instrument 7, of every strategy

A venue is the accounts at it. At most one of the three numbers is set; 0 means all.
"""

from typing import NamedTuple, Protocol


class Scoped(Protocol):
    """A record that names a scope."""

    @property
    def account(self) -> int:
        """The account's number, 0: all."""

    @property
    def strategy(self) -> int:
        """The strategy's number, 0: all."""

    @property
    def instrument(self) -> int:
        """The instrument's id, 0: all."""


class Scope(NamedTuple):
    """One scope."""

    account: int = 0
    strategy: int = 0
    instrument: int = 0

    @classmethod
    def of(cls, row: Scoped) -> "Scope":
        """The scope in a record."""
        return cls(row.account, row.strategy, row.instrument)

    @property
    def whole(self) -> bool:
        """Whether it is the whole system."""
        return self == WHOLE

    def covers(self, strategy: int, instrument: int) -> bool:
        """Whether an order or a position of this strategy and instrument is in it, at an account that is in it."""
        return self.strategy in (0, strategy) and self.instrument in (0, instrument)

    def text(self) -> str:
        """The scope as numbers, for logs."""
        named = [f"{name} {value}" for name, value in self._asdict().items() if value]
        return " ".join(named) or "the whole system"


class Held(NamedTuple):
    """Why a scope is halted."""

    since_ns: int
    reason: int  # HaltReason
    uid: int  # who asked
    flattens: bool  # its positions are closed too


WHOLE = Scope()

"""Caps that span accounts, given out as budgets: together never above the cap, whichever process dies.

    held    the most that an account may still use: the largest of its budgets since the last one that it confirmed,
            or what it used when it confirmed that one, if that is more; while it has no price for it, nothing is less
    room    cap - the sum of what all hold

A budget is lowered at any time; what the account held stays held until its execution has confirmed the lower one. A
budget is raised only by as much as there is room. Each change is in the journal before its cell is written, and a life
begins with what each account may hold by the journal. An account of which the journal has nothing (a first start, a
lost journal) may hold the whole cap until its execution has published what it uses, under the budget in its cell.

Every `SHARE_NS` the cap is divided anew: each account gets what it uses, and an equal part of what no account uses.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.lanes.ports import CellReader, CellWriter
from engine.router.journal import Granted

MS = 1_000_000
CONFIRM_NS = 50 * MS  # between two writes of each cell: they show that the router lives
SHARE_NS = 250 * MS
GRAIN = 100  # a budget changes by at least this part of the cap


@dataclass(slots=True)
class Budget:
    """One account's."""

    number: int  # of the account, in records
    version: int = 0
    amount: int = 0
    held: int = 0
    used: int = -1  # not known yet
    confirmed: int = -1  # the version that its execution has confirmed last


class Budgets:
    """The budgets of all accounts, in the order of their cells."""

    def __init__(
        self, cap: int, numbers: Mapping[str, int], cells: CellWriter, known: CellReader,
        back: Mapping[str, CellReader],
    ) -> None:  # fmt: skip
        """Nothing is given out yet. `cap` in millionths of a dollar; `numbers` of accounts; `known` reads `cells`."""
        self.cap, self._cells, self._known, self._back = cap, cells, known, back
        self.of = {name: Budget(number) for name, number in numbers.items()}
        self._confirm_ns = self._share_ns = 0
        self._recalled = False

    def set_cap(self, cap: int) -> None:
        """Divide another cap, at the next step."""
        self.cap, self._confirm_ns, self._share_ns = cap, 0, 0

    @property
    def holds(self) -> bool:
        """Whether the budgets are within the cap, and each execution has confirmed its own."""
        within = sum(one.amount for one in self.of.values()) <= self.cap
        return within and all(one.confirmed == one.version for one in self.of.values())

    def apply(self, record: Granted) -> None:
        """The state after a record; what an account held before it stays held until it confirms."""
        budget = self.of.get(record.account)
        if budget is not None:
            budget.version, budget.amount = record.version, record.amount
            budget.held = max(budget.held, record.amount)

    def snapshot(self) -> list[Granted]:
        """The records of the state as it is: the most that each may hold, then its budget."""
        made = []
        for name, one in self.of.items():
            made += [Granted(name, one.version, one.held), Granted(name, one.version, one.amount)]
        return made

    def step(self, now_ns: int, write: Callable[..., bool]) -> None:
        """Read what is confirmed, divide the cap, confirm every budget; `write` records all that it gets, or none."""
        if now_ns < self._confirm_ns:
            return
        self._confirm_ns = now_ns + CONFIRM_NS
        if not self._recall(write):
            return
        self._read()
        if now_ns >= self._share_ns:
            self._share_ns = now_ns + SHARE_NS
            self._divide(now_ns, write)
        for index, one in enumerate(self.of.values()):
            if one.version:
                self._cells.write(index, one.version, one.amount, now_ns, one.number, 0, (0,) * 4)

    def _recall(self, write: Callable[..., bool]) -> bool:
        """Once, after the journal was read: record the budgets that it does not have; False without room for them."""
        for index, (name, one) in enumerate(self.of.items()):
            if self._recalled or one.version:
                continue
            row = self._known.read(index)
            version, amount = (0, 0) if row is None else (row.version, row.amount)
            most, budget = Granted(name, version, self.cap), Granted(name, version, amount)
            if not write(most, budget):
                return False
            self.apply(most)
            self.apply(budget)
        self._recalled = True
        return True

    def _read(self) -> None:
        """An execution that confirms the newest version goes by no older one any more, beyond what it uses already."""
        for name, one in self.of.items():
            row = self._back[name].read(0)
            if row is not None:
                one.used, one.confirmed = row.used, row.version
                if row.version == one.version and row.used >= 0:
                    one.held = max(one.amount, row.used)

    def _divide(self, now_ns: int, write: Callable[..., bool]) -> None:
        """Lower first; then raise, by what there is room for."""
        targets, grain = self._targets(), self.cap // GRAIN
        above = sum(one.amount for one in self.of.values()) > self.cap  # the configured cap is lower than it was
        for name, one in self.of.items():
            if targets[name] < one.amount - (0 if above else grain):
                self._grant(name, one, targets[name], now_ns, write)
        for name, one in self.of.items():
            room = self.cap - sum(other.held for other in self.of.values())
            target = min(targets[name], one.held + room)  # after a start `held` may be too high: then room is below 0
            if target > one.amount + (grain if one.amount else 0):
                self._grant(name, one, target, now_ns, write)

    def _targets(self) -> dict[str, int]:
        """What each account should get: together at most the cap."""
        used = {name: max(0, one.used) for name, one in self.of.items()}
        total = sum(used.values())
        if total >= self.cap:
            return {name: self.cap * one // total for name, one in used.items()}
        return {name: one + (self.cap - total) // len(used) for name, one in used.items()}

    def _grant(self, name: str, one: Budget, amount: int, now_ns: int, write: Callable[..., bool]) -> None:
        version = max(one.version + 1, now_ns // MS)  # above those of a journal that was lost
        if write(Granted(name, version, amount)):
            self.apply(Granted(name, version, amount))

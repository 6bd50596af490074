"""The account's budget, as the router gives it out: the cell BUDGETS to the gate, and back what is in force.

    BUDGETS ─▶ gate.allot ─▶ BUDGETED: the version that every further entry is checked against, and the gross worst case

The version is published after the gate has the amount, so the router may give to another account what this one has
returned. An execution needs no memory of it: a life begins without a budget, and refuses entries until it has read one.
"""

import logging

from engine.lanes.ports import CellReader, CellWriter
from engine.risk.caps.budget import AccountBudget, gross_now
from engine.risk.gate import RiskGate

MS = 1_000_000
USED_NS = 50 * MS  # between two figures of what is used

logger = logging.getLogger("engine.execution")


class BudgetWatch:
    """One account's budget."""

    def __init__(
        self, gate: RiskGate, stale_ns: int, cells: CellReader | None, index: int, back: CellWriter | None
    ) -> None:
        """Read this cell; None: the system has no budgets."""
        self._gate, self._stale_ns, self._cells, self._index, self._back = gate, stale_ns, cells, index, back
        self._version, self._published_ns = 0, 0
        self.stale = cells is not None  # so entries stop

    def judge(self, now_ns: int) -> None:
        """Follow the cell, and publish what is in force and used."""
        if self._cells is None or self._back is None:
            return
        row = self._cells.read(self._index)
        stale = row is None or now_ns - row.now_ns > self._stale_ns
        if stale != self.stale:
            logger.warning("the budget is stale: only exits are sent" if stale else "the budget is confirmed again")
        self.stale = stale
        changed = row is not None and row.version != self._version
        if changed:
            self._version = row.version
            self._gate.allot(AccountBudget(row.amount))
        if changed or now_ns >= self._published_ns + USED_NS:
            self._published_ns = now_ns
            used = gross_now(self._gate.account, now_ns)
            self._back.write(0, self._version, -1 if used is None else used, now_ns, (0,) * 5)

"""What an operator asks: the halt of the system by its two cells, everything else by COMMANDS, also new values.

A halt, a flattening, a drain or a cancel of a scope ends the parents in it. Their children are cancelled by their
executions at the same command, and by the router. A command that was given while the router was dead is followed by its
next life; commands that it cannot read any more end every parent, and so does a start of the whole system.
"""

from collections.abc import Callable

import shm
from engine.lanes.ports import CellReader, RingReader
from engine.model.rows import CommandRow
from engine.model.words import CommandKind
from engine.router.journal import Followed
from engine.router.parent import Parent
from engine.router.parents import Parents
from engine.router.settings import Settings

ENDING = {
    CommandKind.HALT: "an operator's halt", CommandKind.FLATTEN: "an operator's flattening",
    CommandKind.DRAIN: "a drain", CommandKind.CANCEL_ALL: "an operator's cancel",
    CommandKind.CANCEL: "an operator's cancel",
}  # fmt: skip


class Control:
    """Follows the cells and COMMANDS."""

    def __init__(
        self, parents: Parents, settings: Settings, commands: RingReader, halt: CellReader, operator_halt: CellReader,
        accounts: Callable[[int], str],
    ) -> None:  # fmt: skip
        """Continue after the last command that was followed; `accounts` names the execution of an account's number."""
        self._parents, self._settings, self._accounts = parents, settings, accounts
        self._commands, self._cells = commands, (halt, operator_halt)
        settings.restore(commands)
        self._life = int.from_bytes(commands.stream[:8], "little")
        if parents.followed.life == self._life:
            commands.cursor = max(commands.oldest, parents.followed.cursor)
        self._missed = parents.followed.life == self._life and commands.cursor > parents.followed.cursor
        self.anew = parents.followed.life != self._life  # the lanes are of a later start than the journal
        self.halted = self.draining = False

    def step(self, now_ns: int) -> int:
        """Follow what was written since the last step; how much."""
        if self.anew:
            self._begin_anew(now_ns)
        halted = any(row is not None and row.halted for row in (cell.read(0) for cell in self._cells))
        if halted:
            self._stop("the system is halted", now_ns)
        self.halted = halted
        count = 0
        while (row := self._commands.read()) is not None:
            count += 1
            self._missed = self._missed or isinstance(row, shm.Lapped)
            if not isinstance(row, shm.Lapped):
                self._follow(row, now_ns)
        if self._missed:
            self._stop("commands were lost while the router did not run", now_ns)
            self._missed = False
        if count:
            self._parents.follow(Followed(self._life, self._commands.cursor))
        return count

    def _begin_anew(self, now_ns: int) -> None:
        """End the parents of before these lanes: a loss of power may have lost the records of their last children."""
        self.anew = False
        self._stop("the whole system was started again", now_ns)
        self._parents.follow(Followed(self._life, self._commands.cursor))

    def drain(self, now_ns: int) -> None:
        """Accept no further parent, and end all."""
        self.draining = True
        self._stop("the router stops", now_ns)

    def _follow(self, row: CommandRow, now_ns: int) -> None:
        if self._settings.is_mine(row):
            self._settings.follow(row, now_ns)
        if row.kind not in ENDING:
            return
        for parent in list(self._parents.living.values()):
            if row.kind == CommandKind.CANCEL:
                meant = row.target_id == parent.id or row.target_id in parent.children
            else:
                meant = self._covers(row, parent)
            if meant:
                self._parents.stop(parent, ENDING[CommandKind(row.kind)], now_ns)

    def _covers(self, row: CommandRow, parent: Parent) -> bool:
        """Whether a command's scope has a parent; of an account or an instrument, one that may use it."""
        members = parent.route.members
        instrument = not row.instrument or parent.route.has(row.instrument)
        account = not row.account or any(one.account == self._accounts(row.account) for one in members)
        return row.strategy in (0, parent.intent.strategy) and instrument and account

    def _stop(self, why: str, now_ns: int) -> None:
        for parent in list(self._parents.living.values()):
            self._parents.stop(parent, why, now_ns)

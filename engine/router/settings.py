"""What an operator sets while the router runs: how it splits, and the cap of all accounts.

    COMMANDS: SET of the router ──▶ Settings ─▶ options and cap at once
                                       └──────▶ the cell ROUTER_SETTINGS: the version in force, or refused and why

A lower cap is confirmed when it holds: every budget is lowered and each execution has confirmed its own. A life begins
with the newest SET that COMMANDS holds. Parents that work keep their deadline.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import shm
from engine.lanes.ports import CellWriter, RingReader
from engine.model.intent_id import ROUTED
from engine.model.records import SETTINGS
from engine.model.rows import CommandRow
from engine.model.text import bare
from engine.model.words import CommandKind
from engine.router.options import RouterOptions

ERROR_BYTES = 232  # of SETTINGS


class Settings:
    """Follows the SETs of the router."""

    def __init__(
        self, read: Callable[[Mapping[str, Any]], tuple[RouterOptions, int]],
        apply: Callable[[RouterOptions, int], None], holds: Callable[[], bool], cell: CellWriter,
    ) -> None:  # fmt: skip
        """`read` converts values or raises ValueError; `holds`: whether the cap that was applied holds."""
        self._read, self._apply, self._holds, self._cell = read, apply, holds, cell
        self._version = self._refused = self._pending = 0

    def restore(self, commands: RingReader) -> None:
        """Follow the newest SET of the router that the ring holds; the reader's cursor stays where it was."""
        cursor, newest = commands.cursor, None
        commands.cursor = commands.oldest
        while (row := commands.read()) is not None:
            if not isinstance(row, shm.Lapped) and self.is_mine(row):
                newest = row
        commands.cursor = cursor
        if newest is not None:
            self.follow(newest, newest.now_ns)

    @staticmethod
    def is_mine(row: CommandRow) -> bool:
        """Whether a command is a SET of the router."""
        return row.kind == CommandKind.SET and row.strategy == ROUTED

    def follow(self, row: CommandRow, now_ns: int) -> None:
        """Apply a SET; a wrong value changes nothing."""
        if row.version in (self._version, self._refused, self._pending):
            return
        try:
            options, cap = self._read(json.loads(bare(row.values) or b"{}"))
        except (TypeError, ValueError) as error:
            self._refused = row.version
            self._confirm(now_ns, str(error))
            return
        self._apply(options, cap)
        self._pending = row.version

    def step(self, now_ns: int) -> None:
        """Confirm what holds now."""
        if self._pending and self._holds():
            self._version, self._pending = self._pending, 0
            self._confirm(now_ns, "")

    def _confirm(self, now_ns: int, error: str) -> None:
        self._cell.write(0, *SETTINGS.row(
            now_ns=now_ns, version=self._version, refused=self._refused, error=error.encode()[:ERROR_BYTES]
        ))  # fmt: skip

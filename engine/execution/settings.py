"""What an operator has set for this execution: the limits of risk, and the strategies that are disabled.

    COMMANDS: SET ──▶ Settings ─┬─▶ the gate's limits: those of the file with the set values in their place
                                ├─▶ the gate's disabled strategies, whose open orders are cancelled
                                └─▶ the cells LIMITS: the version that is applied, or refused and why. The first is of
                                    the limits, the others of the strategies in the configuration's order

A SET carries every value that is set, so the newest one of each owner is enough. COMMANDS holds it for as long as it is
in force, because the supervisor publishes it again before it is overwritten: a new life reads it from there.
"""

import json
from decimal import Decimal
from typing import Any

import msgspec

import shm
from engine.execution.config import ExecutionConfig
from engine.execution.intents.desk import Desk
from engine.execution.orders import codec
from engine.execution.ports import Appender
from engine.lanes.ports import CellWriter, RingReader
from engine.model.journal_records import SETTING, SETTING_BYTES
from engine.model.records import SETTINGS
from engine.model.rows import CommandRow
from engine.model.text import bare
from engine.model.words import CommandKind, JournalKind
from engine.risk.gate import RiskGate
from engine.risk.table import set_risk

ERROR_BYTES = 232  # of SETTINGS


class Settings:
    """Applies SETs to the gate."""

    def __init__(
        self, config: ExecutionConfig, cell: CellWriter, gate: RiskGate, desk: Desk, journal: Appender
    ) -> None:
        """Begin with the limits of the configuration, and every strategy enabled."""
        self._table = {**config.risk, **msgspec.to_builtins(config.limits)}
        self._caps = config.caps
        self._instruments = [one.id for one in config.instruments]
        self._cell = cell
        self._gate = gate
        self._desk = desk
        self._journal = journal
        self._version = self._refused = 0  # of the limits
        self._values: dict[str, Any] = {}  # the limits that an operator has set
        self._risen = Decimal(0)  # the share to which the ramp has risen
        self._cells = {number: index for index, number in enumerate(config.strategies, 1)}

    def restore(self, commands: RingReader) -> None:
        """Apply the newest SET of each owner that the ring holds; the reader's cursor stays where it was."""
        cursor, newest = commands.cursor, {}
        commands.cursor = commands.oldest
        while (row := commands.read()) is not None:
            if not isinstance(row, shm.Lapped) and row.kind == CommandKind.SET:
                newest[row.strategy] = row
        commands.cursor = cursor
        for row in newest.values():
            self._apply(row, row.now_ns)

    def record(self, row: CommandRow, now_ns: int) -> None:
        """Record the values of a SET that is about to be applied, in as many records as they need."""
        text = bare(row.values)
        parts = [text[first : first + SETTING_BYTES] for first in range(0, len(text), SETTING_BYTES)] or [b""]
        for part, piece in enumerate(parts):
            setting = SETTING.row(
                asked_ns=row.now_ns, version=row.version, strategy=row.strategy, uid=row.uid, pid=row.pid,
                disabled=row.disabled, part=part, parts=len(parts), values=piece,
            )  # fmt: skip
            self._journal.add(now_ns, JournalKind.SETTING, codec.SETTING.pack_row(setting))

    def follow(self, row: CommandRow, now_ns: int) -> None:
        """Apply a SET between two events; a strategy that it disables has its open orders cancelled."""
        self._apply(row, now_ns)
        if row.strategy in self._gate.disabled:
            self._desk.cancel_all(now_ns, row.strategy, 0)

    def _apply(self, row: CommandRow, now_ns: int) -> None:
        if not row.strategy:
            self._set_limits(row, now_ns)
        elif row.strategy in self._cells:
            self._set_disabled(row.strategy, disabled=bool(row.disabled))
            self._confirm(self._cells[row.strategy], now_ns, row.version)

    def _set_disabled(self, strategy: int, *, disabled: bool) -> None:
        """Have the gate refuse or check the orders of a strategy."""
        if disabled:
            self._gate.disabled.add(strategy)
        else:
            self._gate.disabled.discard(strategy)

    def _set_limits(self, row: CommandRow, now_ns: int) -> None:
        """Give the gate the new limits; values that the declaration of the limits refuses change nothing."""
        if row.version in (self._version, self._refused):
            return
        try:
            self._replace(json.loads(bare(row.values) or b"{}"))
        except (TypeError, ValueError) as error:
            self._refused = row.version
            self._confirm(0, now_ns, self._version, row.version, str(error))
            return
        self._version = row.version
        self._confirm(0, now_ns, row.version)

    def raise_ramp(self, share: Decimal) -> None:
        """Have at least this share of every cap in dollars in force, unless an operator has set the ramp."""
        self._risen = share
        self._replace(self._values)

    def _replace(self, values: dict[str, Any]) -> None:
        limits, caps = set_risk(self._table, values)
        if "ramp" not in values and self._risen > limits.ramp:
            limits, caps = set_risk(self._table, {**values, "ramp": self._risen})
        limits.check_instruments(self._instruments)
        self._gate.set_limits(limits, caps or self._caps)
        self._values = values

    def _confirm(self, index: int, now_ns: int, version: int, refused: int = 0, error: str = "") -> None:
        row = SETTINGS.row(now_ns=now_ns, version=version, refused=refused, error=error.encode()[:ERROR_BYTES])
        self._cell.write(index, *row)

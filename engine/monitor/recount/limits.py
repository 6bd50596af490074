"""The limits in force: those of the file, with the values in their place that operators have set.

COMMANDS holds the newest SET for as long as it is in force (the supervisor publishes it again before it is
overwritten), so a new life of the monitor reads it there. Of a limit in dollars that ramps, the share in force is
execution's, from its cell GATE.
"""

import json
from collections.abc import Mapping
from typing import Any

import shm
from engine.lanes.ports import RingReader
from engine.model.monitored import LIMITS
from engine.model.text import bare
from engine.model.words import CommandKind
from engine.monitor.recount.prices import UNKNOWN

DEFAULTS = {"max_position_usd": 100_000, "ramp": 1, "margin_leverage": 1}  # of the keys in force without a value
LIQUIDATION_BUFFER = 0.2  # the same, where there are margin brackets
RAMPED = ("max_position_usd",)


class Limits:
    """The values of `[risk]` that the monitor compares with."""

    def __init__(self, risk: Mapping[str, Any], commands: RingReader) -> None:
        """Begin with the file's values, and read COMMANDS from its oldest record."""
        self._file, self._set, self._commands = risk, dict[str, Any](), commands
        self._defaults = DEFAULTS | ({"liquidation_buffer": LIQUIDATION_BUFFER} if risk.get("margin_brackets") else {})
        commands.cursor = commands.oldest

    def read(self) -> None:
        """Follow what operators have set since the last call."""
        while (row := self._commands.read()) is not None:
            if not isinstance(row, shm.Lapped) and row.kind == CommandKind.SET and not row.strategy:
                self._set = json.loads(bare(row.values) or b"{}")

    def number(self, key: str) -> float:
        """A value in force; nan: it is not set."""
        return float(self._set.get(key, self._file.get(key, self._defaults.get(key, UNKNOWN))))

    def fields(self, ramp: float) -> dict[str, float]:
        """Each limit by its field in MONITORED_ACCOUNT, with this share of what ramps."""
        shares = {key: ramp if key in RAMPED else 1.0 for key in LIMITS.values()}
        return {f"{name}_limit": self.number(key) * shares[key] for name, key in LIMITS.items()}

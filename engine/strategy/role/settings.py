"""What an operator has set for one strategy: its parameters, and whether it is enabled.

    COMMANDS: SET ──▶ Settings ─▶ the file's parameters with the set values in their place
                         └──────▶ the cell PARAMETERS: the version that is applied, or refused and why

A SET carries every value that is set, so the newest one is enough and the ones before it do not matter. A SET that the
class's declaration refuses changes no parameter. The role replaces the parameters between two events.
"""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from engine.lanes.ports import CellWriter
from engine.model.records import SETTINGS
from engine.model.rows import CommandRow
from engine.model.text import bare
from engine.strategy.api.strategy import Strategy, checked_parameters, defines

ERROR_BYTES = 232  # of SETTINGS


class Settings:
    """The parameters of one strategy as they are now."""

    def __init__(self, strategy: Strategy, cell: CellWriter | None) -> None:
        """Begin with the parameters of the configuration; without a cell, as in a replay, nothing is confirmed."""
        self.parameters = self._file = strategy.parameters
        self.disabled = False
        self._kind = type(strategy)
        self._cell = cell
        self._version = self._refused = 0

    def follow(self, row: CommandRow, now_ns: int) -> tuple[str, ...]:
        """Apply a SET and confirm it; the names of the parameters that changed."""
        if row.version in (self._version, self._refused):
            return ()
        self.disabled = bool(row.disabled)
        try:
            found = live_parameters(self._kind, self._file, json.loads(bare(row.values) or b"{}"))
        except (TypeError, ValueError) as error:
            self._refused = row.version
            self._confirm(now_ns, str(error))
            return ()
        before, self.parameters, self._version = self.parameters, found, row.version
        self._confirm(now_ns, "")
        return changed(before, found)

    def differing(self) -> tuple[str, ...]:
        """The names of the parameters that differ from the file's."""
        return changed(self._file, self.parameters)

    def _confirm(self, now_ns: int, error: str) -> None:
        if self._cell is not None:
            self._cell.write(0, *SETTINGS.row(
                now_ns=now_ns, version=self._version, refused=self._refused, error=cut(error, ERROR_BYTES)
            ))  # fmt: skip


def live_parameters(kind: type[Strategy], file: Any, values: Mapping[str, Any]) -> Any:
    """The parameters of the file with these values in their place; ValueError when the class does not accept them."""
    if not values:
        return file
    if not defines(kind, "on_parameters"):
        msg = (
            f"{kind.__name__} defines no on_parameters(changed), so its parameters cannot change while it runs:"
            " change the file, then engine-ctl reload, which names the process to restart"
        )
        raise ValueError(msg)
    return checked_parameters(kind, {**msgspec.to_builtins(file), **values})


def changed(before: Any, after: Any) -> tuple[str, ...]:
    """The names of the parameters that differ."""
    if before is after:
        return ()
    return tuple(name for name in after.__struct_fields__ if getattr(before, name) != getattr(after, name))


def cut(text: str, most: int) -> bytes:
    """A text in so many bytes, without half a character at its end."""
    return text.encode()[:most].decode(errors="ignore").encode()

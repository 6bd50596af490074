"""The accounts, strategies and instruments that are halted or flattened: a file in the state directory.

    halts.json    [{"account": 0, "strategy": 3, "instrument": 0, "since_ns": …, "reason": 1, "uid": 0, "flattens": 0}]

Execution's journal holds each halted scope too. The file is for an execution that was dead when the command came and
whose lanes were removed by `down` before it read it, and for one whose journal is new. It is written before the command
is published. A file that cannot be read is set aside and logged: the journals still hold what they have read.
"""

import json
import logging
import os
from pathlib import Path

from engine.config.private import open_private
from engine.model.scope import Held, Scope

logger = logging.getLogger(__name__)


class HaltedScopes:
    """What the file holds; each change writes it whole."""

    def __init__(self, file: Path) -> None:
        """Read the file."""
        self._file = file
        self.on_disk = True  # whether the file has what is held
        self.held: dict[Scope, Held] = self._read()

    def add(self, scope: Scope, held: Held) -> bool:
        """Hold a scope; False when the file cannot be written now: until `store` can, the journal alone keeps it."""
        self.held[scope] = held
        return self._write()

    def remove(self, scope: Scope) -> bool:
        """Hold a scope no longer; False when the file cannot be written now: a next supervisor would halt it again."""
        return self.held.pop(scope, None) is None or self._write()

    def store(self) -> None:
        """Write what the disk had no room for."""
        if not self.on_disk:
            self._write()

    def _read(self) -> dict[Scope, Held]:
        try:
            rows = json.loads(self._file.read_text(encoding="utf-8"))
            return dict(map(_entry, rows))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, LookupError, TypeError) as error:
            what = {"file": str(self._file), "error": str(error)}
            logger.critical("the halted scopes cannot be read; the journals still hold them", extra=what)
            self._set_aside()
            return {}

    def _set_aside(self) -> None:
        """Keep a damaged file for a person to inspect."""
        try:
            self._file.replace(self._file.with_suffix(".damaged"))
        except OSError as error:
            logger.error("the damaged file stays in its place", extra={"error": str(error)})  # noqa: TRY400

    def _write(self) -> bool:
        rows = [{**scope._asdict(), **held._asdict()} for scope, held in self.held.items()]
        made = self._file.with_suffix(".made")
        try:
            with open(open_private(made, os.O_WRONLY | os.O_TRUNC), "w", encoding="utf-8") as file:
                file.write(json.dumps(rows) + "\n")
                file.flush()
                os.fsync(file.fileno())
            made.replace(self._file)
        except OSError as error:
            what = {"file": str(self._file), "error": str(error)}
            if self.on_disk:
                logger.error("the halted scopes are in the journals only: the file cannot be written", extra=what)  # noqa: TRY400
            self.on_disk = False
            return False
        self.on_disk = True
        return True


def _entry(row: dict[str, int]) -> tuple[Scope, Held]:
    """A scope, and why it is held, from an entry of the file."""
    numbers = [row[name] for name in (*Scope._fields, *Held._fields)]
    if not all(isinstance(one, int) for one in numbers):
        msg = f"expected numbers, found {row}"
        raise ValueError(msg)
    account, strategy, instrument, since_ns, reason, uid, flattens = numbers
    return Scope(account, strategy, instrument), Held(since_ns, reason, uid, flattens=bool(flattens))

"""The state of alerts on the disk: one file, replaced as a whole, so that a killed role continues where it was.

It holds the open episodes, the queue of each target, and how far the file of deaths was read. All change in one
replacement: a death is either unread, or in the queues. When the disk has no room the state stays in memory and the
role runs on; the next write that succeeds holds everything.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from engine.alerts.episodes import Episode
from engine.alerts.message import Message
from engine.config.private import open_private

VERSION = 1
FILE = "alerts.json"

logger = logging.getLogger("engine.alerts")


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """The contents of the file."""

    version: int = VERSION
    config: str = ""  # the configuration file, for `engine-ctl alert test` while the system is down
    seen_ns: int = 0  # the time of the last check
    closed: bool = True  # the role has ended in order, so nothing was missed
    deaths_file: int = 0  # the inode of the file of deaths, and how far it was read
    deaths_offset: int = -1  # -1: never read
    episodes: Sequence[Episode] = ()
    queues: Mapping[str, Sequence[Message]] = {}


class Store(Protocol):
    """Where the state is kept."""

    def read(self) -> Stored:
        """The last state that was written."""

    def write(self, stored: Stored) -> None:
        """Replace the state."""


class FileStore:
    """The state in a file of the state directory."""

    def __init__(self, path: Path) -> None:
        """Use this file."""
        self.path = path
        self._failed = False

    def read(self) -> Stored:
        """The state; an empty one without a file. A file that cannot be read is reported in the log."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Stored)
        except FileNotFoundError:
            return Stored()
        except (OSError, msgspec.DecodeError) as error:
            logger.warning("the state of alerts cannot be read: begins anew", extra={"error": str(error)})
            return Stored(closed=False)

    def write(self, stored: Stored) -> None:
        """Replace the file in one step; without room the old file stays."""
        temporary = self.path.with_suffix(".making")
        try:
            with open(open_private(temporary, os.O_WRONLY | os.O_TRUNC), "wb") as file:
                file.write(msgspec.json.encode(stored))
            temporary.replace(self.path)
        except OSError as error:
            self._report(error)
        else:
            self._failed = False

    def _report(self, error: OSError) -> None:
        """Log the first failure in turn."""
        if not self._failed:
            text = "the queue of alerts is in memory only: its file cannot be written"
            logger.error(text, extra={"file": str(self.path), "error": str(error)})
        self._failed = True

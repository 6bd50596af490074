"""The monitor's own small file: what cannot be computed from the fills again, replaced as a whole.

A file that cannot be read or written costs the peak and the day's first net, never the positions.
"""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from engine.config.private import open_private
from engine.monitor.recount.account import Kept

FILE = "monitor.json"

logger = logging.getLogger("engine.monitor")


class Store:
    """The file in the state directory."""

    def __init__(self, path: Path) -> None:
        """Use this file."""
        self._path = path
        self._written = b""

    def read(self) -> dict[str, Kept]:
        """What was kept, by execution; nothing without a readable file."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Kept])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError) as error:
            logger.warning("the monitor's file cannot be read: peak and day begin anew", extra={"error": str(error)})
            return {}

    def write(self, kept: Mapping[str, Kept]) -> None:
        """Replace the file if its contents have changed."""
        data = msgspec.json.encode(kept)
        if data == self._written:
            return
        temporary = self._path.with_suffix(".making")
        try:
            with open(open_private(temporary, os.O_WRONLY | os.O_TRUNC), "wb") as file:
                file.write(data)
            temporary.replace(self._path)
        except OSError as error:
            logger.error("the monitor's file cannot be written", extra={"error": str(error)})  # noqa: TRY400
        self._written = data

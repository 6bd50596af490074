"""The monitor's own small file: what cannot be computed from the fills again, for each execution.

A damaged file is refused by its name at the start, because without it a drawdown would begin at 0 and a difference that
an operator has accepted would halt its instrument again. A file that cannot be written is logged.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

import msgspec

from engine.monitor.recount.checked_file import CheckedFile, DamagedFileError
from engine.monitor.recount.kept import Kept

FILE = "monitor.json"

logger = logging.getLogger("engine.monitor")


class Store:
    """The file in the state directory."""

    def __init__(self, path: Path) -> None:
        """Use this file."""
        self._file = CheckedFile(path)
        self._written = b""

    def read(self) -> dict[str, Kept]:
        """What was kept, by execution; nothing without a file."""
        try:
            return msgspec.json.decode(self._file.read(), type=dict[str, Kept])
        except FileNotFoundError:
            return {}
        except (DamagedFileError, msgspec.DecodeError) as error:
            msg = (
                f"{error} (file {self._file.path}): the file is damaged. To begin the peak of the equity, the day's net"
                " and the accepted differences anew, delete it, then engine-ctl restart monitor"
            )
            raise DamagedFileError(msg) from error

    def write(self, kept: Mapping[str, Kept]) -> None:
        """Replace the file if its contents have changed."""
        data = msgspec.json.encode(kept)
        if data == self._written:
            return
        try:
            self._file.write(data)
        except OSError as error:
            logger.error("the monitor's file cannot be written", extra={"error": str(error)})  # noqa: TRY400
        self._written = data

"""The sums up to the journal's last segment, in a file of the monitor's own: a start reads only what follows.

The file names the segment before which it was made, and belongs to these instruments and to this segment alone.
Without a file that fits and is whole, a start reads the whole journal: the file saves time, and nothing else depends on
it.
"""

import json
import logging
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.model.instrument import Instrument
from engine.monitor.recount.checked_file import CheckedFile
from engine.monitor.recount.journal import mark_of

VERSION = 2

logger = logging.getLogger("engine.monitor")


class Counted:
    """The file of one account."""

    def __init__(self, path: Path, journal: Path, instruments: Sequence[Instrument]) -> None:
        """Use this file for this journal."""
        self._file, self._journal = CheckedFile(path), journal
        terms = [(one.id, one.base, one.quote, one.price_decimals, one.size_decimals) for one in instruments]
        self._terms = zlib.crc32(repr((VERSION, terms)).encode())

    def read(self) -> dict[str, Any]:
        """What was written for this journal as it is now; empty without it."""
        try:
            found: dict[str, Any] = json.loads(self._file.read())
            fits = (found["terms"], found["mark"]) == (self._terms, mark_of(self._journal, found["segment"]))
        except (OSError, ValueError, KeyError, TypeError):
            return {}
        return found if fits else {}

    def write(self, segment: str, sums: dict[str, Any]) -> None:
        """Replace the file by the sums of everything before this segment."""
        found = {"segment": segment, "mark": mark_of(self._journal, segment), "terms": self._terms, **sums}
        try:
            self._file.write(json.dumps(found).encode())
        except OSError as error:
            logger.warning("the monitor's sums were not kept", extra={"error": str(error)})

"""The returns of the file `var_history`, read whole at the start and again when the file has changed.

A step reads at most `LINES` lines, so a changed file holds no order up. The returns change when the last line was read.
A file that became wrong changes nothing: it is logged once, and the returns before stay until they are too old.
"""

import logging
import os
import zlib
from collections.abc import Iterator, Sequence

from engine.model.instrument import Instrument
from engine.risk.history.files import FileHistory, lines_of, today_text
from engine.risk.history.recorded import PREFIX, files_before
from engine.risk.history.returns import Returns, returns_by_day

LOOK_NS = 10_000_000_000  # between two looks at the file's time
LINES = 100  # in one step
Stamp = tuple[int, int, int]

logger = logging.getLogger("engine.risk")


class FollowedReturns(Returns):
    """The returns of a file's bars."""

    def __init__(self, path: str, instruments: Sequence[Instrument]) -> None:
        """Read the file; a ValueError names what is wrong in it. An empty path: no file, and no return."""
        super().__init__()
        self._path = path
        self._instruments = tuple(instruments)
        self._looked_ns = 0
        self._reading: Iterator[None] | None = None
        if path:
            import numpy  # noqa: F401, ICN001, PLC0415 - now: the first order would wait for it

            self._stamp = _stamp_of(path)
            for _ in self._read():
                pass

    def step(self, now_ns: int) -> None:
        """Read on in a file that has changed."""
        if self._reading is not None:
            self._read_on()
        elif self._path and now_ns - self._looked_ns >= LOOK_NS:
            self._looked_ns = now_ns
            if (stamp := _stamp_of(self._path)) != self._stamp:
                self._stamp, self._reading = stamp, self._read()

    def _read_on(self) -> None:
        assert self._reading is not None, "no changed file is being read"
        try:
            next(self._reading)
        except StopIteration:
            self._reading = None
            logger.info("the history was read again", extra={"file": self._path})
        except ValueError as error:
            self._reading = None
            logger.error("the changed history is wrong, the one before is in force", extra={"error": str(error)})  # noqa: TRY400

    def _read(self) -> Iterator[None]:
        """Read the file in parts, then make each instrument's returns, then go on with them."""
        history = FileHistory(self._instruments)
        every = 1 if self._path.startswith(PREFIX) else LINES  # the recorder's lines are read a day at once
        for number, line in enumerate(lines_of(self._path, "close"), 1):
            history.add(line)
            if not number % every:
                yield
        days = {}
        for one in self._instruments:
            days[one.id] = returns_by_day(history, one.id)
            yield
        self.replace(days)


def _stamp_of(path: str) -> Stamp:
    """What changes when a file is written or replaced, or a recorder's days; zeros for one that is not there."""
    if path.startswith(PREFIX):
        try:
            files = files_before(path.removeprefix(PREFIX), today_text())
        except (ValueError, OSError):  # reading it names what is wrong
            return -1, 0, 0
        return zlib.crc32("".join(one.path for one in files).encode()), len(files), 0
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0, 0
    return found.st_ino, found.st_mtime_ns, found.st_size

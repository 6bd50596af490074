"""Log lines: one JSON object a line on stderr; readable text when stderr is a terminal.

Only for rare events: start, stop, connections, deaths. The hot path counts in its lanes and never logs.

    log = logging.getLogger("engine.feed")
    log.warning("gap", extra={"instrument": 1, "expected": 7, "found": 9})

A log has a size limit. When `feed.log` is full, its process renames it to `feed.log.1`, the older parts to `.2` and so
on; the oldest part is lost. Then it opens a new file as its stderr. A lock on the directory prevents two processes from
renaming at once. The lock ends with its process, and a death between two renames leaves nothing to repair.

With STEELYARD_LOG=journal, as in the units of `systemd/`, each record is also an entry of systemd's journal.
"""

import contextlib
import fcntl
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from engine.journald import JournalHandler

LIMIT = 8 << 20  # bytes of one part
KEPT = 4  # older parts
LINE_MOST = 1 << 16  # characters of a line; in a longer line, each value is cut
VALUE_MOST = 4096  # to this number of characters
SUFFIX = ".log"
JOURNAL_VARIABLE, JOURNAL = "STEELYARD_LOG", "journal"

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def fields(record: logging.LogRecord) -> dict[str, object]:
    """The caller's `extra` fields."""
    return {key: value for key, value in vars(record).items() if key not in STANDARD}


class JsonLine(logging.Formatter):
    """Formats a record as one JSON object with the name of the process."""

    def __init__(self, process: str) -> None:
        """Keep the name of the process."""
        super().__init__()
        self.process = process

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "time": round(record.created, 6),
            "level": record.levelname.lower(),
            "process": self.process,
            "from": record.name,
            "event": record.getMessage(),
            **fields(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        text = json.dumps(line, default=str)
        if len(text) > LINE_MOST:
            text = json.dumps({name: _cut(value) for name, value in line.items()}, default=str)
        return text


def _cut(value: object) -> object:
    """A value of a line that is too long: a short value whole, a long one as its beginning and its length."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return value if len(text) <= VALUE_MOST else f"{text[:VALUE_MOST]} … ({len(text)} characters)"


class Readable(logging.Formatter):
    """Formats a record as text for a terminal."""

    def __init__(self, process: str) -> None:
        """Keep the name of the process."""
        super().__init__(f"%(asctime)s {process}: %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """The line, followed by the caller's fields."""
        first, newline, rest = super().format(record).partition("\n")
        return " ".join([first, *(f"{key}={value}" for key, value in fields(record).items())]) + newline + rest


class BoundedLog:
    """Warnings that another party can cause at any rate, limited by a token bucket on the caller's clock.

    The first line after omitted ones has their number (`left_out`).
    """

    def __init__(self, logger: logging.Logger, burst: int = 10, interval_ns: int = 1_000_000_000) -> None:
        """Allow `burst` lines at once, and one more in each interval."""
        self._logger = logger
        self._burst = self._tokens = burst
        self._interval_ns = interval_ns
        self._refill_ns = 0
        self._left_out = 0

    def warning(self, now_ns: int, event: str, **extra: object) -> None:
        """Log the event, or count it as omitted."""
        gained = (now_ns - self._refill_ns) // self._interval_ns
        if gained:
            self._tokens = min(self._burst, self._tokens + gained)
            self._refill_ns += gained * self._interval_ns
        if self._tokens <= 0:
            self._left_out += 1
            return
        self._tokens -= 1
        if self._left_out:
            extra["left_out"], self._left_out = self._left_out, 0
        self._logger.warning(event, extra=extra)


class Bounded(logging.StreamHandler[TextIO]):
    """Writes lines to a stream; if the stream is a log file of the engine, begins a new file when it is full."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line, then check the file's size."""
        super().emit(record)
        with contextlib.suppress(OSError, ValueError):  # not a file, or the disk is full: the line itself is written
            descriptor = self.stream.fileno()
            if os.fstat(descriptor).st_size >= LIMIT:
                renew(descriptor)


def renew(descriptor: int) -> None:
    """Replace the full log that this descriptor writes to by an empty one."""
    path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
    if path.suffix != SUFFIX:
        return
    with locked(path.parent):
        if path.exists() and os.path.samestat(path.stat(), os.fstat(descriptor)):
            shift(path)
        fresh = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        os.dup2(fresh, descriptor)
        os.close(fresh)


def make_room(path: Path) -> None:
    """Rename a full log before it is opened for appending: the process that writes to it may not rename it itself."""
    with locked(path.parent):
        if path.exists() and path.stat().st_size >= LIMIT:
            shift(path)


def shift(path: Path) -> None:
    """Rename a log to .1 and every older part to the next number; the oldest is lost."""
    for number in range(KEPT, 0, -1):
        before = part(path, number - 1)
        if before.exists():
            before.replace(part(path, number))


def part(path: Path, number: int) -> Path:
    """The path of a log's part; part 0 is the log that is written to."""
    return path.with_name(f"{path.name}.{number}") if number else path


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the lock for renaming logs in this directory."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def begin(process: str, stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Write this process's log lines to stderr or another stream, and to systemd's journal where it asks for them."""
    stream = stream or sys.stderr
    output = Bounded(stream)
    output.setFormatter(Readable(process) if stream.isatty() else JsonLine(process))
    handlers: list[logging.Handler] = [output]
    if os.environ.get(JOURNAL_VARIABLE) == JOURNAL:
        handlers.append(JournalHandler(process, fields, _cut))
    logging.basicConfig(level=level, handlers=handlers, force=True)

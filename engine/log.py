"""Log lines: one JSON object a line on stderr, readable text when a person looks on.

Only for what happens seldom: start, stop, connections, deaths. The hot path counts into its lanes and never logs.

    log = logging.getLogger("engine.feed")
    log.warning("gap", extra={"instrument": 1, "expected": 7, "found": 9})

A log has a size limit. The process that writes `feed.log` renames it to `feed.log.1` when it is full, the older ones to
`.2` and so on, lets go of the oldest and opens a new one in the place of its stderr. A lock on the directory keeps two
processes from renaming at once; it dies with its holder, and a death between two renames leaves nothing to repair.
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

LIMIT = 8 << 20  # bytes of one part
KEPT = 4  # older parts
LINE_MOST = 1 << 16  # characters of a line; a longer one is written with
VALUE_MOST = 4096  # characters of each value
SUFFIX = ".log"

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def fields(record: logging.LogRecord) -> dict[str, object]:
    """What the caller gave as `extra`."""
    return {key: value for key, value in vars(record).items() if key not in STANDARD}


class JsonLine(logging.Formatter):
    """One JSON object a line, with the process that wrote it."""

    def __init__(self, process: str) -> None:
        """Remember whose lines these are."""
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
    """A value of a line that is too long: whole where it is short, else the beginning of its text, and its length."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return value if len(text) <= VALUE_MOST else f"{text[:VALUE_MOST]} … ({len(text)} characters)"


class Readable(logging.Formatter):
    """A line for a person at a terminal."""

    def __init__(self, process: str) -> None:
        """Remember whose lines these are."""
        super().__init__(f"%(asctime)s {process}: %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """The line, with the caller's fields behind it."""
        first, newline, rest = super().format(record).partition("\n")
        return " ".join([first, *(f"{key}={value}" for key, value in fields(record).items())]) + newline + rest


class BoundedLog:
    """Warnings about what another party causes and may repeat at any speed: a token bucket on the caller's clock.

    A line that follows left-out ones says how many they were (`left_out`).
    """

    def __init__(self, logger: logging.Logger, burst: int = 10, interval_ns: int = 1_000_000_000) -> None:
        """`burst` lines at once, and one more for each interval."""
        self._logger = logger
        self._burst = self._tokens = burst
        self._interval_ns = interval_ns
        self._refill_ns = 0
        self._left_out = 0

    def warning(self, now_ns: int, event: str, **extra: object) -> None:
        """Log the event, or count it as left out."""
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
    """Writes lines to a stream; where that is a log file of ours, begins a new one when it is full."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line, then look at the size."""
        super().emit(record)
        with contextlib.suppress(OSError, ValueError):  # no file, or no room: the line is written, and that is enough
            descriptor = self.stream.fileno()
            if os.fstat(descriptor).st_size >= LIMIT:
                renew(descriptor)


def renew(descriptor: int) -> None:
    """Put an empty log in the place of the full one that this descriptor writes to."""
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
    """Put a full log aside before it is opened to be appended to, for what writes into it may not do so itself."""
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
    """A log's part: 0 is the one that is written to."""
    return path.with_name(f"{path.name}.{number}") if number else path


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Be the only one who renames logs in this directory."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def begin(process: str, stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Send this process's log lines to stderr, or to the stream given."""
    stream = stream or sys.stderr
    output = Bounded(stream)
    output.setFormatter(Readable(process) if stream.isatty() else JsonLine(process))
    logging.basicConfig(level=level, handlers=[output], force=True)

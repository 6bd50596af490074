"""Log lines: one JSON object a line on stderr, readable text when a person looks on.

Only for what happens seldom: start, stop, connections, deaths. The hot path counts into its lanes and never logs.

    log = logging.getLogger("engine.feed")
    log.warning("gap", extra={"instrument": 1, "expected": 7, "found": 9})
"""

import json
import logging
import sys
from typing import TextIO

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
        return json.dumps(line, default=str)


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


def begin(process: str, stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Send this process's log lines to stderr, or to the stream given."""
    stream = stream or sys.stderr
    output = logging.StreamHandler(stream)
    output.setFormatter(Readable(process) if stream.isatty() else JsonLine(process))
    logging.basicConfig(level=level, handlers=[output], force=True)

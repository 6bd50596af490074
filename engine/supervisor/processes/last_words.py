"""The last lines in a process's log, and the one about its own end: the line that an operator must read."""

import json
from pathlib import Path

TAIL = 1 << 16


def last_failure(log: Path, offset: int = 0) -> str:
    """The newest error after this offset of a log: an exception's line, a critical event, or a line without JSON."""
    for text in reversed(_tail(log, offset)):
        try:
            line = json.loads(text)
        except ValueError:
            return text
        if isinstance(line, dict) and line.get("traceback"):
            return str(line["traceback"]).strip().splitlines()[-1]
        if isinstance(line, dict) and line.get("level") == "critical":
            return str(line.get("event"))
    return ""


def last_lines(log: Path, offset: int, since_s: float, count: int) -> list[str]:
    """The newest lines after this offset, none older than this time; a line without a time has that of the one before.

    The offset of an adopted process's log is not known; the time of its start is.
    """
    found: list[str] = []
    for line in _tail(log, offset):
        if (written_s := _time_of(line)) is not None and written_s < since_s:
            found.clear()
        else:
            found.append(line)
    return found[max(0, len(found) - count) :]


def _time_of(text: str) -> float | None:
    """When a line was written; None for a line that engine.log did not write."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    written_s = line.get("time") if isinstance(line, dict) else None
    return written_s if isinstance(written_s, int | float) else None


def _tail(log: Path, offset: int) -> list[str]:
    """The newest lines after the offset; from the file's beginning when the file is shorter than the offset."""
    try:
        with log.open("rb") as file:
            end = file.seek(0, 2)
            file.seek(max(offset if offset <= end else 0, end - TAIL))
            return [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    except OSError:
        return []

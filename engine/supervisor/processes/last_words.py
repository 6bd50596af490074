"""The last line in a process's log about its own end: the line that an operator must read."""

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


def _tail(log: Path, offset: int) -> list[str]:
    """The newest lines after the offset; from the file's beginning when the file is shorter than the offset."""
    try:
        with log.open("rb") as file:
            end = file.seek(0, 2)
            file.seek(max(offset if offset <= end else 0, end - TAIL))
            return [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    except OSError:
        return []

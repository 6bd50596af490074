"""The audit: one JSON line for each command and its answer, in a bounded number of files of bounded size."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.config.private import open_private

SIZE_MAX, KEPT = 4 << 20, 4  # bytes of one file; older files; audit.log.1 is the newest of them
TEXT_MAX = 2048  # characters kept of a client's text


def append(path: Path, line: Mapping[str, Any]) -> None:
    """Add a line; a full file is renamed first."""
    cut = {key: _cut(value) for key, value in line.items()}
    data = json.dumps(cut, default=str).encode() + b"\n"
    descriptor = open_private(path, os.O_WRONLY | os.O_APPEND)
    try:
        if os.fstat(descriptor).st_size + len(data) > SIZE_MAX:
            _rotate(path)
            os.close(descriptor)
            descriptor = open_private(path, os.O_WRONLY | os.O_APPEND)
        os.write(descriptor, data)
    finally:
        os.close(descriptor)


def _cut(value: Any) -> Any:
    """The value, or the beginning of its text if that is long; a list (the orders left) is written whole."""
    if isinstance(value, list):
        return value
    text = json.dumps(value, default=str)
    return value if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]} … ({len(text)} characters)"


def _rotate(path: Path) -> None:
    """Rename each file to the next number; the oldest is lost."""
    for number in range(KEPT - 1, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            older.replace(path.with_name(f"{path.name}.{number + 1}"))
    path.replace(path.with_name(f"{path.name}.1"))

"""Files of JSON lines with a bound: a full file is renamed to .1, the older to .2 and so on; the oldest is lost."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.config.private import open_private

KEPT = 4  # older files


def append(path: Path, line: Mapping[str, Any], size_max: int) -> None:
    """Add a line; a file that would exceed this size is renamed first."""
    data = json.dumps(line, default=str).encode() + b"\n"
    descriptor = open_private(path, os.O_WRONLY | os.O_APPEND)
    try:
        if os.fstat(descriptor).st_size + len(data) > size_max:
            _rotate(path)
            os.close(descriptor)
            descriptor = open_private(path, os.O_WRONLY | os.O_APPEND)
        os.write(descriptor, data)
    finally:
        os.close(descriptor)


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Every line of the file and of the older ones, the oldest first; a line that a full disk has cut is omitted."""
    for number in range(KEPT, -1, -1):
        part = path.with_name(f"{path.name}.{number}") if number else path
        for text in part.read_bytes().splitlines() if part.exists() else ():
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict):
                yield line


def _rotate(path: Path) -> None:
    """Rename each file to the next number; the oldest is lost."""
    for number in range(KEPT - 1, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            older.replace(path.with_name(f"{path.name}.{number + 1}"))
    path.replace(path.with_name(f"{path.name}.1"))

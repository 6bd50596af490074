"""The audit: one JSON line for each command and its answer, in a bounded number of files of bounded size."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.supervisor import lines

SIZE_MAX, KEPT = 4 << 20, lines.KEPT  # bytes of one file; older files; audit.log.1 is the newest of them
TEXT_MAX = 2048  # characters kept of a client's text


def append(path: Path, line: Mapping[str, Any]) -> None:
    """Add a line; a full file is renamed first."""
    lines.append(path, {key: _cut(value) for key, value in line.items()}, SIZE_MAX)


def _cut(value: Any) -> Any:
    """The value, or the beginning of its text if that is long; a list (the orders left) is written whole."""
    if isinstance(value, list):
        return value
    text = json.dumps(value, default=str)
    return value if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]} … ({len(text)} characters)"

"""What `engine-ctl --json` printed: a line for each object, in one shape."""

import json
from typing import Any


def rows_of(text: str) -> list[Any]:
    """The data of each line; no line is an error."""
    lines = [json.loads(line) for line in text.splitlines()]
    assert all(list(line) == ["command", "data", "error"] and line["error"] is None for line in lines), text
    return [line["data"] for line in lines]


def data_of(text: str) -> Any:
    """The data of the only line."""
    [data] = rows_of(text)
    return data


def error_of(text: str) -> Any:
    """The error of the only line."""
    line = json.loads(text)
    assert (list(line), line["data"]) == (["command", "data", "error"], None), text
    return line["error"]

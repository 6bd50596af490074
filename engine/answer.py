"""The one JSON shape of `engine-ctl`: each line of `--json` is an object with these three keys.

    {"command": "orders", "data": {…}, "error": null}
    {"command": "orders", "data": null, "error": {"code": 3, "text": "no system runs: …"}}

A command that prints rows prints a line for each row; without a row it prints no line and exits 0.
"""

import json
from typing import Any


def data_line(command: str, data: Any) -> str:
    """The line of one object that a command prints."""
    return _line(command, data, None)


def error_line(command: str, code: int, text: str) -> str:
    """The line of an error, with the exit code of the command."""
    return _line(command, None, {"code": code, "text": text})


def _line(command: str, data: Any, error: Any) -> str:
    return json.dumps({"command": command, "data": data, "error": error})

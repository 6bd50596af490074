"""Executions that never run: one fails an assert while it is built, one is never built."""

import signal
from typing import Any


def build(config: Any, name: str) -> Any:
    """What the runtime calls."""
    del config, name
    raise AssertionError("asked to fail at the start")


def hang(config: Any, name: str) -> Any:
    """What the runtime calls; it never returns."""
    del config, name
    while True:
        signal.pause()

"""An execution that fails an assert while it is built."""

from typing import Any


def build(config: Any, name: str) -> Any:
    """What the runtime calls."""
    del config, name
    raise AssertionError("told to fail at the start")

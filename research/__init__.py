"""Research reads the engine's lanes and its history without any effect: it attaches read-only and registers nowhere."""

import importlib
from typing import Any

from research.attached import Attached, NotRunningError, attach
from research.backtest import backtest_strategy
from research.history import History, PrunedWarning, TooLargeError, history
from research.indicators import calculate_sma
from research.positions import PositionSnapshot, get_position_snapshot

__all__ = [
    "Attached", "History", "NotRunningError", "PositionSnapshot", "PrunedWarning", "TooLargeError",
    "attach", "backtest_strategy", "calculate_sma", "get_position_snapshot", "history",
]  # fmt: skip

ROOMS = ("lookahead", "parity", "sweep")  # called as functions; each is loaded when it is first used


def __getattr__(name: str) -> Any:
    """A room of its own that `import research` alone makes available."""
    if name in ROOMS:
        return importlib.import_module(f"research.{name}")
    raise AttributeError(f"module 'research' has no attribute {name!r}")

"""Research reads the engine's lanes and its history without any effect: it attaches read-only and registers nowhere."""

from research.history import History, TooLargeError, history
from research.indicators import calculate_sma

__all__ = ["History", "TooLargeError", "calculate_sma", "history"]

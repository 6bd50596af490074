"""Research reads the engine's lanes without any effect: it attaches read-only and registers nowhere."""

from research.indicators import calculate_sma

__all__ = ["calculate_sma"]

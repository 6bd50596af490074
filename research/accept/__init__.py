"""The gate before live trading: explicit thresholds, and a sealed verdict that `[live] accepted_only` requires."""

from research.accept.judge import judge, write
from research.accept.thresholds import Thresholds, read_thresholds

__all__ = ["Thresholds", "judge", "read_thresholds", "write"]

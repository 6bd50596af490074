"""Bars in research: strategies on arrays of bars, and bars for strategies that are simulated event by event."""

from research.bars.bar import BAR, check
from research.bars.recorded import from_history
from research.bars.run import BarResult, cross, hold
from research.bars.source import BarSource, GivenBars, PrintBars
from research.bars.tape import PATHS, tape

__all__ = [
    "BAR",
    "PATHS",
    "BarResult",
    "BarSource",
    "GivenBars",
    "PrintBars",
    "check",
    "cross",
    "from_history",
    "hold",
    "tape",
]

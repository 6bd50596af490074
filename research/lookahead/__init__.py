"""The look-ahead test: whether a strategy decides by data that it has not received yet.

    all data   ├──────────────────────────────────────┤   every intent of the strategy
    cut        ├───────────────────┤                      the same strategy, given only this: the same bytes

    import research
    print(research.lookahead("day.npy", "mine:Maker", instruments=[btc], models=models, prepare="mine:features"))

`python -m research.lookahead STRATEGY --data FILE --config FILE` is the same on the command line;
docs/research/lookahead.md.
"""

import sys
from types import ModuleType
from typing import Any

from research.lookahead.report import Difference, Report
from research.lookahead.start import NotTestedError, lookahead

__all__ = ["Difference", "NotTestedError", "Report", "lookahead"]


class _Room(ModuleType):
    """This module, which is called as its main function."""

    def __call__(self, *arguments: Any, **options: Any) -> Report:
        """The same as `research.lookahead.lookahead`."""
        return lookahead(*arguments, **options)


sys.modules[__name__].__class__ = _Room

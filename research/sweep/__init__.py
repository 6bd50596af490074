"""Sweeps: one strategy with many parameters over one mapped copy of the data.

    import research
    sweep = research.sweep("btc.npy", "mine:Maker", space={"width": [1, 2, 3]}, instruments=[btc], models=models)
    sweep.wait(bar=True).results()
    research.sweep.attach(sweep.id)         the same in another process

`python -m research.sweep CONFIG.toml` is the same on the command line; docs/research/sweep.md.
"""

import sys
from types import ModuleType
from typing import Any

from research.sweep.attached import Progress, Sweep, SweepStoppedError, attach
from research.sweep.registry import registry
from research.sweep.run.log import Row
from research.sweep.start import sweep, sweep_file
from research.sweep.study import default_home

__all__ = [
    "Progress",
    "Row",
    "Sweep",
    "SweepStoppedError",
    "attach",
    "default_home",
    "registry",
    "sweep",
    "sweep_file",
]


class _Room(ModuleType):
    """This module, which is called as its main function."""

    def __call__(self, *arguments: Any, **options: Any) -> Sweep:
        """The same as `research.sweep.sweep`."""
        return sweep(*arguments, **options)


sys.modules[__name__].__class__ = _Room

"""A recorded session beside its replay and its simulation.

recorder's directory ─▶ session ─▶ decisions, made again from STEPS, byte for byte
                               └─▶ orders, sent to a simulated venue; each difference attributed to a model
"""

import sys
from types import ModuleType
from typing import Any

from research.parity.decisions import Decisions, Difference
from research.parity.recorded.recording import ParityError
from research.parity.session import Parity, parity
from research.parity.simulated.models import ParityModels
from research.parity.simulated.pair import Answers, Pair

__all__ = ["Answers", "Decisions", "Difference", "Pair", "Parity", "ParityError", "ParityModels", "parity"]


class _Room(ModuleType):
    """This module, which is called as its main function."""

    def __call__(self, *arguments: Any, **options: Any) -> Parity:
        """The same as `research.parity.parity`."""
        return parity(*arguments, **options)


sys.modules[__name__].__class__ = _Room

"""A peer: its name, what it needs, how many records make a fair run, and how a link of it is opened."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Link


@dataclass(frozen=True, slots=True)
class Peer:
    """One way to carry records."""

    name: str
    open: Callable[[int], Link]
    """A link for records of so many bytes."""
    records: int
    """About as many as the link carries in 0.2 s."""
    gap_ns: int
    """Between two records when one-way latency is measured: longer than the way of one record."""
    modules: tuple[str, ...] = ()
    program: str = ""

    def missing(self) -> str | None:
        """What of it is not installed here."""
        for module in self.modules:
            if importlib.util.find_spec(module) is None:
                return f"{module} is not installed"
        if self.program and not Path(self.program).exists():
            return f"{self.program} is not there"
        return None

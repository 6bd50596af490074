"""The registry of checks: each is one function that returns its findings.

    @check("governor")
    def governor(subject: Subject) -> Iterable[Finding]: ...

The lines come in the order in which the files are imported, and within a file in its own order.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from engine.cli.preflight.machine import Machine
from engine.cli.preflight.network import Network
from engine.config import Config


class Grade(StrEnum):
    """How a check went."""

    OK = "ok"
    WARN = "warn"  # trading works, and something will be slower or riskier than it need be
    FAIL = "fail"  # do not trade before this is mended


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the output."""

    grade: Grade
    text: str  # what was found
    remedy: str = ""  # what to do; empty when it is ok


@dataclass(frozen=True, slots=True)
class Subject:
    """What is checked: a configuration, on a machine, towards its venues."""

    config: Config
    machine: Machine
    network: Network

    @property
    def grave(self) -> Grade:
        """The grade of a lack that only matters when orders leave this machine."""
        return Grade.FAIL if self.config.orders_may_leave else Grade.WARN


Check = Callable[[Subject], Iterable[Finding]]
CHECKS: dict[str, Check] = {}


def ok(text: str) -> Finding:
    """Nothing is to do."""
    return Finding(Grade.OK, text)


def warn(text: str, remedy: str) -> Finding:
    """It should be mended."""
    return Finding(Grade.WARN, text, remedy)


def fail(text: str, remedy: str) -> Finding:
    """It must be mended."""
    return Finding(Grade.FAIL, text, remedy)


def check(name: str) -> Callable[[Check], Check]:
    """Register a function as the check of this name."""

    def register(function: Check) -> Check:
        assert name not in CHECKS, f"two checks are called {name}"
        CHECKS[name] = function
        return function

    return register


def run(subject: Subject) -> Iterator[tuple[str, Finding]]:
    """Every finding with the name of its check; a check that cannot be evaluated has failed."""
    for name, function in CHECKS.items():
        try:
            found = list(function(subject))
        except (OSError, ValueError) as error:
            found = [fail(f"cannot be evaluated: {error}", "mend what the text names, then run preflight again")]
        yield from ((name, finding) for finding in found)

"""The passes of a sweep: which trials run together, as variants of one pass over the data.

    pending trials ──`next`──▶ a pass ──rows──▶ the log
          ▲                      └─no rows─┐
          └─────────── two halves ◀────────┘     so the trial that fails, or has no memory, is alone in the end

A trial that is alone has the row of its single run, so the passes do not show in the rows.
"""

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from research.sweep.run.log import Row

if TYPE_CHECKING:
    from research.experiment.description import Kind
    from research.sweep.study import Study

VARIANTS_MOST = 32  # of a pass, unless a number is given
ROUNDS = 2  # passes for each worker, so that all end at about the same time
HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class that Python code has made


class Trial(NamedTuple):
    """What one trial runs."""

    number: int
    parameters: dict[str, Any]


Pass = tuple[Trial, ...]


class Ended(NamedTuple):
    """A pass that has ended: a row for each trial, or none.

    `why` is the reason for which its process has no result; without rows and reason one of its trials has failed.
    """

    trials: Pass
    rows: list[Row]
    why: str = ""


class SharedStateError(RuntimeError):
    """The strategy keeps state outside its object: its trials cannot share a process."""


class Passes:
    """The passes that have not begun."""

    def __init__(self, trials: Iterable[Trial], size: int) -> None:
        """At most `size` trials in a pass."""
        self.size = size
        self._trials, self._first = deque(trials), deque[Pass]()

    def __bool__(self) -> bool:
        """Whether there is one."""
        return bool(self._trials or self._first)

    def next(self) -> Pass:
        """The next pass."""
        if not self._first:
            return tuple(self._trials.popleft() for _ in range(min(self.size, len(self._trials))))
        trials = self._first.popleft()
        if len(trials) > self.size:
            self.again(trials[self.size :])
        return trials[: self.size]

    def again(self, trials: Pass) -> None:
        """Run a pass next."""
        self._first.appendleft(trials)

    def halve(self, ended: Ended) -> None:
        """Run the halves of a pass next; if its process had no result, no pass after it is larger than they."""
        middle = (len(ended.trials) + 1) // 2
        if ended.why:
            self.size = min(self.size, middle)
        self.again(ended.trials[middle:])
        self.again(ended.trials[:middle])


def size_of(study: "Study", variants: int, trials: int, room: int) -> int:
    """How many trials a pass has: those asked for, or, at 0, what suits the strategy, the trials and the workers.

    Only a compiled strategy shares a process without being asked: a Python class may keep state in its module, and most
    of its time is in its hooks, which share nothing.
    """
    if study.experiment.speed != "fast":
        return 1
    if variants:
        return variants
    if not is_compiled(study.experiment.kind()):
        return 1
    return max(1, min(VARIANTS_MOST, -(-trials // (ROUNDS * room))))


def is_compiled(kind: "Kind") -> bool:
    """Whether a strategy is an extension type itself, not a Python class, also not one that is derived from such."""
    return not kind.__flags__ & HEAP_TYPE

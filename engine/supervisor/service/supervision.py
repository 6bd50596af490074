"""The supervisor's own state, published at every step: is the system up, does a process miss its deadline.

    a process   running, parked, stopped by an operator ─▶ as it should be
                waiting, starting, late, stopping       ─▶ is waited for; after `watch.restart_limit_ms`: overdue

The guard reads this cell and feeds the watchdog of systemd by it (`watchdog.py`): only while the supervisor writes it
and no process is overdue.
"""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Protocol

from engine.supervisor.processes.watch import Phase

if TYPE_CHECKING:
    from engine.lanes import RoleLanes
    from engine.lanes.ports import CellWriter

AS_IT_SHOULD_BE = (Phase.RUNNING, Phase.PARKED, Phase.STOPPED)


class Watched(Protocol):
    """A watch, as far as its phase is concerned."""

    phase: Phase


class Deadlines:
    """Since when each process that should run has not run."""

    def __init__(self, limit_ns: int) -> None:
        """A process is overdue when it has not run for longer than this."""
        self.limit_ns = limit_ns
        self.since_ns: dict[str, int] = {}

    def step(self, phases: Iterable[tuple[str, Phase]], now_ns: int) -> None:
        """Note the processes that do not run, and forget those that are as they should be."""
        waiting = [name for name, phase in phases if phase not in AS_IT_SHOULD_BE]
        self.since_ns = {name: self.since_ns.get(name, now_ns) for name in waiting}

    def allow_gap(self, gap_ns: int) -> None:
        """Do not count a time in which the supervisor itself did not run."""
        self.since_ns = {name: since_ns + gap_ns for name, since_ns in self.since_ns.items()}

    @property
    def longest(self) -> tuple[str, int]:
        """The process that has not run for the longest time, and since when; "" and 0 without one."""
        return min(self.since_ns.items(), key=lambda item: item[1], default=("", 0))

    def overdue_ns(self, now_ns: int) -> int:
        """Since when the longest waiting process has not run, if its deadline has passed; else 0."""
        _, since_ns = self.longest
        return since_ns if since_ns and now_ns - since_ns > self.limit_ns else 0


class Supervision:
    """Publishes the cell SUPERVISION."""

    def __init__(self, limit_ns: int) -> None:
        """Begin as not up; `open` must follow."""
        self.deadlines = Deadlines(limit_ns)
        self.up_ns = 0
        self._cell: CellWriter

    def open(self, lanes: "RoleLanes") -> None:
        """Become the writer of the cell, at the start and again on new segments."""
        self._cell = lanes.cell_writer("supervision")

    def publish(self, watches: Collection[tuple[str, Watched]], now_ns: int, *, stopping: bool) -> None:
        """Write the state of all processes."""
        phases = [(name, watch.phase) for name, watch in watches]
        self.deadlines.step(phases, now_ns)
        waits_for, _ = self.deadlines.longest
        self.up_ns = self.up_ns or (0 if waits_for else now_ns)
        of = [phase for _, phase in phases]
        overdue_ns = 0 if stopping else self.deadlines.overdue_ns(now_ns)
        self._cell.write(
            0, now_ns, self.up_ns, overdue_ns, len(of), of.count(Phase.RUNNING), of.count(Phase.PARKED), stopping,
            waits_for.encode(),
        )  # fmt: skip

    def close(self) -> None:
        """Close the cell."""
        self._cell.close()

"""What the guard reports to systemd, decided from the cell SUPERVISION at intervals.

    the supervisor wrote the cell since the last report ──┬─▶ up for the first time     READY=1
                                                          ├─▶ no process is overdue     WATCHDOG=1
                                                          └─▶ the system goes down      STOPPING=1, EXTEND_TIMEOUT_USEC
    it did not write the cell                             ────▶ nothing

So the watchdog fires when the guard or the supervisor does not run, when the guard cannot replace the supervisor, or
when a process that should run is not brought back in time.
"""

from typing import TYPE_CHECKING

from engine.supervisor.service.notify import Notifier

if TYPE_CHECKING:
    from engine.model.rows import SupervisionRow

SECOND_NS = 1_000_000_000
REPORTS = 4  # in one watchdog time
EXTEND = f"EXTEND_TIMEOUT_USEC={30_000_000}"  # how long the next report of a drain may be away


class Reports:
    """The lines of each report; state is what was reported before."""

    def __init__(self) -> None:
        """Nothing was reported."""
        self.ready = self.stopping = False
        self._seen_ns = -1  # `now_ns` of the newest cell

    def lines(self, row: "SupervisionRow | None") -> list[str]:
        """What to report now; empty when the supervisor has not written the cell since the last call.

        The first cell is only remembered: a supervisor that is dead now may have written it.
        """
        if row is None or row.now_ns == self._seen_ns:
            return []
        before_ns, self._seen_ns = self._seen_ns, row.now_ns
        return [] if before_ns < 0 else [*self._change(row), *self._life(row), f"STATUS={status(row)}"]

    def _change(self, row: "SupervisionRow") -> list[str]:
        """The changes that are reported once."""
        lines = []
        if row.up_ns and not self.ready:
            self.ready = True
            lines.append("READY=1")
        if row.stopping and not self.stopping:
            self.stopping = True
            lines.append("STOPPING=1")
        return lines

    @staticmethod
    def _life(row: "SupervisionRow") -> list[str]:
        """What keeps the service manager waiting."""
        if row.stopping:
            return ["WATCHDOG=1", EXTEND]
        return [] if row.overdue_ns else ["WATCHDOG=1"]


def status(row: "SupervisionRow") -> str:
    """The system in one line, for `systemctl status`."""
    waits_for = row.waits_for.rstrip(b"\0").decode()
    parts = ["stopping" if row.stopping else f"{row.running} of {row.processes} processes run"]
    parts += [f"{row.parked} parked"] * bool(row.parked)
    if waits_for and not row.stopping:
        parts.append(f"{waits_for} is overdue" if row.overdue_ns else f"waits for {waits_for}")
    return ", ".join(parts)


class Watchdog:
    """Sends the reports when they are due."""

    def __init__(self, notifier: Notifier) -> None:
        """The first report is due at once."""
        self.notifier = notifier
        self.reports = Reports()
        self._interval_ns = min(SECOND_NS, notifier.watchdog_ns // REPORTS or SECOND_NS)
        self._next_ns = 0

    def due(self, now_ns: int) -> bool:
        """Whether a service manager waits for a report; until the system is up at each step, so READY is prompt."""
        return self.notifier.listens and (now_ns >= self._next_ns or not self.reports.ready)

    def report_stop(self) -> None:
        """Report at once that the guard was asked to bring the system down."""
        self.reports.stopping = True
        self.notifier.send("STOPPING=1", "STATUS=stopping")

    def report(self, row: "SupervisionRow | None", now_ns: int) -> None:
        """Send a report; the cell as it is now decides what it has."""
        self._next_ns = now_ns + self._interval_ns
        self.notifier.send(*self.reports.lines(row))

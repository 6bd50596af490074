"""The life of each process as alerts see it: by the heartbeats of its roles, by its pid, by the file of deaths.

beats of a new pid ──▶ alive ──pid ends──▶ ended: in order, if the last beat is DRAINING or STOPPED; else a death
                                             │ the file of deaths names the cause within `GRACE_NS`
                                             └ without a line there (the supervisor is dead, or the disk is full):
                                               the death is reported without a cause

The supervisor writes no line for an end that was asked for, so while it runs its file decides where beats cannot.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from engine.alerts.deaths import Death
from engine.alerts.machine import Machine
from engine.lanes.ports import CellReader
from engine.model.rows import HeartbeatRow
from engine.model.words import RoleState

GRACE_NS = 700_000_000
KNOWN_MOST = 256  # deaths that are remembered, so that none is reported twice
IN_ORDER = (RoleState.DRAINING, RoleState.STOPPED)


class Process:
    """One process of the system with roles."""

    def __init__(self, name: str, beats: Mapping[str, CellReader], machine: Machine) -> None:
        """Begin without a beat."""
        self.name, self.roles = name, tuple(beats)
        self.pid = 0
        self.state = RoleState.STARTING
        self.beat_ns = self.start_ns = 0  # of its slowest role
        self.ended_ns = 0  # when it was seen to have ended; 0: it runs
        self.is_certain = False  # the end was a death: its last beat, read after the end, is of a role that ran
        self._beats, self._machine = tuple(beats.values()), machine

    @property
    def runs(self) -> bool:
        """Whether it was seen to beat, and has not ended."""
        return self.pid != 0 and not self.ended_ns

    @property
    def ended_in_order(self) -> bool:
        """Whether it ended as it was asked to."""
        return self.state in IN_ORDER

    def update(self, now_ns: int) -> Death | None:
        """Read the beats and the pid; a death that was seen now."""
        rows: list[HeartbeatRow] = [row for beats in self._beats if (row := beats.read(0)) is not None]
        ended = self._end(rows, now_ns)
        if rows and rows[0].pid != self.pid:
            self._begin(rows[0].pid)
            ended = ended or self._end(rows, now_ns)
        own = [row for row in rows if row.pid == self.pid]
        if own:
            self.state = RoleState(min(row.state for row in own))
            self.beat_ns = min(row.wall_ns for row in own)
            self.start_ns = min(row.start_ns for row in own)
        return ended

    def _begin(self, pid: int) -> None:
        """Watch a new process."""
        if self.pid:
            self._machine.forget(self.pid)
        self.pid, self.ended_ns = pid, 0
        self._machine.watch(pid)

    def _end(self, rows: Sequence[HeartbeatRow], now_ns: int) -> Death | None:
        """The death, when the process has ended since the last call, and not in order."""
        if not self.pid or self.ended_ns or not self._machine.has_ended(self.pid):
            return None
        last = [row.state for row in rows if row.pid == self.pid]
        self.ended_ns, self.is_certain = now_ns, bool(last)
        self.state = RoleState(min(last)) if last else self.state
        return None if self.ended_in_order else Death(self.name, self.roles, self.pid, now_ns, "")


class Processes:
    """All processes, and the deaths that are to be reported."""

    def __init__(self, processes: Iterable[Process], supervisor: Process, late_ns: int) -> None:
        """`supervisor` is watched like the others; without a beat for `late_ns` it writes no death."""
        self.supervisor = supervisor
        self.all = (*processes, supervisor)
        self._late_ns = late_ns
        self._seen: list[tuple[Death, bool]] = []  # deaths that wait for their line, and whether each is certain
        self._known: deque[tuple[str, int]] = deque(maxlen=KNOWN_MOST)  # reported by the file of deaths, or by us

    def update(self, lines: Iterable[Death], now_ns: int) -> list[Death]:
        """The deaths that are to be reported now, each once; `lines` are the new lines of the file."""
        reported = [line for line in lines if self._is_new(line)]
        for process in self.all:
            if (death := process.update(now_ns)) is not None:
                self._seen.append((death, process.is_certain))
        waiting, self._seen = self._seen, []
        for death, is_certain in waiting:
            if now_ns - death.now_ns < GRACE_NS:
                self._seen.append((death, is_certain))
            elif (is_certain or not self._supervisor_writes(now_ns)) and self._is_new(death):
                reported.append(death)
        return reported

    def _supervisor_writes(self, now_ns: int) -> bool:
        """Whether a supervisor runs that would have written a death; it writes none of an end that was asked for."""
        return self.supervisor.runs and now_ns - self.supervisor.beat_ns <= self._late_ns

    def _is_new(self, death: Death) -> bool:
        """Whether a death was not reported before; a start that failed has no pid and is always new."""
        key = (death.process, death.pid)
        if death.pid and key in self._known:
            return False
        self._known.append(key)
        return True

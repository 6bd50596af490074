"""Whether an execution lives and looks after its orders: by its heartbeat, its session's cell and its process.

    ABSENT ─▶ STARTING ─▶ RUNNING ◀─▶ FROZEN
                              │           │
                              └─▶ ENDED   └─▶ DEAD          a new life begins with STARTING

A life is *attended* once it runs and its session is READY, which means that it has asked the venue about every order.
It stays attended while it beats. It is FROZEN when it has not beaten for `late_ns` and half of that time was its own.
A starved machine delays every process, so these times do not count:

- the time in which the canceller itself did not run: it could not see a beat,
- the time that execution waited for a CPU or for the disk, by the kernel: a busy machine is no frozen execution.

After `frozen_ns` it is FROZEN all the same: orders without an attendant are worse than orders cancelled too early. The
supervisor judges by the same times (`supervisor/processes/freeze.py`) but later, so the cancels leave before its kill.
"""

from enum import IntEnum

from engine.activity import DISK, RUNNABLE, Activity
from engine.canceller.config import CancellerConfig
from engine.canceller.process import ProcessPort
from engine.lanes.ports import CellReader
from engine.model.rows import HeartbeatRow
from engine.model.words import RoleState, SessionState

GAP_NS = 50_000_000  # between two looks: the canceller itself did not run
BEATS_MISSED = 3  # then the kernel is asked about the process


class Vital(IntEnum):
    """The state of an execution, as its canceller sees it."""

    ABSENT = 0  # no life was seen
    STARTING = 1
    RUNNING = 2
    FROZEN = 3
    DEAD = 4
    ENDED = 5  # it closed its lanes itself


class Vitals:
    """The newest life of one execution."""

    def __init__(
        self, config: CancellerConfig, beats: CellReader, sessions: CellReader, process: ProcessPort, now_ns: int
    ) -> None:
        """Begin as if an execution had run until now: a canceller may start after its death."""
        self.state = Vital.ABSENT
        self.start_ns = 0  # of the newest life
        self.unattended_ns = now_ns  # since when no execution looks after the orders
        self.able_ns = now_ns  # when an execution could last send an order
        self._config, self._beats, self._sessions, self._process = config, beats, sessions, process
        self._pid = 0
        self._ready = False  # this life was ready
        self._sequence = 0  # of the heartbeat's cell
        self._seen_ns = self._looked_ns = now_ns
        self.doubted = False  # whether the kernel is asked about the process at each look
        self._before: Activity | None = None  # what the process had done when its beats began to be missing

    @property
    def attended(self) -> bool:
        """Whether an execution looks after its orders."""
        return self._ready and self.state is Vital.RUNNING

    def silent_ns(self, now_ns: int) -> int:
        """How long the newest life has not beaten."""
        return now_ns - self._seen_ns

    def update(self, now_ns: int) -> None:
        """Update the state."""
        gap_ns, self._looked_ns = now_ns - self._looked_ns, now_ns
        row: HeartbeatRow | None = self._beats.read(0)
        if row is None:
            return
        if (row.pid, row.start_ns) != (self._pid, self.start_ns):
            self._begin(row, now_ns)
        sequence = self._beats.sequence(0)
        if sequence != self._sequence:
            self._sequence, self._before = sequence, None
            self._seen_ns = min(now_ns, max(row.wall_ns, now_ns - gap_ns))
        elif gap_ns > GAP_NS:
            self._seen_ns += gap_ns
        if self.state is not Vital.DEAD:
            self._judge(row, now_ns)

    def _begin(self, row: HeartbeatRow, now_ns: int) -> None:
        """A new life: nothing is known of it but its start."""
        self._pid, self.start_ns = row.pid, row.start_ns
        self.state, self._ready = Vital.STARTING, False
        self._seen_ns = now_ns

    def _judge(self, row: HeartbeatRow, now_ns: int) -> None:
        """Set the state of this life, and what follows from it."""
        self.state = self._state(row, now_ns)
        self._ready = self._ready or self._is_ready()
        if self.attended:
            self.unattended_ns = now_ns
        elif self.state is Vital.DEAD:
            self.unattended_ns = min(self.unattended_ns, row.wall_ns)  # it may have died before this canceller started
        if self._ready or self.state in (Vital.RUNNING, Vital.FROZEN):
            self.able_ns = min(now_ns, max(self.start_ns, row.wall_ns)) if self.state is Vital.ENDED else now_ns

    def _state(self, row: HeartbeatRow, now_ns: int) -> Vital:
        """By the beat, and by the process when beats are missing."""
        if row.state == RoleState.STOPPED:
            return Vital.ENDED
        doubted = self.doubted or self.silent_ns(now_ns) > BEATS_MISSED * self._config.beat_ns
        if doubted and not self._process.lives(self._pid):
            return Vital.DEAD
        if row.state == RoleState.STARTING:
            return Vital.STARTING
        return Vital.FROZEN if self._is_frozen(now_ns) else Vital.RUNNING

    def _is_frozen(self, now_ns: int) -> bool:
        """Whether it has not beaten for too long, and enough of this time was its own."""
        silent_ns = self.silent_ns(now_ns)
        if silent_ns <= BEATS_MISSED * self._config.beat_ns:
            return False
        if self._before is None:
            self._before = self._process.activity(self._pid)
        if silent_ns <= self._config.late_ns:
            return False
        return silent_ns > self._config.frozen_ns or 2 * self._own_ns(silent_ns) > self._config.late_ns

    def _own_ns(self, silent_ns: int) -> int:
        """How much of the time without a beat the process had to itself."""
        before, found = self._before, self._process.activity(self._pid)
        if before is None or found is None:
            return 0
        if found.state in RUNNABLE + DISK:
            return found.ran_ns - before.ran_ns
        return silent_ns - (found.waited_ns - before.waited_ns)

    def _is_ready(self) -> bool:
        """Whether the session's cell is of this life, and orders can leave."""
        row = self._sessions.read(0)
        return row is not None and row.state == SessionState.READY and row.now_ns >= self.start_ns

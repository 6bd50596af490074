"""Whether an execution lives and looks after its orders: by its heartbeat, its session's cell and its process.

    ABSENT ─▶ STARTING ─▶ RUNNING ◀─▶ FROZEN
                              │           │
                              └─▶ ENDED   └─▶ DEAD          a new life begins with STARTING

A life is *attended* once it runs and its session is READY, which means that it has asked the venue about every order.
It stays attended while it beats. FROZEN is judged by the time without a beat. Two things are subtracted from this
time, because a starved machine delays every process:

- the time in which the canceller itself did not run: it could not see a beat,
- the time that execution waited for a core (the kernel counts it), so a busy machine is no frozen execution; at most
  up to `frozen_ns`, because orders without an attendant are worse than orders cancelled too early.
"""

from enum import IntEnum

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
        self._waited_ns = -1  # what the process had waited when its beats began to be missing; -1: they do not

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
            self._sequence, self._waited_ns = sequence, -1
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
        """Whether it has not beaten for too long, without the time that it waited for a core."""
        silent_ns = self.silent_ns(now_ns)
        if silent_ns > BEATS_MISSED * self._config.beat_ns and self._waited_ns < 0:
            self._waited_ns = self._process.waited_ns(self._pid)
        if silent_ns <= self._config.late_ns:
            return False
        waited_ns = self._process.waited_ns(self._pid) - self._waited_ns
        return silent_ns - waited_ns > self._config.late_ns or silent_ns > self._config.frozen_ns

    def _is_ready(self) -> bool:
        """Whether the session's cell is of this life, and orders can leave."""
        row = self._sessions.read(0)
        return row is not None and row.state == SessionState.READY and row.now_ns >= self.start_ns

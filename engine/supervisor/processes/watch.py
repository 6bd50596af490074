"""Watches one process: decides when it is started, late, frozen or dead, and when it is started again.

    waiting ──start──▶ starting ──all roles beat──▶ running ◀──▶ late
       ▲                  │ too long, stopped          │ exit      │ frozen (`freeze.py`): its stack, then SIGKILL
       └──── backoff ─────┴────────────────────────────┴───────────┘
    stopping ──exit──▶ stopped                    (SIGTERM, and SIGKILL when it does not drain in time)

A frozen process writes its Python stack when it gets STACK_SIGNAL, also in a loop without an end; after DUMP_NS it gets
SIGKILL. A stopped process (SIGSTOP) cannot write it, and is not continued for it: it could act on old data. Each end
that was not asked for goes to `on_death`.

A beat counts from the moment this process *sees* it change: if the supervisor itself was stopped for a while, every
beat would look old, and it would kill every process. After the first death the process starts again at once, after
further deaths in the window with growing delays; at the limit the system is halted and the process is started slowly
from then on. A process that the others can trade without (`parks`) is parked instead: only an operator restarts it.
"""

import logging
import signal
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Protocol

from engine.activity import Activity
from engine.config import Process
from engine.config import Watch as Patience
from engine.evidence import STACK_SIGNAL
from engine.model.words import RoleState
from engine.supervisor.processes.causes import End
from engine.supervisor.processes.freeze import Judge
from engine.supervisor.processes.table import EXIT_UNKNOWN, AwaitedError, Child

MS = 1_000_000
EXIT_CONFIG = 78  # exit code for a wrong configuration: a second start would read the same file
DUMP_NS = 10_000_000  # from STACK_SIGNAL to SIGKILL
SETTLE_NS = 1_000_000_000  # added to the drain limit before a process that was asked to stop is killed

logger = logging.getLogger(__name__)


class Phase(StrEnum):
    """The phases of a process."""

    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    LATE = "late"
    STOPPING = "stopping"
    STOPPED = "stopped"
    PARKED = "parked"  # died too often, or cannot start from this configuration; restarted by an operator only


class Table(Protocol):
    """The process table that a watch uses."""

    def start(self, process: Process) -> Child:
        """Start a process; AwaitedError when it cannot be started yet, which is no death."""

    def exited(self, child: Child) -> int | None:
        """None while it runs, else its exit code."""

    def signal(self, child: Child, number: signal.Signals) -> None:
        """Send a signal."""

    def release(self, child: Child) -> None:
        """Close the pidfd of a dead process."""

    def ready(self, process: Process) -> bool:
        """True when a command has written its line."""

    def last_words(self, process: Process, child: Child) -> str:
        """The last error in the process's log."""

    def activity(self, child: Child) -> Activity | None:
        """What the process does now; None when it has ended."""

    def where(self, child: Child) -> str:
        """Where in the kernel the process is."""


class Watch:
    """The state of one process, advanced by `step`."""

    def __init__(
        self,
        process: Process,
        patience: Patience,
        table: Table,
        beat_of: Callable[[str], Any],
        on_death_limit: Callable[[str, int], None],
        *,
        parks: Callable[[], bool] = bool,  # never
        on_death: Callable[[End, int], object] = lambda _end, _now_ns: None,
        may_end: Callable[[int], bool] = lambda _code: False,
    ) -> None:
        """`beat_of` reads a role's heartbeat; `on_death_limit` is called when the process dies too often.

        `parks` returns whether the others can trade without this process. `on_death` is called at each end that was not
        asked for; `may_end` returns whether an end with this exit code is in order although the watch did not ask.
        """
        self.parks = parks
        self.hopeless = False  # a strategy raised, or a role fails on one record again: parked at this death, if it may
        self.on_death = on_death
        self.may_end = may_end
        self.error = ""  # the process's own error at its last death
        self.process = process
        self.patience = patience
        self.table = table
        self.beat_of = beat_of
        self.on_death_limit = on_death_limit
        self.phase = Phase.WAITING
        self.child: Child | None = None
        self.deaths: deque[int] = deque()
        self.death_count = 0
        self.exit_code: int | None = None
        self.start_ns = 0  # it is not started before this time
        self.began_ns = 0  # when the child was started or adopted
        self.seen_ns = 0  # when the slowest role was last seen to beat
        self._judge = Judge(patience.late_ms * MS, patience.frozen_ms * MS, patience.start_still_ms * MS)
        self._beat: tuple[int, ...] = ()
        self._killed = False
        self._why = self._where = ""  # why it is killed, and where in the kernel it was
        self._dump_ns = 0  # when a frozen process was asked for its stack
        self._again = False
        self._stop_ns = 0

    @property
    def settled(self) -> bool:
        """Whether the process is up."""
        return self.phase in (Phase.RUNNING, Phase.LATE)

    def adopt(self, child: Child, now_ns: int) -> None:
        """Watch a process that already runs."""
        self._begin(child, now_ns)
        logger.info("adopted", extra={"name_of": self.process.name, "pid": child.pid})

    def step(self, now_ns: int, *, may_start: bool = True) -> int:
        """Check the process once; 1 when something was done."""
        if self.child is None:
            return self._start(now_ns) if may_start and self._due(now_ns) else 0
        code = self.table.exited(self.child)
        if code is not None:
            self._on_exit(code, now_ns)
            return 1
        if self.phase is Phase.STOPPING:
            return self._check_stop(now_ns)
        return self._check_beats(now_ns)

    def stop(self, now_ns: int, *, again: bool = False) -> None:
        """Ask the process to drain and end; with `again` it is started again after that."""
        self._again = again
        self.deaths.clear()
        if self.child is None:
            self.phase, self.start_ns = (Phase.WAITING, now_ns) if again else (Phase.STOPPED, 0)
            return
        if self.phase is not Phase.STOPPING:
            self.table.signal(self.child, signal.SIGTERM)
            self.phase, self._stop_ns = Phase.STOPPING, now_ns

    def allow_gap(self, gap_ns: int) -> None:
        """Do not count a time in which the supervisor itself did not run."""
        self.seen_ns += gap_ns
        self._stop_ns += gap_ns
        self._judge.clear()

    def age_ns(self, now_ns: int) -> int:
        """How long ago the slowest role was seen to beat."""
        return now_ns - self.seen_ns if self.child else 0

    def _due(self, now_ns: int) -> bool:
        return self.phase is Phase.WAITING and now_ns >= self.start_ns

    def _start(self, now_ns: int) -> int:
        try:
            self._begin(self.table.start(self.process), now_ns)
        except AwaitedError as awaited:
            self.start_ns = now_ns + awaited.again_ns
            return 0
        except OSError as error:  # no such command, no memory, too many processes: counts as a death
            logger.error("cannot be started", extra={"name_of": self.process.name, "error": str(error)})  # noqa: TRY400
            self.error = str(error)
            self.on_death(End(self.process, None, EXIT_UNKNOWN, str(error)), now_ns)
            self._retry(now_ns)
        else:
            assert self.child is not None
            logger.info("started", extra={"name_of": self.process.name, "pid": self.child.pid})
        return 1

    def _begin(self, child: Child, now_ns: int) -> None:
        self.child, self.phase, self.began_ns, self.seen_ns = child, Phase.STARTING, now_ns, now_ns
        self._beat, self._killed, self._why, self._where, self._dump_ns = (), False, "", "", 0
        self._judge.clear()

    def _on_exit(self, code: int, now_ns: int) -> None:
        """The process has ended: stop watching it, or choose when to start it again."""
        assert self.child is not None
        asked = self.phase is Phase.STOPPING or self.may_end(code)
        logger.log(
            logging.INFO if asked else logging.ERROR,
            "stopped" if asked else "died",
            extra={"name_of": self.process.name, "pid": self.child.pid, "exit_code": code},
        )
        self.error = "" if asked else self.table.last_words(self.process, self.child)
        if not self._in_order(code):
            self.on_death(End(self.process, self.child, code, self._why, self._where), now_ns)
        self.table.release(self.child)
        self.child, self.exit_code = None, code
        if not asked:
            self._retry(now_ns)
        elif self._again:
            self.phase, self.start_ns = Phase.WAITING, now_ns
        else:
            self.phase = Phase.STOPPED

    def _in_order(self, code: int) -> bool:
        """Whether the process ended as it was asked to, or may end so by itself; a kill or a failure is a death."""
        asked = self.phase is Phase.STOPPING and not self._killed
        ended = self._beat_stopped() if code == EXIT_UNKNOWN else code in (0, -signal.SIGTERM)
        return self.may_end(code) or (asked and ended)

    def _beat_stopped(self) -> bool:
        """Whether an adopted process ended in order by its last heartbeats, or before it was up; a command has none."""
        return not self.process.roles or self._read()[1] in (RoleState.STOPPED, RoleState.STARTING)

    def _retry(self, now_ns: int) -> None:
        """Choose when to start the process again, by how often it died within the window."""
        patience = self.patience
        self.death_count += 1
        self.deaths.append(now_ns)
        while self.deaths[0] < now_ns - patience.death_window_ms * MS:
            self.deaths.popleft()
        count = len(self.deaths)
        self.phase = Phase.WAITING
        hopeless, self.hopeless = self.hopeless or self.exit_code == EXIT_CONFIG, False
        if (count >= patience.death_limit or hopeless) and self.parks():
            self.phase = Phase.PARKED
            self.on_death_limit(self.process.name, count)
            return
        if count >= patience.death_limit:
            self.start_ns = now_ns + patience.slow_retry_ms * MS
            self.on_death_limit(self.process.name, count)
            return
        wait_ms = min(patience.backoff_first_ms << (count - 2), patience.backoff_cap_ms) if count > 1 else 0
        self.start_ns = now_ns + wait_ms * MS

    def _check_stop(self, now_ns: int) -> int:
        """Kill a process that was asked to stop and has not ended in time."""
        if self._killed or now_ns - self._stop_ns < self.patience.drain_limit_ms * MS + SETTLE_NS:
            return 0
        return self._kill("does not stop", now_ns)

    def _check_beats(self, now_ns: int) -> int:
        """Decide by the beats whether the process is starting, running or late; kill a frozen one."""
        if self.process.command:
            return self._check_command(now_ns)
        beat, state = self._read()
        if beat != self._beat and beat and all(beat):
            if not self._beat or min(beat) > min(self._beat):
                self._on_beat(now_ns)
            self._beat = beat
        starting = not all(self._beat) or not self._beat or state == RoleState.STARTING
        age_ns = now_ns - self.seen_ns
        late = age_ns > self.patience.late_ms * MS
        self.phase = Phase.STARTING if starting else Phase.LATE if late else Phase.RUNNING
        if self._killed:
            return 0
        if starting and age_ns > self.patience.start_limit_ms * MS:
            return self._kill("does not start", now_ns)
        return self._check_frozen(age_ns, now_ns, starting=starting)

    def _on_beat(self, now_ns: int) -> None:
        """The slowest role was seen to beat."""
        self.seen_ns, self._dump_ns = now_ns, 0
        self._judge.clear()

    def _check_frozen(self, age_ns: int, now_ns: int, *, starting: bool) -> int:
        """Look at a process that has been quiet for long; ask a frozen one for its stack, then kill it."""
        assert self.child is not None
        if self._dump_ns:
            return self._kill(self._why, now_ns) if now_ns - self._dump_ns >= DUMP_NS else 0
        if not self._judge.due(age_ns) or (found := self.table.activity(self.child)) is None:
            return 0
        self._judge.add(now_ns, found)
        if not (why := self._judge.verdict(age_ns, starting=starting)):
            return 0
        self._why = f"is frozen: {why}, no heartbeat for {age_ns // MS} ms"
        self._where = self.table.where(self.child)
        if found.stopped:
            return self._kill(self._why, now_ns)
        self.table.signal(self.child, STACK_SIGNAL)
        self._dump_ns = now_ns
        return 1

    def _check_command(self, now_ns: int) -> int:
        """A command is up when it has written its ready line, or at once if it has none."""
        if self.phase is Phase.STARTING:
            if not self.process.ready_line or self.table.ready(self.process):
                self.phase = Phase.RUNNING
            elif now_ns - self.seen_ns > self.patience.start_limit_ms * MS and not self._killed:
                return self._kill("does not get ready", now_ns)
        return 0

    def _read(self) -> tuple[tuple[int, ...], RoleState]:
        """The time of each role's beat (0 before its first beat in this process) and the lowest of their states."""
        assert self.child is not None
        rows = [self.beat_of(role) for role in self.process.roles]
        ours = [row if row is not None and row.pid == self.child.pid else None for row in rows]
        states = [row.state if row is not None else RoleState.STARTING for row in ours]
        return tuple(row.beat_ns if row is not None else 0 for row in ours), RoleState(min(states))

    def _kill(self, why: str, now_ns: int) -> int:
        assert self.child is not None
        logger.error("killed", extra={"name_of": self.process.name, "pid": self.child.pid, "why": why,
                                      "age_ms": self.age_ns(now_ns) // MS})  # fmt: skip
        self._where = self._where or self.table.where(self.child)
        self.table.signal(self.child, signal.SIGKILL)
        self._killed, self._why = True, why
        return 1

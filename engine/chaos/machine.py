"""The processes of a supervised world, which outlive their supervisor, and the table by which a supervisor sees them.

    spawn ──▶ the process imports (`ready_ns`) ──▶ its role steps ──▶ an exit code
                                                       │ frozen: stopped, hanging in a call, in a loop, without a CPU

`MachineTable` is the process table of one life of the supervisor. The supervisor can die before and after each start
and each signal. The next one finds the running processes, and does not learn their exit codes.
"""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from engine.activity import Activity
from engine.chaos.mortality import Fuse
from engine.config import Process
from engine.supervisor.processes.table import EXIT_UNKNOWN, Child


class Freeze(StrEnum):
    """Why a process does not step; the value is its state in /proc."""

    NONE = ""
    STOPPED = "T"
    HANGS = "S"
    LOOPS = "R"
    WAITS = "D"  # for the disk, or for a CPU


@dataclass(slots=True)
class Life:
    """One process."""

    name: str
    pid: int
    start_ns: int
    ready_ns: int  # its role is built at this time
    event_ns: int  # when it last stepped, started or froze
    freeze: Freeze = Freeze.NONE
    frozen_ns: int = 0
    thaw_ns: int = 0
    thawed_ns: int = 0
    ran_ns: int = 0
    stop_ns: int = 0  # when it was asked to stop; 0: it was not

    def begin_freeze(self, freeze: Freeze, now_ns: int, thaw_ns: int) -> None:
        """It does not step until this time."""
        self.freeze, self.frozen_ns, self.thaw_ns, self.event_ns = freeze, now_ns, thaw_ns, now_ns

    def thaw(self, now_ns: int) -> None:
        """It steps again."""
        self.ran_ns = self.activity(now_ns).ran_ns
        self.freeze, self.thawed_ns = Freeze.NONE, now_ns

    def activity(self, now_ns: int) -> Activity:
        """What the kernel shows of it."""
        looped_ns = now_ns - self.frozen_ns if self.freeze is Freeze.LOOPS else 0
        return Activity(self.freeze or "S", self.ran_ns + looped_ns, 0)


class Machine:
    """All processes of the world; at most one with a name runs."""

    def __init__(self, draw_import_ns: Callable[[], int]) -> None:
        """Begin without a process; `draw_import_ns` draws how long a process imports before its role is built."""
        self._draw_import_ns = draw_import_ns
        self._pid = 100
        self.now_ns = 0
        self.lives: dict[str, Life] = {}  # the running processes
        self.codes: dict[int, int] = {}  # exit codes by pid

    def spawn(self, name: str) -> Life:
        """Start a process."""
        assert name not in self.lives, f"a twin of {name} was started while pid {self.lives[name].pid} runs"
        self._pid += 1
        ready_ns = self.now_ns + self._draw_import_ns()
        self.lives[name] = Life(name, self._pid, self.now_ns, ready_ns, self.now_ns)
        return self.lives[name]

    def end(self, name: str, code: int) -> None:
        """A process has ended."""
        self.codes[self.lives.pop(name).pid] = code


class MachineTable:
    """The process table of one life of the supervisor."""

    def __init__(
        self, machine: Machine, fuse: Fuse, on_start: Callable[[str], None], on_signal: Callable[[Life, int], None]
    ) -> None:
        """`on_start` is called before a start, `on_signal` receives every signal to a running process."""
        self._machine, self._fuse = machine, fuse
        self._on_start, self._on_signal = on_start, on_signal

    def start(self, process: Process) -> Child:
        """Start a process of this world."""
        self._fuse.burn()
        self._on_start(process.name)
        life = self._machine.spawn(process.name)
        self._fuse.burn()
        return Child(life.pid, 1, -1, forked=True)

    def find(self) -> dict[str, Child]:
        """The processes that an earlier supervisor started."""
        return {name: Child(life.pid, 1, -1) for name, life in self._machine.lives.items()}

    def exited(self, child: Child) -> int | None:
        """None while it runs; its exit code is only known to the supervisor that started it."""
        code = self._machine.codes.get(child.pid)
        return EXIT_UNKNOWN if code is not None and child.adopted else code

    def signal(self, child: Child, number: signal.Signals) -> None:
        """Deliver a signal, if the process runs."""
        self._fuse.burn()
        if (life := self._life(child)) is not None:
            self._on_signal(life, number)
        self._fuse.burn()

    def release(self, child: Child) -> None:
        """Nothing: a process of this world has no descriptor."""

    def ready(self, process: Process) -> bool:
        """Every process of this world has roles; none writes a line."""
        raise AssertionError(process)

    def last_words(self, process: Process, child: Child) -> str:  # noqa: ARG002 - the protocol's signature
        """A process of this world writes no log."""
        return ""

    def activity(self, child: Child) -> Activity | None:
        """What the process does now."""
        life = self._life(child)
        return life.activity(self._machine.now_ns) if life is not None else None

    def where(self, child: Child) -> str:
        """The state of the process."""
        found = self.activity(child)
        return f"state {found.state}" if found is not None else "ended"

    def _life(self, child: Child) -> Life | None:
        return next((one for one in self._machine.lives.values() if one.pid == child.pid), None)

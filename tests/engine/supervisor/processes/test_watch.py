"""What a watch decides, with a table and beats made up: no process, no clock."""

import signal
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from engine.config import Process
from engine.config import Watch as Patience
from engine.model.words import RoleState
from engine.supervisor.processes.table import Child
from engine.supervisor.processes.watch import Phase, Watch

MS = 1_000_000
PATIENCE = Patience(late_ms=100, frozen_ms=500, start_limit_ms=1000, backoff_first_ms=10, backoff_cap_ms=40,
                    death_limit=5, death_window_ms=1000, slow_retry_ms=3000, drain_limit_ms=200)  # fmt: skip


@dataclass
class Table:
    """A process table on paper."""

    started: int = 0
    exit_code: int | None = None
    signals: list[signal.Signals] = field(default_factory=list)
    broken: bool = False
    reported_ready: bool = False

    def start(self, process: Process) -> Child:
        """Give out the next pid."""
        del process
        if self.broken:
            raise FileNotFoundError(2, "no such command")
        self.started, self.exit_code = self.started + 1, None
        return Child(100 + self.started, 1, -1)

    def exited(self, child: Child) -> int | None:
        """The value that the test set."""
        del child
        return self.exit_code

    def signal(self, child: Child, number: signal.Signals) -> None:
        """Note it."""
        del child
        self.signals.append(number)

    def release(self, child: Child) -> None:
        """Nothing to let go of."""

    def last_words(self, process: Process, child: Child) -> str:
        """The name of the process."""
        del process
        return f"pid {child.pid} failed"

    def ready(self, process: Process) -> bool:
        """The value that the test set."""
        del process
        return self.reported_ready


class Bench:
    """A watch with its time, its beats and its table."""

    def __init__(self, process: Process | None = None, *, parks: bool = False) -> None:
        """One process of two roles."""
        self.table = Table()
        self.despaired: list[int] = []
        self.beats: dict[str, SimpleNamespace] = {}
        self.now_ns = 10**9
        process = process or Process(name="core", roles=("alpha", "beta"))
        self.watch = Watch(
            process,
            PATIENCE,
            self.table,
            self.beats.get,
            lambda _, count: self.despaired.append(count),
            parks=lambda: parks,
        )

    def step(self, after_ms: float = 1, *roles: str, state: RoleState = RoleState.RUNNING) -> Phase:
        """Let time pass, let some roles beat, and look."""
        self.now_ns += int(after_ms * MS)
        pid = self.watch.child.pid if self.watch.child else 0
        for role in roles:
            self.beats[role] = SimpleNamespace(pid=pid, beat_ns=self.now_ns, state=state)
        self.watch.step(self.now_ns)
        return self.watch.phase

    def up(self) -> "Bench":
        """Bring it to running."""
        self.step()
        assert self.step(1, "alpha", "beta") is Phase.RUNNING
        return self

    def die(self, code: int = -9) -> Phase:
        """Let the process end."""
        self.table.exit_code = code
        return self.step()


def test_a_process_is_up_when_all_its_roles_run() -> None:
    """One beating role must not hide another that never started."""
    bench = Bench()
    assert bench.step() is Phase.STARTING
    assert bench.step(1, "alpha") is Phase.STARTING
    assert bench.step(1, "alpha", "beta", state=RoleState.STARTING) is Phase.STARTING
    assert bench.step(1, "alpha", "beta") is Phase.RUNNING


def test_a_beat_of_the_process_before_it_does_not_count() -> None:
    """The cell outlives its writer: a successor that hangs at start would look alive."""
    bench = Bench().up()
    bench.die()
    bench.step()
    assert bench.table.started == 2
    assert bench.step() is Phase.STARTING


def test_the_first_death_is_answered_at_once_and_the_next_ever_later() -> None:
    """An order must not be left unwatched, and a role that cannot live must not take the machine with it."""
    bench = Bench().up()
    waits = []
    for _ in range(4):
        bench.die()
        waits.append((bench.watch.start_ns - bench.now_ns) // MS)
        bench.step(waits[-1])
    assert waits == [0, 10, 20, 40]
    assert bench.despaired == []


def test_too_many_deaths_halt_the_system_and_are_tried_slowly_without_end() -> None:
    """A system must not trade while a role keeps dying; and the role must start by itself when it can run again."""
    bench = Bench().up()
    for _ in range(5):
        bench.die()
        bench.step((bench.watch.start_ns - bench.now_ns) / MS)
    assert bench.despaired == [5]
    assert bench.table.started == 6
    bench.step(2000)
    bench.die()
    assert bench.despaired == [5]  # the window has forgotten the first five


def test_one_that_others_can_do_without_is_parked_until_an_operator_restarts_it() -> None:
    """A strategy that keeps dying halted everybody; tried for ever it would fill the log and the venue's limits."""
    bench = Bench(parks=True)
    for _ in range(5):
        bench.step(50)
        bench.table.exit_code = 70
        bench.step(1)
    assert (bench.watch.phase, bench.watch.error, bench.despaired) == (Phase.PARKED, "pid 105 failed", [5])
    bench.step(100_000)
    assert bench.table.started == 5
    bench.watch.stop(bench.now_ns, again=True)
    bench.step()
    bench.table.exit_code = 70
    bench.step()
    assert bench.watch.phase is Phase.WAITING, "a restart gives it all its tries again"


def test_a_wrong_configuration_parks_at_once() -> None:
    """A second try reads the same file."""
    bench = Bench(parks=True)
    bench.step()
    bench.table.exit_code = 78
    bench.step()
    assert (bench.watch.phase, bench.despaired) == (Phase.PARKED, [1])


def test_a_late_process_is_reported_and_a_frozen_one_is_killed_once() -> None:
    """A stopped process keeps its orders: it must be replaced, and only signal 9 ends it."""
    bench = Bench().up()
    assert bench.step(150) is Phase.LATE
    assert bench.step(10, "alpha", "beta") is Phase.RUNNING
    bench.step(499)
    assert bench.table.signals == []
    bench.step(2)
    bench.step(100)
    assert bench.table.signals == [signal.SIGKILL]


def test_one_frozen_role_among_the_living_is_enough() -> None:
    """The slowest beat counts."""
    bench = Bench().up()
    for _ in range(6):
        bench.step(100, "alpha")
    assert bench.table.signals == [signal.SIGKILL]


def test_a_supervisor_that_was_stopped_itself_kills_no_process() -> None:
    """A suspended machine wakes with every beat old; killing all would be the worst answer."""
    bench = Bench().up()
    bench.watch.allow_gap(10_000 * MS)
    assert bench.step(10_000) is Phase.RUNNING
    assert bench.table.signals == []


def test_a_start_that_takes_too_long_is_killed() -> None:
    """A role that waits for ever for something is a dead one."""
    bench = Bench()
    bench.step()
    bench.step(999, "alpha", "beta", state=RoleState.STARTING)
    bench.step(900)
    assert bench.table.signals == []
    bench.step(101)
    assert bench.table.signals == [signal.SIGKILL]


def test_stop_asks_first_and_kills_a_process_that_does_not_drain() -> None:
    """Drained orders are better than killed ones, but `down` must end."""
    bench = Bench().up()
    bench.watch.stop(bench.now_ns)
    assert bench.step(1100) is Phase.STOPPING
    bench.step(101)
    assert bench.table.signals == [signal.SIGTERM, signal.SIGKILL]
    assert bench.die() is Phase.STOPPED
    assert bench.step(100_000) is Phase.STOPPED


def test_a_restart_asked_for_is_no_death() -> None:
    """An operator restarting a role thrice must not halt the system."""
    bench = Bench().up()
    bench.watch.stop(bench.now_ns, again=True)
    bench.die(0)
    assert bench.step() is Phase.STARTING
    assert (bench.table.started, bench.watch.death_count) == (2, 0)


def test_a_command_that_cannot_be_started_is_tried_again() -> None:
    """A missing file is a death like any other: backoff, then halt, and the supervisor lives."""
    bench = Bench(Process(name="venue", command=("nothing",)))
    bench.table.broken = True
    assert bench.step() is Phase.WAITING
    assert bench.watch.death_count == 1
    bench.table.broken = False
    bench.step()
    assert bench.step() is Phase.RUNNING


@pytest.mark.parametrize("ready_line", [True, False])
def test_a_command_is_up_when_it_is_ready(ready_line: bool) -> None:
    """Others that connect to it must not start before it listens."""
    bench = Bench(Process(name="venue", command=("venue",), ready_line=ready_line))
    bench.step()
    assert bench.step() is (Phase.STARTING if ready_line else Phase.RUNNING)
    bench.table.reported_ready = True
    assert bench.step() is Phase.RUNNING

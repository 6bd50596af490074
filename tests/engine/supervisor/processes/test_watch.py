"""What a watch decides, with a table and beats made up: no process, no clock."""

import signal
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from engine.activity import Activity
from engine.config import Process
from engine.config import Watch as Patience
from engine.evidence import STACK_SIGNAL
from engine.model.words import RoleState
from engine.supervisor.processes.table import EXIT_UNKNOWN, Child
from engine.supervisor.processes.watch import Phase, Watch

if TYPE_CHECKING:
    from engine.supervisor.processes.causes import End

MS = 1_000_000
MAY_END = 9  # an exit code with which the process may end by itself
PATIENCE = Patience(late_ms=100, frozen_ms=500, start_limit_ms=1000, start_still_ms=400, backoff_first_ms=10,
                    backoff_cap_ms=40, death_limit=5, death_window_ms=1000, slow_retry_ms=3000,
                    drain_limit_ms=200)  # fmt: skip


@dataclass
class Table:
    """A process table on paper."""

    started: int = 0
    exit_code: int | None = None
    signals: list[signal.Signals] = field(default_factory=list)
    broken: bool = False
    reported_ready: bool = False
    state: str = "S"  # of the process, in /proc
    ran_ns: int = 0
    waited_ns: int = 0

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

    def activity(self, child: Child) -> Activity:
        """The values that the test set."""
        del child
        return Activity(self.state, self.ran_ns, self.waited_ns)

    def where(self, child: Child) -> str:
        """The state that the test set."""
        del child
        return f"state {self.state}"

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
        self.deaths: list[End] = []
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
            on_death=lambda end, _: self.deaths.append(end),
            may_end=lambda code: code == MAY_END,
        )

    def step(self, after_ms: float = 1, *roles: str, state: RoleState = RoleState.RUNNING) -> Phase:
        """Let time pass, let some roles beat, and look."""
        self.now_ns += int(after_ms * MS)
        pid = self.watch.child.pid if self.watch.child else 0
        for role in roles:
            self.beats[role] = SimpleNamespace(pid=pid, beat_ns=self.now_ns, state=state)
        self.watch.step(self.now_ns)
        return self.watch.phase

    def quiet(self, for_ms: float, *roles: str, ran: float = 0, waited: float = 0) -> None:
        """Let time pass in steps of 10 ms; the process uses the CPU and waits for it for these parts of the time."""
        for _ in range(round(for_ms / 10)):
            self.table.ran_ns += int(ran * 10 * MS)
            self.table.waited_ns += int(waited * 10 * MS)
            self.step(10, *roles)

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


def test_one_that_fails_on_the_same_record_again_is_parked_at_once_if_others_can_do_without_it() -> None:
    """Each further life would end on the record too; only a process that the others need is tried on."""
    for parks, phase in ((True, Phase.PARKED), (False, Phase.WAITING)):
        bench = Bench(parks=parks).up()
        bench.watch.hopeless = True
        assert bench.die(70) is phase
        bench.watch.stop(bench.now_ns, again=True)
        bench.step()
        assert bench.die(70) is Phase.WAITING, "an operator's restart gives it all its tries again"


def test_a_late_process_is_reported_and_a_frozen_one_is_killed_once() -> None:
    """A hanging process keeps its orders: it must be replaced, and only signal 9 ends it."""
    bench = Bench().up()
    assert bench.step(150) is Phase.LATE
    assert bench.step(10, "alpha", "beta") is Phase.RUNNING
    bench.quiet(160)
    assert bench.table.signals == []
    bench.quiet(40)
    bench.quiet(200)
    assert bench.table.signals == [STACK_SIGNAL, signal.SIGKILL]


@pytest.mark.parametrize(("state", "ran"), [("R", 1.0), ("S", 0.0), ("S", 0.5)])
def test_a_process_that_does_not_wait_for_the_cpu_is_frozen_within_twice_late(state: str, ran: float) -> None:
    """It loops without an end, or it hangs in a call: waiting longer does not help."""
    bench = Bench().up()
    bench.table.state = state
    bench.quiet(200, ran=ran)
    assert bench.table.signals[:1] == [STACK_SIGNAL]


@pytest.mark.parametrize("state", ["T", "t"])
def test_a_stopped_process_is_killed_within_twice_late_without_being_continued(state: str) -> None:
    """Continued for its stack, it would send orders by prices of before the stop."""
    bench = Bench().up()
    bench.table.state = state
    bench.quiet(200)
    assert bench.table.signals == [signal.SIGKILL]
    assert bench.die() is Phase.WAITING
    assert bench.deaths[0].why.startswith("is frozen: stopped by a signal")
    assert bench.deaths[0].where == f"state {state}"


@pytest.mark.parametrize(
    ("state", "ran", "waited"), [("R", 0.0, 0.0), ("R", 0.1, 0.9), ("S", 0.1, 0.9), ("D", 0.0, 0.0)]
)
def test_a_process_that_waits_for_the_cpu_or_the_disk_is_not_killed_before_frozen_ms(
    state: str, ran: float, waited: float
) -> None:
    """Its successor would need the CPU too, and on a busy box every process would be killed in turn."""
    bench = Bench().up()
    bench.table.state = state
    bench.quiet(490, ran=ran, waited=waited)
    assert bench.table.signals == []
    bench.quiet(30, ran=ran, waited=waited)
    assert bench.table.signals == [STACK_SIGNAL, signal.SIGKILL]


def test_a_process_that_beats_again_before_it_is_killed_lives() -> None:
    """It is not frozen any more, and its restart would cost more than its pause."""
    bench = Bench().up()
    while not bench.table.signals:
        bench.quiet(10)
    assert bench.step(5, "alpha", "beta") is Phase.RUNNING
    bench.quiet(100)
    assert bench.table.signals == [STACK_SIGNAL]


def test_one_frozen_role_among_the_living_is_enough() -> None:
    """The slowest beat counts."""
    bench = Bench().up()
    bench.quiet(220, "alpha")
    assert bench.table.signals == [STACK_SIGNAL, signal.SIGKILL]


def test_a_process_that_is_stopped_while_it_starts_is_frozen_too() -> None:
    """A feed that was stopped at its start was replaced after 300 s."""
    bench = Bench()
    bench.step()
    bench.table.state = "T"
    bench.quiet(200)
    assert bench.table.signals == [signal.SIGKILL]


def test_a_process_that_computes_while_it_starts_has_the_whole_limit() -> None:
    """Execution replays a long journal; a feed waits for the venue's list of instruments."""
    bench = Bench()
    bench.step()
    bench.quiet(400, ran=1.0)
    bench.quiet(390)
    assert bench.table.signals == []
    bench.quiet(10, ran=0.01)
    bench.quiet(150)
    assert bench.table.signals == []


def test_a_process_that_uses_no_cpu_while_it_starts_is_frozen_after_its_own_limit() -> None:
    """It waits for something that does not come."""
    bench = Bench()
    bench.step()
    bench.quiet(480)
    assert bench.table.signals == [STACK_SIGNAL, signal.SIGKILL]


def test_each_end_that_was_not_asked_for_is_a_death() -> None:
    """The record of deaths must have the kills and the failed starts too, and no orderly end."""
    bench = Bench().up()
    bench.die(70)
    bench.table.broken = True
    bench.step()
    assert [(end.exit_code, end.child is None) for end in bench.deaths] == [(70, False), (-256, True)]
    bench.table.broken = False
    bench.step(100)
    bench.watch.stop(bench.now_ns)
    bench.die(0)
    assert len(bench.deaths) == 2


def test_an_end_that_is_in_order_is_no_death() -> None:
    """The guard's log ended with an error after each orderly `down`."""
    bench = Bench().up()
    assert bench.die(MAY_END) is Phase.STOPPED
    assert (bench.deaths, bench.watch.death_count, bench.watch.exit_code) == ([], 0, MAY_END)


def test_a_process_that_was_asked_to_stop_and_had_to_be_killed_is_a_death() -> None:
    """It left its orders unattended."""
    bench = Bench().up()
    bench.watch.stop(bench.now_ns)
    bench.step(1300)
    bench.die(-9)
    assert [end.why for end in bench.deaths] == ["does not stop"]


@pytest.mark.parametrize(("last", "deaths"), [(RoleState.STOPPED, 0), (RoleState.STARTING, 0), (RoleState.DRAINING, 1)])
def test_an_adopted_process_that_was_asked_to_stop_has_died_unless_its_heartbeat_is_stopped(
    last: RoleState, deaths: int
) -> None:
    """Its exit code is not known: killed while it drained, its orders stayed open and no policy was followed."""
    bench = Bench()
    bench.watch.adopt(Child(7, 1, -1), bench.now_ns)
    bench.step(1, "alpha", "beta")
    bench.watch.stop(bench.now_ns)
    bench.step(1, "alpha", "beta", state=last)
    bench.die(EXIT_UNKNOWN)
    assert (len(bench.deaths), bench.watch.phase) == (deaths, Phase.STOPPED)


def test_an_adopted_command_that_was_asked_to_stop_has_ended_in_order() -> None:
    """It has no heartbeat; the supervisor must not die of that in the middle of `down`."""
    bench = Bench(Process(name="venue", command=("venue",)))
    bench.watch.adopt(Child(7, 1, -1), bench.now_ns)
    bench.watch.stop(bench.now_ns)
    bench.die(EXIT_UNKNOWN)
    assert (bench.deaths, bench.watch.phase) == ([], Phase.STOPPED)


def test_a_supervisor_that_was_stopped_itself_kills_no_process() -> None:
    """A suspended machine wakes with every beat old; killing all would be the worst answer."""
    bench = Bench().up()
    bench.quiet(150)
    bench.watch.allow_gap(10_000 * MS)
    bench.step(10_000)
    assert bench.table.signals == []
    assert bench.step(5, "alpha", "beta") is Phase.RUNNING


def test_a_start_that_takes_too_long_is_killed() -> None:
    """A role that waits for ever for something is a dead one."""
    bench = Bench()
    bench.step()
    bench.step(999, "alpha", "beta", state=RoleState.STARTING)
    bench.quiet(990, ran=0.1)
    assert bench.table.signals == []
    bench.quiet(20, ran=0.1)
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

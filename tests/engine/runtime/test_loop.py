"""The process loop with roles made up: order of building, one time a round, beats, drain, and failure."""

import gc
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import shm
from engine import evidence, runtime
from engine.config import Config, Process
from engine.lanes import LOOKERS, open_lanes
from engine.model.words import RoleState
from engine.monitor.meters import read_meters
from engine.role import StopsAloneError
from engine.runtime import Loop, Pulse
from engine.supervisor import segments

MS = 1_000_000
Write = Callable[..., Config]


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """A process's `main` replaces the log's handlers and the collector's thresholds: other tests get theirs back."""
    root = logging.getLogger()
    handlers, level, thresholds = root.handlers[:], root.level, gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    root.handlers[:] = handlers
    root.setLevel(level)


class Scripted:
    """A role that works and drains as often as the test sets."""

    def __init__(self, name: str, work: int = 0, drains: int = 1) -> None:
        """Remember the script."""
        self.name, self.work, self.drains = name, work, drains
        self.times: list[int] = []
        self.closed = False
        self.waiting = self.errors = 0

    def step(self, now_ns: int) -> int:
        """Note the time."""
        self.times.append(now_ns)
        return self.work

    def lag(self) -> int:
        """By the script."""
        return self.waiting

    def error_count(self) -> int:
        """By the script."""
        return self.errors

    def drain(self, now_ns: int) -> bool:
        """Count down."""
        del now_ns
        self.drains -= 1
        return self.drains <= 0

    def close(self) -> None:
        """Note it."""
        self.closed = True


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        """Some time."""
        self.now_ns = 10**18

    def __call__(self) -> int:
        """Each look is a microsecond later."""
        self.now_ns += 1000
        return self.now_ns


def house(config: Config, *roles: Scripted, idle: Callable[[int], object] = lambda _: None) -> tuple[Loop, Clock]:
    """A loop of these roles over real cells."""
    segments.create(config)
    clock = Clock()
    loop = Loop(5 * MS, idle, clock)
    for role in roles:
        loop.add(role, Pulse(config, role.name))
    return loop, clock


def test_roles_of_a_process_step_in_order_at_one_time(write: Write) -> None:
    """One clock reading a round: a feed and a strategy in one process decide at the same instant."""
    alpha, beta = Scripted("alpha", 1), Scripted("beta", 2)
    loop, _ = house(write(), alpha, beta)
    assert [loop.round() for _ in range(3)] == [3, 3, 3]
    assert alpha.times == beta.times
    assert len(set(alpha.times)) == 3
    assert [pulse.work for pulse in loop.pulses] == [3, 6]


def test_it_beats_by_time_and_not_by_step(write: Write) -> None:
    """A beat a step would cost the hot path; a beat a while is enough to see a frozen role."""
    config = write()
    loop, clock = house(config, Scripted("alpha"))
    cell = open_lanes(config.system.name, LOOKERS).cell_reader("heartbeat", "alpha")
    loop.round()
    before = cell.sequence(0)
    for _ in range(1000):
        loop.round()
    assert cell.sequence(0) == before
    clock.now_ns += 5 * MS
    loop.round()
    assert cell.sequence(0) == before + 1
    row = cell.read(0)
    assert (row.steps, row.state) == (1002, RoleState.RUNNING)


def test_a_beat_shows_how_far_a_role_lags_and_what_went_wrong(write: Write) -> None:
    """A role that lags or has many errors must be visible before an operator reads its log."""
    config = write()
    role = Scripted("alpha")
    loop, clock = house(config, role)
    cell = open_lanes(config.system.name, LOOKERS).cell_reader("heartbeat", "alpha")
    role.waiting, role.errors = 12, 3
    clock.now_ns += 5 * MS
    loop.round()
    assert (cell.read(0).lag, cell.read(0).error_count) == (12, 3)
    role.waiting = 1 << 40
    loop.close()
    assert (cell.read(0).lag, cell.read(0).error_count) == (0, 3), "a role that stopped has no inputs"


def test_it_idles_only_when_no_role_has_work(write: Write) -> None:
    """A blocked process must not sit on a record that a role is in the middle of."""
    loop, _ = house(write(), Scripted("alpha"))
    loop.idle = lambda _: loop.stop()
    loop.run()
    assert loop.steps == runtime.IDLE_ROUNDS + 1


def test_drain_continues_until_every_role_is_done_or_time_is_up(write: Write) -> None:
    """An order in flight is waited for, but not for ever."""
    slow, never = Scripted("alpha", drains=5), Scripted("beta", drains=1 << 60)
    loop, clock = house(write(), slow)
    assert loop.drain(1000 * MS)
    loop, clock = house(write(), never)
    began = clock.now_ns
    assert not loop.drain(1 * MS)
    assert MS <= clock.now_ns - began < 2 * MS


def test_close_writes_stopped_and_closes_the_cell(write: Write) -> None:
    """A role that stopped is not a dead one, and its successor can write at once."""
    config = write()
    role = Scripted("alpha")
    loop, _ = house(config, role)
    loop.close()
    assert role.closed
    cell = shm.CellReader(config.lane("heartbeat", "alpha"))
    assert (cell.read(0).state, cell.closed_cleanly) == (RoleState.STOPPED, True)
    Pulse(config, "alpha").close()


class Raising(Scripted):
    """A strategy with an error."""

    stops_alone = True

    def step(self, now_ns: int) -> int:
        """Raise at the second step."""
        super().step(now_ns)
        if len(self.times) == 2:
            raise KeyError(7)
        return self.work

    drain_error: Exception | None = None

    def drain(self, now_ns: int) -> bool:
        """Raise, if the test sets an error."""
        if self.drain_error is not None:
            raise self.drain_error
        return super().drain(now_ns)


def test_a_role_that_stops_alone_is_removed_and_the_others_step_on(write: Write) -> None:
    """Strategies that share a process must not share an error, at a step or at the stop."""
    config = write()
    failed: list[tuple[str, str]] = []
    alpha, beta = Raising("alpha"), Scripted("beta", 1)
    loop, _ = house(config, alpha, beta)
    loop.on_failure = lambda role, error, _: failed.append((role, repr(error)))
    cell = open_lanes(config.system.name, LOOKERS).cell_reader("heartbeat", "alpha")
    for _ in range(4):
        loop.round()
    assert (len(alpha.times), len(beta.times), loop.roles) == (2, 3, [beta])
    assert failed == [("alpha", "KeyError(7)")]
    assert cell.read(0).state == RoleState.FAILED
    loop.close()
    assert (beta.closed, alpha.closed) == (True, False), "the state of a role that raised is not used again"
    assert cell.read(0).state == RoleState.STOPPED


def test_the_errors_of_a_role_that_stops_alone_do_not_go_back(write: Write) -> None:
    """A counter that falls is a new life to Prometheus, which would count all of them again."""
    config = write()
    alpha = Raising("alpha")
    loop, clock = house(config, alpha, Scripted("beta", 1))
    cell = open_lanes(config.system.name, LOOKERS).cell_reader("heartbeat", "alpha")
    alpha.errors = 39
    loop.round()
    assert cell.read(0).error_count == 39
    clock.now_ns += 5 * MS
    loop.round()
    assert (cell.read(0).state, cell.read(0).error_count) == (RoleState.FAILED, 40)
    loop.close()
    assert read_meters(config.system.name)["alpha"].count("errors") == 40


def test_the_drain_of_the_others_ends_where_one_raises(write: Write) -> None:
    """The error in `on_stop` of one strategy must not leave the orders of the others."""
    alpha, beta = Raising("alpha"), Scripted("beta", drains=2)
    alpha.drain_error = ValueError("on_stop")
    loop, _ = house(write(), alpha, beta)
    assert loop.drain(100 * MS)
    assert (beta.drains, loop.roles) == (0, [beta])


def starting(monkeypatch: pytest.MonkeyPatch, made: dict[str, Any]) -> None:
    """The roles that are built; an exception in the place of one is raised by its author's code."""

    def build(_: Config, name: str) -> Any:
        if isinstance(made[name], Exception):
            raise StopsAloneError(name, made[name]) from made[name]
        return made[name]

    monkeypatch.setattr(runtime, "factory", lambda _: build)
    monkeypatch.setattr(runtime, "_await_instruments", lambda _, __, loop: [loop.round(), loop.round()])


@pytest.mark.parametrize("first", [ValueError("__init__"), Raising("alpha")])
def test_an_error_in_init_or_at_the_start_stops_that_strategy_alone(
    write: Write, monkeypatch: pytest.MonkeyPatch, first: Any
) -> None:
    """The strategies of its process would be started, and die, again and again with it."""
    config, beta = write(), Scripted("beta", 1)
    house(config)
    starting(monkeypatch, {"alpha": first, "beta": beta})
    loop = runtime.start(config, config.process("alpha"), ["alpha", "beta"])
    cell = open_lanes(config.system.name, LOOKERS).cell_reader("heartbeat", "alpha")
    loop.round()
    assert (loop.roles, loop.failed_role, cell.read(0).state) == ([beta], "alpha", RoleState.FAILED)
    failure = evidence.read_failure(config.paths.run, evidence.role_name("alpha", "alpha"))
    assert failure["role"] == "alpha"
    assert "__init__" in failure["stack"] or "KeyError(7)" in failure["stack"]
    loop.close()


@pytest.mark.parametrize("roles", [["alpha"], ["alpha", "beta"]])
def test_a_process_in_which_every_strategy_fails_at_its_start_ends(
    write: Write, monkeypatch: pytest.MonkeyPatch, roles: list[str]
) -> None:
    """A process without a role would look alive."""
    config = write()
    house(config)
    starting(monkeypatch, {"alpha": ValueError("__init__"), "beta": ValueError("__init__")})
    pulses: list[Pulse] = []
    monkeypatch.setattr(runtime, "Pulse", lambda *names: pulses.append(Pulse(*names)) or pulses[-1])
    with pytest.raises(ValueError, match="__init__"):
        runtime.start(config, config.process("alpha"), roles)
    for pulse in pulses:
        pulse.close()


@pytest.mark.parametrize("others", [[], [Scripted("beta")]])
def test_any_other_failure_ends_the_process(write: Write, others: list[Scripted]) -> None:
    """A feed or an execution whose state is wrong must not step on; a strategy alone leaves nothing to step."""
    alpha = Raising("alpha")
    alpha.stops_alone = not others
    loop, _ = house(write(), alpha, *others)
    loop.round()
    with pytest.raises(KeyError):
        loop.round()
    assert loop.failed_role == "alpha"


def test_a_lone_role_is_waited_for_by_its_own_wait(write: Write) -> None:
    """A strategy sleeps on its lane's futex, and wakes with its first tick."""
    config = write()

    class Waiting(Scripted):
        """Offers a wait."""

        waited = 0

        def wait(self, timeout_ns: int) -> bool:
            """Count."""
            self.waited += timeout_ns
            return True

    role = Waiting("alpha")
    runtime.idle_of(Process(name="a", roles=("alpha",)), [role])(1)
    assert role.waited == runtime.BLOCK_NS
    runtime.idle_of(Process(name="a", roles=("alpha",), wait="spin"), [role])(1)
    assert role.waited == runtime.BLOCK_NS
    assert config.role_names == ("alpha", "beta")


def test_a_spinning_process_keeps_warm_and_a_blocking_one_does_not() -> None:
    """Warming spends the time between two records, which only a process that spins has to spare."""

    class Warm(Scripted):
        warmed = 0

        def warm(self, now_ns: int) -> None:
            assert now_ns > 0
            self.warmed += 1

        def wait(self, timeout_ns: int) -> bool:  # noqa: ARG002 - the hook's shape
            return False

    for wait, expected in (("spin", 3), ("block", 0)):
        role = Warm("alpha")
        idle = runtime.idle_of(Process(name="a", roles=("alpha",), wait=wait), [role])
        for rounds in range(1, 3 * runtime.WARM_ROUNDS + 1):
            idle(rounds)
        assert role.warmed == expected


@pytest.mark.parametrize(
    ("words", "code", "expected_error"),
    [
        (["--process", "gamma"], 78, "expected one of alpha, beta"),
        (["--roles", "gamma"], 78, "expected one of alpha, beta"),
    ],
)
def test_an_unknown_process_is_refused(
    write: Write, capsys: pytest.CaptureFixture[str], words: list[str], code: int, expected_error: str
) -> None:
    """And the error names those there are."""
    config = write()
    assert runtime.main(["--config", config.path, *words]) == code
    assert expected_error in capsys.readouterr().err


def test_a_role_that_cannot_be_built_ends_with_its_reason(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong environment: the log has the error, and the supervisor tries again."""
    config = write()
    assert runtime.main(["--config", config.path, "--process", "alpha"]) == 69
    assert "no such segment" in capsys.readouterr().err


def test_cores_that_are_not_there_are_refused(write: Write) -> None:
    """A hot process on another core would be slow without a visible reason."""
    config = write()
    process = Process(name="alpha", roles=("alpha",), cores=(4095,))
    comm = Path("/proc/self/comm").read_text()
    with pytest.raises(ValueError, match="4095"):
        runtime.place(config, process)
    Path("/proc/self/comm").write_text(comm.strip())

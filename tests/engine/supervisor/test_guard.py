"""The guard with a real supervisor and tiny roles: what it restarts, what it kills, and when it ends."""

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import shm
from engine.cli import main as engine_ctl
from engine.cli.prepared import PreparedGuard, words_of
from engine.config import Config
from engine.control import Refused, Unreachable, call
from engine.lanes import EXECUTION, open_lanes
from engine.model import records
from engine.model.words import Reason
from engine.supervisor import life
from tests.engine.answers import data_of
from tests.engine.floor import until

Write = Callable[..., Config]


class Guarded:
    """A system of tiny roles under a guard."""

    def __init__(self, config: Config) -> None:
        """Up."""
        self.config, self.paths = config, config.paths
        assert engine_ctl(["up", config.path]) == 0

    def status(self) -> dict[str, Any]:
        """The supervisor's word, or nothing."""
        try:
            return call(self.paths.control, "status", 1.0)
        except (Unreachable, Refused):
            return {}

    def pids(self) -> dict[str, int]:
        """Of the roles."""
        return {one["name"]: one["pid"] for one in self.status()["processes"]}

    def next(self, pid: int) -> dict[str, Any]:
        """The status of the next supervisor, when every process runs."""
        return until(lambda: (state := self.status()) and state["pid"] != pid and all_run(state) and state)


def all_run(state: dict[str, Any]) -> bool:
    """Every process runs."""
    return all(one["phase"] == "running" for one in state["processes"])


@pytest.fixture
def guarded(write: Write) -> Iterator[Guarded]:
    """Up, and down at the end."""
    made = Guarded(write(watch="supervisor_frozen_ms = 1000"))
    yield made
    if life.read(made.paths.system) is not None:
        assert engine_ctl(["down", "--system", made.config.system.name]) == 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_after_a_dead_or_frozen_supervisor_the_next_one_starts_no_role_twice(
    guarded: Guarded, how: signal.Signals
) -> None:
    """The one process that restarts all others needs a process that restarts it."""
    before = guarded.status()
    pids = guarded.pids()
    os.kill(before["pid"], how)
    after = guarded.next(before["pid"])
    assert guarded.pids() == pids
    assert all(one["adopted"] for one in after["processes"])
    assert after["guard"] == before["guard"]
    with pytest.raises(ProcessLookupError):
        os.kill(before["pid"], 0)


def test_down_ends_guard_and_supervisor_also_from_a_frozen_one(guarded: Guarded, system: str) -> None:
    """The guard kills what does not answer, and its successor carries the same `down` out."""
    state = guarded.status()
    os.kill(state["pid"], signal.SIGSTOP)
    assert engine_ctl(["down", "--system", system]) == 0
    assert shm.names(system) == []
    assert life.guard_pid(guarded.paths.guard_lock) == 0


def test_after_a_supervisor_killed_during_down_the_next_one_continues_down(guarded: Guarded, system: str) -> None:
    """Its guard must not bring up what an operator brings down."""
    state = guarded.status()
    os.kill(guarded.pids()["alpha"], signal.SIGSTOP)  # so that `down` is slow
    call(guarded.paths.control, "down")
    until(lambda: json.loads(guarded.paths.system.read_text())["stopping"])
    os.kill(state["pid"], signal.SIGKILL)
    until(lambda: not guarded.paths.system.exists())
    until(lambda: not shm.names(system))


def test_a_supervisor_killed_before_its_first_step_of_a_continued_down_does_not_end_the_down(guarded: Guarded) -> None:
    """By its file nothing stopped, so the third supervisor started every role again."""
    first = guarded.status()["pid"]
    os.kill(guarded.pids()["alpha"], signal.SIGSTOP)  # so that `down` is slow
    call(guarded.paths.control, "down")
    until(lambda: json.loads(guarded.paths.system.read_text())["stopping"])
    os.kill(first, signal.SIGKILL)
    second = until(lambda: (found := life.read(guarded.paths.system)) and found.supervisor_pid != first and found)
    os.kill(second.supervisor_pid, signal.SIGKILL)
    assert second.stopping, "from the first moment on"
    until(lambda: not guarded.paths.system.exists())


def test_a_guard_that_was_killed_is_replaced_and_adopts_the_supervisor(guarded: Guarded) -> None:
    """`up` over a system without a guard gives it one, and starts nothing twice."""
    before = guarded.status()
    os.kill(before["guard"], signal.SIGKILL)
    until(lambda: guarded.status()["guard"] == 0)
    assert engine_ctl(["up", guarded.config.path]) == 0
    after = guarded.status()
    assert after["guard"] not in (0, before["guard"])
    assert after["pid"] == before["pid"]
    os.kill(after["pid"], signal.SIGKILL)
    assert guarded.next(after["pid"])["guard"] == after["guard"]


def test_down_under_a_guard_that_adopted_the_supervisor_does_not_bring_the_system_up_again(guarded: Guarded) -> None:
    """The new guard is not the supervisor's parent, so it gets no exit code: it knows `down` by the missing file."""
    before = guarded.status()
    os.kill(before["guard"], signal.SIGKILL)
    until(lambda: guarded.status()["guard"] == 0)
    assert engine_ctl(["up", guarded.config.path]) == 0
    assert engine_ctl(["down", "--system", guarded.config.system.name]) == 0
    until(lambda: life.guard_pid(guarded.paths.guard_lock) == 0)
    assert shm.names(guarded.config.system.name) == []
    assert life.read(guarded.paths.system) is None


def test_a_second_up_is_refused(guarded: Guarded, capsys: pytest.CaptureFixture[str]) -> None:
    """Two guards would start two supervisors."""
    assert engine_ctl(["up", guarded.config.path]) == 1
    assert "is up already" in capsys.readouterr().err


def test_a_first_supervisor_that_cannot_start_ends_its_guard(write: Write) -> None:
    """`up` must report why, not wait for a guard that keeps trying."""
    config = write()
    config.paths.system.mkdir()  # where system.json has to be written
    assert engine_ctl(["up", config.path]) == 1
    assert life.guard_pid(config.paths.guard_lock) == 0


def test_status_reads_the_lanes_of_a_system_whose_supervisor_is_frozen(
    guarded: Guarded, system: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The operator needs it most at this moment: it reported only that no supervisor answers."""
    before = guarded.status()
    for pid in (before["guard"], before["pid"]):
        os.kill(pid, signal.SIGSTOP)
    assert engine_ctl(["status", "--system", system]) == 1
    output = capsys.readouterr().out
    assert re.search(r"ALARM: supervisor silent for \d+ s; entries stop in \d+ s", output)
    assert all(re.search(rf"{one['name']} +running +{one['pid']}", output) for one in before["processes"])
    assert engine_ctl(["up", guarded.config.path]) == 1
    assert "has a guard, and its supervisor does not answer: " in capsys.readouterr().err
    gate = open_lanes(guarded.config.system.name, EXECUTION).cell_writer("gate")
    lost = {"halted": 1, "exits_only": Reason.SUPERVISOR_LOST, "operator_sequence": 0, "halt_sequence": 0}
    gate.write(0, *records.GATE.row(now_ns=0, ramp=1.0, **lost))
    gate.close()
    assert engine_ctl(["status", "--system", system, "--json"]) == 1
    tree = data_of(capsys.readouterr().out)
    assert (tree["silent"], tree["halted"], tree["halt_reason"]) == (True, True, "operator")
    assert tree["entries_stopped"].startswith("SUPERVISOR_LOST")
    assert tree["silent_ns"] > 0
    for pid in (before["pid"], before["guard"]):
        os.kill(pid, signal.SIGCONT)
    assert guarded.next(0)["processes"]


def test_status_without_a_guard_and_a_supervisor_shows_what_is_dead_and_what_to_do(
    guarded: Guarded, system: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No process restarts one that dies then."""
    before = guarded.status()
    for pid in (before["guard"], before["pid"], guarded.pids()["beta"]):
        os.kill(pid, signal.SIGKILL)
    until(lambda: not os.path.exists(f"/proc/{before['processes'][1]['pid']}"))
    assert engine_ctl(["status", "--system", system]) == 1
    output = capsys.readouterr().out
    assert "no supervisor runs" in output
    assert f"no guard runs: engine-ctl up {guarded.config.path} starts one" in output
    assert re.search(r"beta +dead", output)
    assert engine_ctl(["up", guarded.config.path]) == 0


def test_down_without_a_guard_and_with_a_frozen_supervisor_shows_what_to_do(
    guarded: Guarded, system: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second supervisor cannot take over what the first one holds; `up` brings a guard that kills it."""
    before = guarded.status()
    os.kill(before["guard"], signal.SIGKILL)
    until(lambda: guarded.status()["guard"] == 0)
    os.kill(before["pid"], signal.SIGSTOP)
    assert engine_ctl(["down", "--system", system]) == 3
    assert f"supervisor {before['pid']} is frozen and no guard runs: engine-ctl up" in capsys.readouterr().err
    assert engine_ctl(["up", guarded.config.path]) == 0
    assert guarded.status()["pid"] != before["pid"]


def test_a_guard_whose_system_is_refused_exits_before_it_makes_anything(write: Write) -> None:
    """`up` executes the guard before the check ends; also when `up` itself is killed, no lock and no log may remain."""
    config = write()
    prepared = PreparedGuard(words_of(config.path))
    prepared.__exit__(None, None, None)
    assert prepared.popen.wait(60) == 0
    assert not config.paths.guard_lock.exists()
    assert not config.paths.log("supervisor").exists()

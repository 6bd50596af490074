"""A process that systemd starts: the supervisor adopts and watches it, and starts no second one."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.cli import main as engine_ctl
from engine.config import Config, ConfigError
from engine.control import Refused, Unreachable, call
from engine.supervisor.processes.table import PROCESS_MARK, SYSTEM_MARK, AwaitedError, Processes
from engine.supervisor.service.outside import process_of
from tests.engine.floor import DEADLINE_S, until

Write = Callable[..., Config]
PROCESSES = """
[[processes]]
name = "alpha"
roles = ["alpha"]
started_by = "systemd"
[[processes]]
name = "beta"
roles = ["beta"]
"""


def start(config: Config) -> "subprocess.Popen[bytes]":
    """What the unit runs."""
    words = ["-m", "engine.supervisor.service.outside", "--config", config.path, "--process", "alpha"]
    return subprocess.Popen([sys.executable, *words])


def phases(config: Config) -> dict[str, tuple[str, int]]:
    """Phase and pid of each process."""
    try:
        found: dict[str, Any] = call(config.paths.control, "status", 1.0)
    except (Unreachable, Refused):
        return {}
    return {one["name"]: (one["phase"], one["pid"]) for one in found["processes"]}


@pytest.fixture
def units(write: Write) -> Iterator[Callable[[], "subprocess.Popen[bytes]"]]:
    """Start units of alpha; every one has ended after the test, and the system is down."""
    config = write(PROCESSES)
    made: list[subprocess.Popen[bytes]] = []

    def make() -> "subprocess.Popen[bytes]":
        made.append(start(config))
        return made[-1]

    yield make
    assert engine_ctl(["down", "--system", config.system.name]) == 0
    for one in made:
        one.kill()
        one.wait(DEADLINE_S)


def test_a_process_that_systemd_starts_is_adopted_and_its_end_is_left_to_systemd(
    units: Callable[[], "subprocess.Popen[bytes]"], write: Write
) -> None:
    """Two programs that both restart it would run it twice."""
    config = write(PROCESSES)
    first = units()  # it waits: no supervisor runs
    assert engine_ctl(["up", config.path]) == 0
    assert phases(config)["alpha"] == ("running", first.pid)
    first.kill()
    first.wait(DEADLINE_S)
    until(lambda: phases(config)["alpha"] == ("waiting", 0))
    second = units()
    until(lambda: phases(config)["alpha"] == ("running", second.pid))
    assert engine_ctl(["down", "--system", config.system.name]) == 0
    assert second.wait(DEADLINE_S) == 0
    third = units()  # as systemd starts it again; it waits for the next supervisor
    assert engine_ctl(["up", config.path]) == 0
    assert phases(config)["alpha"] == ("running", third.pid)


def test_a_frozen_process_of_systemd_is_killed_by_the_supervisor(
    units: Callable[[], "subprocess.Popen[bytes]"], write: Write
) -> None:
    """Systemd sees a process that exists; only its heartbeat shows that it does nothing."""
    config = write(PROCESSES)
    one = units()
    assert engine_ctl(["up", config.path]) == 0
    os.kill(one.pid, signal.SIGSTOP)
    assert one.wait(DEADLINE_S) == -signal.SIGKILL


def test_a_wait_for_a_process_of_systemd_leaves_no_descriptor_open(write: Write) -> None:
    """The supervisor looks ten times a second; a descriptor left by each look would end it within a minute."""
    config = write(PROCESSES)
    marks = {SYSTEM_MARK: config.system.name, PROCESS_MARK: "beta"}
    beta = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env={**os.environ, **marks})
    try:
        table = Processes(config, {})
        found = until(table.find)
        assert found.keys() == {"beta"}
        table.release(found["beta"])
        before = os.listdir("/proc/self/fd")
        with pytest.raises(AwaitedError):
            table.start(process_of(config, "alpha"))
        assert os.listdir("/proc/self/fd") == before
    finally:
        beta.kill()
        beta.wait(DEADLINE_S)


def test_only_a_process_that_systemd_starts_can_be_started_from_outside(write: Write) -> None:
    """The supervisor starts the others, so a second one would come of it."""
    config = write(PROCESSES)
    assert process_of(config, "alpha").roles == ("alpha",)
    with pytest.raises(ConfigError, match="'beta': expected one with started_by"):
        process_of(config, "beta")


def test_a_command_cannot_be_started_by_systemd(write: Write) -> None:
    """It has no heartbeat by which the supervisor could find it."""
    with pytest.raises(ConfigError, match="started_by"):
        write(PROCESSES + '[[processes]]\nname = "gamma"\ncommand = ["true"]\nstarted_by = "systemd"\n')

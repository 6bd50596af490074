"""A guard, a supervisor and tiny roles as real processes, with this test's socket in place of systemd's."""

import os
import select
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.config import Config
from engine.control import Refused, Unreachable, call
from engine.supervisor.entry import EXIT_WRONG_SELF
from tests.engine.floor import DEADLINE_S, until

Write = Callable[..., Config]
SILENT_S = 2.0  # several times the interval of the reports
WATCH = "restart_limit_ms = 300\nslow_retry_ms = 50\nsupervisor_frozen_ms = "
WATCHDOG_US = 400_000


class Unit:
    """What systemd is to a unit: it starts the guard, and reads the guard's messages."""

    def __init__(self, config: Config) -> None:
        """Bind an abstract address, as systemd does in a container."""
        self.config = config
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.name = f"steelyard-test-{uuid.uuid4().hex}"
        self.socket.bind(f"\0{self.name}")
        self.guard = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        """Start a guard as the unit does."""
        words = [sys.executable, "-m", "engine.supervisor.guard", "--config", self.config.path, "--log"]
        service = {"NOTIFY_SOCKET": f"@{self.name}", "WATCHDOG_USEC": str(WATCHDOG_US), "WATCHDOG_PID": "1"}
        self.guard = subprocess.Popen(words, env={**os.environ, **service})
        return self.guard

    def read(self, timeout_s: float = DEADLINE_S) -> list[str]:
        """The lines of the next message; none when there is no message within this time."""
        if not select.select([self.socket], [], [], timeout_s)[0]:
            return []
        return self.socket.recv(4096).decode().splitlines()

    def await_line(self, text: str) -> list[str]:
        """The next message that has a line with this text; read without a pause: a full socket drops messages."""
        return next(lines for lines in iter(self.read, []) if any(text in line for line in lines))

    def is_silent(self) -> bool:
        """Whether no message arrives for a while."""
        return not self.read(SILENT_S)

    def status(self) -> dict[str, Any]:
        """The supervisor's word, or nothing."""
        try:
            return call(self.config.paths.control, "status", 1.0)
        except (Unreachable, Refused):
            return {}

    def pid(self, name: str) -> int:
        """Of a process."""
        return next(int(one["pid"]) for one in self.status()["processes"] if one["name"] == name)


@pytest.fixture
def unit(write: Write) -> Iterator[Callable[..., Unit]]:
    """Start a system as a unit; `supervisor_frozen_ms` is given."""
    made: list[Unit] = []

    def make(frozen_ms: int = 500) -> Unit:
        made.append(Unit(write(watch=f"{WATCH}{frozen_ms}")))
        made[-1].await_line("READY=1")
        return made[-1]

    yield make
    for one in made:
        if one.guard.poll() is None:
            one.guard.send_signal(signal.SIGTERM)
            assert one.guard.wait(DEADLINE_S) == 0
        one.socket.close()


def test_the_unit_is_ready_when_every_process_runs_and_no_role_can_report(unit: Callable[..., Unit]) -> None:
    """A strategy that inherited the socket could feed the watchdog of an engine that is dead."""
    one = unit()
    assert all(process["phase"] == "running" for process in one.status()["processes"])
    for pid in (one.status()["pid"], one.pid("alpha"), one.pid("beta")):
        assert b"NOTIFY_SOCKET" not in Path(f"/proc/{pid}/environ").read_bytes()
    assert "WATCHDOG=1" in one.await_line("STATUS=2 of 2 processes run")


def test_a_supervisor_that_stands_still_is_not_fed_for(unit: Callable[..., Unit]) -> None:
    """Its roles run on and look healthy; without it the next death is final."""
    one = unit(frozen_ms=3_600_000)  # the guard leaves it alone
    pid = one.status()["pid"]
    os.kill(pid, signal.SIGSTOP)
    until(one.is_silent)
    os.kill(pid, signal.SIGCONT)
    assert one.await_line("WATCHDOG=1")


def test_a_supervisor_that_the_guard_replaces_is_fed_for_again(unit: Callable[..., Unit]) -> None:
    """The roles traded on meanwhile, so a restart of the unit would be of no use."""
    one = unit()
    before = one.status()
    os.kill(before["pid"], signal.SIGKILL)
    until(lambda: one.status().get("pid", before["pid"]) != before["pid"])
    assert one.await_line("WATCHDOG=1")
    assert one.guard.poll() is None


def test_a_role_that_does_not_come_back_is_not_fed_for_after_its_deadline(unit: Callable[..., Unit]) -> None:
    """Processes that are merely there are not a system that works."""
    one = unit()
    refuse = one.config.paths.run / "beta.refuse"
    refuse.touch()
    os.kill(one.pid("beta"), signal.SIGKILL)
    overdue = one.await_line("beta is overdue")
    assert "WATCHDOG=1" not in overdue
    refuse.unlink()
    assert "WATCHDOG=1" in one.await_line("STATUS=2 of 2 processes run")


def test_a_watchdog_that_fires_replaces_the_supervisor_and_leaves_the_roles(unit: Callable[..., Unit]) -> None:
    """The unit is restarted because supervising failed; trading did not."""
    one = unit()
    before, roles = one.status(), [one.pid("alpha"), one.pid("beta")]
    one.guard.send_signal(signal.SIGABRT)
    assert one.guard.wait(DEADLINE_S) == EXIT_WRONG_SELF
    one.start()
    one.await_line("READY=1")
    after = one.status()
    assert after["pid"] != before["pid"]
    assert [one.pid("alpha"), one.pid("beta")] == roles


def test_a_stop_is_reported_and_guard_and_supervisor_write_to_the_log(unit: Callable[..., Unit]) -> None:
    """`systemctl status` shows a stop that cancels orders, and `engine-ctl log` shows what happened."""
    one = unit()
    one.guard.send_signal(signal.SIGTERM)
    assert "STATUS=stopping" in one.await_line("STOPPING=1")
    assert one.guard.wait(DEADLINE_S) == 0
    assert '"event": "down"' in one.config.paths.log("supervisor").read_text()

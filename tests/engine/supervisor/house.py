"""A supervisor with two tiny roles, each in its process, as a test starts, kills and reads it."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import shm
from engine.config import Config
from engine.control import Unreachable, call
from tests.engine.floor import until

DEADLINE_S = 15.0


def gone(pid: int) -> None:
    """Wait for a process's end."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    assert poll.poll(DEADLINE_S * 1000), f"{pid} lives"
    os.close(descriptor)


class House:
    """A running system, and what a test does to it."""

    def __init__(self, config: Config) -> None:
        """Not up yet."""
        self.config = config
        self.paths = config.paths
        self.supervisor: subprocess.Popen[bytes] | None = None

    def up(self) -> "House":
        """Start a supervisor and wait until every process runs."""
        pid = self.begin()
        until(lambda: (state := self.status()) and state["pid"] == pid and self.all_run(state))
        return self

    def begin(self) -> int:
        """Start a supervisor; its pid."""
        words = [sys.executable, "-m", "engine.supervisor", "--config", self.config.path]
        with self.paths.log("supervisor").open("ab") as log:
            self.supervisor = subprocess.Popen(words, stderr=log, start_new_session=True)
        return self.supervisor.pid

    def status(self) -> dict[str, Any]:
        """The supervisor's word, or nothing."""
        try:
            return call(self.paths.control, "status")
        except Unreachable:
            return {}

    def all_run(self, state: dict[str, Any] | None = None) -> bool:
        """Every process runs."""
        state = state or self.status()
        return bool(state) and all(one["phase"] == "running" for one in state["processes"])

    def of(self, name: str) -> dict[str, Any]:
        """One process's line of the status."""
        return next(one for one in self.status().get("processes", []) if one["name"] == name)

    def pid(self, name: str) -> int:
        """One process's pid."""
        return int(self.of(name)["pid"])

    def kill_supervisor(self) -> None:
        """SIGKILL it."""
        assert self.supervisor is not None
        self.supervisor.kill()
        self.supervisor.wait()

    def down(self) -> int:
        """Bring it down in order; the supervisor's exit code."""
        call(self.paths.control, "down")
        assert self.supervisor is not None
        return self.supervisor.wait(DEADLINE_S)

    def halted(self) -> bool:
        """Whether the HALT cell is set."""
        row = shm.CellReader(self.config.lane("halt")).read(0)
        return row is not None and bool(row.halted)

    def sweep(self) -> None:
        """Leave nothing, whatever the test did."""
        if self.supervisor is not None and self.supervisor.poll() is None:
            self.kill_supervisor()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and self._is_ours(entry):
                os.kill(int(entry.name), signal.SIGKILL)
                gone(int(entry.name))

    def _is_ours(self, entry: Path) -> bool:
        try:
            return f"STEELYARD_SYSTEM={self.config.system.name}\0".encode() in (entry / "environ").read_bytes()
        except OSError:
            return False

"""Starts the process that seals closed parts into the history: of idle priority, so that trading does not feel it."""

import contextlib
import logging
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

MARKS = "STEELYARD_"  # a supervisor finds its children by these variables; the sealing process is not its child
STOP_S = 2.0

logger = logging.getLogger("engine.recorder")


class Sealer:
    """One process at a time, begun every `every_ns`."""

    def __init__(self, command: Sequence[str], every_ns: int) -> None:
        """Start none yet."""
        self._command, self._every_ns = command, every_ns
        self._child: subprocess.Popen[bytes] | None = None
        self._due_ns = 0

    def step(self, now_ns: int) -> None:
        """Collect a process that has ended; start one when it is time."""
        if self._child is not None and self._child.poll() is not None:
            if self._child.returncode:
                logger.error("sealing failed: see this log", extra={"exit": self._child.returncode})
            self._child = None
        if self._child is None and now_ns >= self._due_ns:
            self._due_ns = now_ns + self._every_ns
            self._child = self._start()

    def close(self) -> None:
        """End the process: it can be ended at any moment."""
        if self._child is not None:
            self._child.kill()
            self._child.wait(STOP_S)

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(MARKS)}
        child = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, env=environment, start_new_session=True)
        with contextlib.suppress(OSError):  # an optional setting: without it the child may use more time
            os.sched_setscheduler(child.pid, os.SCHED_IDLE, os.sched_param(0))
        return child


def command_of(directory: str, heated: Sequence[str], keep: Mapping[str, int]) -> tuple[str, ...]:
    """The command that seals the parts of a directory, makes the hot tier of these kinds, and removes old days."""
    kept = (f"--keep={kind}={days}" for kind, days in keep.items())
    return (sys.executable, "-m", "engine.recorder.store", directory, *heated, *kept)

"""The guard: the parent of the supervisor, which watches it and does nothing else.

    python -m engine.supervisor.guard --config F        as `engine-ctl up` and systemd start it

A supervisor that dies is started again; one whose heartbeat stands still for `supervisor_frozen_ms` is killed and
started again. The new one adopts the living roles. A guard that finds a living supervisor adopts it, so a guard that
was killed can be started again too. It ends with its supervisor when `down` is complete, with its exit code, or at once
when the first supervisor cannot start: 69 the world is wrong, 75 another guard or supervisor lives, 78 the
configuration is wrong. SIGTERM and SIGINT bring the system down; SIGUSR1 halts it.
"""

import argparse
import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import msgspec

import shm
from engine.config import Config, Process
from engine.lanes import SUPERVISOR, open_lanes
from engine.supervisor import life
from engine.supervisor.entry import (
    EXIT_CONFIG,
    EXIT_ORDERS_LEFT,
    EXIT_OTHER_LIVES,
    EXIT_WRONG_WORLD,
    enter,
    wait,
    wake_on_signals,
)
from engine.supervisor.processes import Child, Processes
from engine.supervisor.watch import Watch

MS = 1_000_000
STILLBORN = (EXIT_WRONG_WORLD, EXIT_OTHER_LIVES, EXIT_CONFIG)
START_LIMIT_MS = 60_000

logger = logging.getLogger("engine.supervisor.guard")


class Supervisors(Processes):
    """The process table of one process: the supervisor, with this process's own output and session."""

    stopping = False  # the guard was asked to bring the system down
    restarts = False  # a supervisor lived under this guard: the next one is not an operator's `up`

    def start(self, process: Process) -> Child:
        """Start a supervisor; one after an unfinished `down` goes on with it."""
        del process
        found = life.read(self.config.paths.system)
        stop = self.stopping or (found is not None and found.stopping and self.restarts)
        words = [sys.executable, "-m", "engine.supervisor", "--config", self.config.path]
        words += ["--foreground"] * self.foreground + ["--stop"] * stop
        self.restarts = True
        popen = subprocess.Popen(words, stdin=subprocess.DEVNULL, env=dict(self.environment))
        return Child(popen.pid, 0, os.pidfd_open(popen.pid), popen)

    def find(self) -> dict[str, Child]:
        """The supervisor that lives already, by the lock of its heartbeat's cell."""
        with contextlib.suppress(shm.SegmentError, OSError):
            owner = attach(self.config).owner
            if owner.life() == "alive":
                self.restarts = True
                return {SUPERVISOR: Child(owner.pid, 0, os.pidfd_open(owner.pid))}
        return {}


class Guard:
    """One supervisor under watch; `step` looks once and gives the exit code when the guard's work is over."""

    def __init__(self, config: Config, table: Supervisors, now_ns: int) -> None:
        """Adopt a living supervisor; one is started at the first step where none lives."""
        self.config = config
        self.table = table
        self.stood = False  # a supervisor was up in this guard's life
        self._last_ns = now_ns
        patience = msgspec.structs.replace(
            config.watch, frozen_ms=config.watch.supervisor_frozen_ms, start_limit_ms=START_LIMIT_MS
        )
        process = Process(name=SUPERVISOR, roles=(SUPERVISOR,))
        self.watch = Watch(process, patience, table, self._beat, self._despair)
        for child in table.find().values():
            self.watch.adopt(child, now_ns)
            self.stood = True

    def step(self, now_ns: int) -> int | None:
        """Look once."""
        gap_ns, self._last_ns = now_ns - self._last_ns, now_ns
        if gap_ns > self.config.watch.late_ms * MS:
            self.watch.excuse(gap_ns)
        had = self.watch.child
        self.watch.step(now_ns)
        self.stood = self.stood or self.watch.settled
        return self._end() if had is not None and self.watch.child is None else None

    def stop(self) -> None:
        """Bring the system down."""
        self.table.stopping = True
        self.signal(signal.SIGTERM)

    def signal(self, number: signal.Signals) -> None:
        """Hand a signal on to the supervisor."""
        if self.watch.child is not None:
            self.table.signal(self.watch.child, number)

    def _end(self) -> int | None:
        """The exit code when the supervisor that just ended is not to be followed by another."""
        code = self.watch.exit_code
        assert code is not None, "a process was buried without an exit code"
        if code in (0, EXIT_ORDERS_LEFT) and not self.config.paths.system.exists():  # removed at the end of `down`
            return code
        return code if code in STILLBORN and not self.stood else None

    def _beat(self, role: str) -> Any:
        """The supervisor's heartbeat; attached at each look, for its segment may have been made anew."""
        del role
        try:
            return attach(self.config).read(0)
        except (shm.SegmentError, OSError):
            return None

    def _despair(self, name: str, count: int) -> None:
        """The supervisor dies again and again; it is tried on, slowly, and the roles go on without it."""
        logger.critical("dies too often", extra={"name_of": name, "deaths": count})


def attach(config: Config) -> shm.CellReader:
    """The supervisor's heartbeat."""
    return open_lanes(config.system.name, SUPERVISOR).cell_reader("heartbeat")


def guard(config: Config, *, foreground: bool = False) -> int:
    """Keep a supervisor up until its system is down."""
    guarding = Guard(config, Supervisors(config, os.environ, foreground=foreground), time.monotonic_ns())
    wake = wake_on_signals(
        {
            signal.SIGTERM: guarding.stop,
            signal.SIGINT: guarding.stop,
            signal.SIGUSR1: lambda: guarding.signal(signal.SIGUSR1),
        }
    )
    while (code := guarding.step(time.monotonic_ns())) is None:
        wait([guarding.watch.child.pidfd, wake] if guarding.watch.child is not None else [wake])
    return code


def main(arguments: Sequence[str] | None = None) -> int:
    """Read, lock, guard."""
    parser = argparse.ArgumentParser(prog="python -m engine.supervisor.guard", description="Keep a supervisor up.")
    parser.add_argument("--config", required=True, help="the system's file")
    parser.add_argument("--foreground", action="store_true", help="the roles share this process's stderr")
    options = parser.parse_args(arguments)

    def run(config: Config, lock: int) -> int:
        os.pwrite(lock, f"{os.getpid()}\n".ljust(20).encode(), 0)
        return guard(config, foreground=options.foreground)

    return enter("guard", lambda paths: paths.guard_lock, run, options.config)


if __name__ == "__main__":
    sys.exit(main())

"""The guard: the parent process of the supervisor; it only watches the supervisor.

    python -m engine.supervisor.guard --config F        started by `engine-ctl up` (with --prepared) and systemd

The guard starts a dead supervisor again. It kills a supervisor that has not beaten for `supervisor_frozen_ms` and
starts another. The new supervisor adopts the living roles. A guard that finds a running supervisor adopts it, so a
killed guard can be started again too. The guard ends with the supervisor's exit code when `down` is complete, or at
once when the first supervisor cannot start: 69 the machine or its files prevent a start, 75 another guard or supervisor
runs, 78 the configuration is wrong. SIGTERM and SIGINT bring the system down; SIGUSR1 halts it.

Under systemd the guard is the main process of the unit, and the only process that reports to systemd (`service/`).
SIGABRT, which systemd sends when the watchdog fires, kills the supervisor and ends the guard with 70: the next guard
starts another supervisor, and the roles run on. With `--log` guard and supervisor write to the supervisor's log, as
after `engine-ctl up`, instead of this process's stderr.
"""

import argparse
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

import msgspec

import shm
from engine.config import Config, Process
from engine.lanes import SUPERVISOR, open_lanes
from engine.model.rows import HeartbeatRow
from engine.supervisor import life
from engine.supervisor.entry import (
    EXIT_CONFIG,
    EXIT_ORDERS_LEFT,
    EXIT_OTHER_RUNS,
    EXIT_WRONG_SELF,
    EXIT_WRONG_WORLD,
    enter,
    open_log,
    wait,
    wake_on_signals,
)
from engine.supervisor.processes import deaths
from engine.supervisor.processes.causes import End, death_of
from engine.supervisor.processes.table import EXIT_UNKNOWN, Child, Processes
from engine.supervisor.processes.watch import Watch
from engine.supervisor.service.notify import Notifier
from engine.supervisor.service.outside import supervision
from engine.supervisor.service.watchdog import Watchdog

MS = 1_000_000
CANNOT_START = (EXIT_WRONG_WORLD, EXIT_OTHER_RUNS, EXIT_CONFIG)
START_LIMIT_MS = 60_000
ANSWER_BYTES = 64
READS_OF_ONE = 25  # reads of the heartbeat, each after entry.WAIT_MS, until its segment is attached again

logger = logging.getLogger("engine.supervisor.guard")


class Supervisors(Processes):
    """A process table with one process, the supervisor; it shares this process's output and session."""

    stopping = False  # the guard was asked to bring the system down
    restarts = False  # a supervisor ran under this guard, so the next start is no `up` of an operator

    def start(self, process: Process) -> Child:
        """Start a supervisor; after an unfinished `down`, the new one continues it."""
        del process
        found = life.read(self.config.paths.system)
        stop = self.stopping or (found is not None and found.stopping and self.restarts)
        words = [sys.executable, "-m", "engine.supervisor", "--config", self.config.path]
        words += ["--foreground"] * self.foreground + ["--stop"] * stop
        self.restarts = True
        popen = subprocess.Popen(words, stdin=subprocess.DEVNULL, env=dict(self.environment))
        return Child(popen.pid, 0, os.pidfd_open(popen.pid), popen)

    def find(self) -> dict[str, Child]:
        """The supervisor that already runs, found by the lock of its heartbeat cell."""
        with contextlib.suppress(shm.SegmentError, OSError):
            owner = attach(self.config).owner
            if owner.life() == "alive":
                self.restarts = True
                return {SUPERVISOR: Child(owner.pid, 0, os.pidfd_open(owner.pid))}
        return {}


class Guard:
    """Watches one supervisor; `step` returns the exit code when the guard must end, else None."""

    def __init__(self, config: Config, table: Supervisors, now_ns: int, watchdog: Watchdog) -> None:
        """Adopt a running supervisor; without one, the first step starts one."""
        self.config = config
        self.table = table
        self.watchdog = watchdog
        self.aborted = False  # by SIGABRT
        self.was_up = False  # a supervisor was up under this guard
        self._last_ns = now_ns
        self._heartbeat: shm.CellReader | None = None
        self._reads = 0
        frozen_ms = config.watch.supervisor_frozen_ms
        patience = msgspec.structs.replace(
            config.watch, late_ms=max(1, frozen_ms // 2), frozen_ms=frozen_ms, start_limit_ms=START_LIMIT_MS
        )
        process = Process(name=SUPERVISOR, roles=(SUPERVISOR,))
        self.watch = Watch(
            process, patience, table, self._beat, self._on_death_limit, on_death=self._record_death,
            may_end=lambda code: self._end_with(code) is not None,
        )  # fmt: skip
        for child in table.find().values():
            self.watch.adopt(child, now_ns)
            self.was_up = True

    def step(self, now_ns: int) -> int | None:
        """Check the supervisor once."""
        if self.aborted:
            return EXIT_WRONG_SELF
        if self.watchdog.due(now_ns):
            self.watchdog.report(supervision(self.config), now_ns)
        gap_ns, self._last_ns = now_ns - self._last_ns, now_ns
        if gap_ns > self.config.watch.late_ms * MS:
            self.watch.allow_gap(gap_ns)
        had = self.watch.child
        self.watch.step(now_ns)
        self.was_up = self.was_up or self.watch.settled
        return self._end() if had is not None and self.watch.child is None else None

    def stop(self) -> None:
        """Bring the system down."""
        self.table.stopping = True
        self.watchdog.report_stop()
        self.signal(signal.SIGTERM)

    def abort(self) -> None:
        """Kill the supervisor and end: this guard's supervisor did not bring back what should run."""
        self.signal(signal.SIGKILL)
        self.aborted = True

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the supervisor."""
        if self.watch.child is not None:
            self.table.signal(self.watch.child, number)

    def _end(self) -> int | None:
        """The guard's exit code after the supervisor ended; None when another supervisor must be started."""
        code = self.watch.exit_code
        assert code is not None, "the watch dropped a process that has no exit code"
        return self._end_with(code)

    def _end_with(self, code: int) -> int | None:
        """The guard's exit code when the supervisor ends with this code; None when another one must be started."""
        if code in (0, EXIT_ORDERS_LEFT, EXIT_UNKNOWN) and not self.config.paths.system.exists():  # `down` is complete
            return code if code != EXIT_UNKNOWN else EXIT_ORDERS_LEFT * self.config.paths.left.exists()
        return code if code in CANNOT_START and not self.was_up else None

    def _beat(self, role: str) -> HeartbeatRow | None:
        """The supervisor's heartbeat; attached again at intervals, because its segment may have been created again."""
        del role
        self._reads += 1
        try:
            if self._heartbeat is None or self._reads % READS_OF_ONE == 0:
                self._heartbeat = attach(self.config)
            beat: HeartbeatRow | None = self._heartbeat.read(0)
        except (shm.SegmentError, OSError):
            self._heartbeat = None
            return None
        return beat

    def _record_death(self, end: End, now_ns: int) -> None:
        """Record the supervisor's death, at the time that the processes of its system use."""
        found = life.read(self.config.paths.system)
        at_ns = now_ns + found.offset_ns if found is not None else time.time_ns()
        deaths.append(self.config.paths.deaths, death_of(self.config, end, at_ns))

    def _on_death_limit(self, name: str, count: int) -> None:
        """The supervisor dies too often: log it; the watch keeps starting it slowly, and the roles run on."""
        logger.critical("dies too often", extra={"name_of": name, "deaths": count})


def attach(config: Config) -> shm.CellReader:
    """A reader of the supervisor's heartbeat."""
    return open_lanes(config.system.name, SUPERVISOR).cell_reader("heartbeat")


def guard(config: Config, *, foreground: bool = False) -> int:
    """Keep a supervisor running until its system is down."""
    watchdog = Watchdog(Notifier.of(os.environ))
    guarding = Guard(config, Supervisors(config, os.environ, foreground=foreground), time.monotonic_ns(), watchdog)
    wake = wake_on_signals(
        {
            signal.SIGTERM: guarding.stop,
            signal.SIGINT: guarding.stop,
            signal.SIGABRT: guarding.abort,
            signal.SIGUSR1: lambda: guarding.signal(signal.SIGUSR1),
        }
    )
    while (code := guarding.step(time.monotonic_ns())) is None:
        wait([guarding.watch.child.pidfd, wake] if guarding.watch.child is not None else [wake])
    return code


def write_to(descriptor: int) -> None:
    """Make this file the process's output, which the supervisor inherits."""
    for number in (1, 2):
        os.dup2(descriptor, number)
    os.close(descriptor)


def await_output() -> bool:
    """Wait on stdin for the descriptor of this process's output, as of `engine-ctl up`; False when none comes."""
    with socket.socket(fileno=os.dup(0)) as starter:
        word, descriptors, _, _ = socket.recv_fds(starter, ANSWER_BYTES, 1)
    if not word:
        return False
    write_to(descriptors[0])
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    """Load the file, lock, guard."""
    parser = argparse.ArgumentParser(prog="python -m engine.supervisor.guard", description="Keep a supervisor up.")
    parser.add_argument("--config", required=True, help="the system's file")
    parser.add_argument("--foreground", action="store_true", help="the roles share this process's stderr")
    parser.add_argument("--log", action="store_true", help="write to the supervisor's log instead of stderr")
    parser.add_argument("--prepared", action="store_true", help="begin when stdin has brought the output's descriptor")
    options = parser.parse_args(arguments)
    if options.prepared and not await_output():
        return 0

    def run(config: Config, lock: int) -> int:
        if options.log:
            write_to(open_log(config.paths.log(SUPERVISOR)))
        os.pwrite(lock, f"{os.getpid()}\n".ljust(20).encode(), 0)
        return guard(config, foreground=options.foreground)

    return enter("guard", lambda paths: paths.guard_lock, run, options.config)


if __name__ == "__main__":
    sys.exit(main())

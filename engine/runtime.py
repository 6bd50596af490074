"""The process: builds its roles and advances them until it is told to stop.

    python -m engine.runtime --config configs/demo.toml --process core

1. Name the process, pin it, say STARTING in each role's heartbeat cell.
2. Build the roles in the order written; those built already are stepped until the instruments are shown, because a
   strategy waits for the feed's.
3. Freeze the garbage collector's view of all that start made, and step: everybody once a round, at one time.
4. A round without work: spin on, or block until a socket or lane has something (`wait` in the process's table).
   Who spins lets its roles `warm` now and then: what they do seldom and fast stays in the processor's caches.
   SIGUSR1: a role that offers `ask_halt()` halts at its next step; every other role ignores the signal.
5. SIGTERM or SIGINT: drain every role, close every role, exit 0. An exception or a failed assert in a role: log it and
   exit at once with 70, closing nothing: what the role believed is no longer to be trusted, and the supervisor starts
   a fresh one.

A role may offer `warm(now_ns)`, which changes nothing, for a process that spins; `wait(timeout_ns)` (it alone in its
process: a lane's futex, its sockets) or `filenos()` (descriptors
to be polled together with those of the others); with neither a blocking process naps, ever longer up to 2 ms.
"""

import argparse
import gc
import importlib
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from engine import clock, log
from engine.config import Config, ConfigError, Process, load
from engine.lanes import open_lanes
from engine.model.words import RoleState
from engine.role import Role

EXIT_WRONG_WORLD, EXIT_WRONG_SELF, EXIT_CONFIG = 69, 70, 78  # as sysexits.h has them
IDLE_ROUNDS = 25  # rounds without work before a blocking process blocks
WARM_ROUNDS = 8  # idle rounds of a spinning process from one warming to the next
NAP_NS, NAP_MAX_NS = 100_000, 2_000_000
NAPS_ALIKE = 50  # naps before one is twice as long
BLOCK_NS = 5_000_000  # at most so long, so that beats and signals are on time
SHARED_BLOCK_NS = 1_000_000  # where lanes are looked at only between polls
INSTRUMENTS_LIMIT_NS = 15_000_000_000
MS = 1_000_000
LAG_MOST = (1 << 32) - 1

logger = logging.getLogger(__name__)


class Pulse:
    """A role's heartbeat cell, and what it says."""

    def __init__(self, config: Config, role: str) -> None:
        """Become the writer of the role's cell."""
        self.cell = open_lanes(config.system.name, config.kind_of(role), role).cell_writer("heartbeat")
        self.start_ns = clock.now_ns()
        self.work = self.reads = 0
        self.beat(self.start_ns, 0, RoleState.STARTING)

    def beat(self, now_ns: int, steps: int, state: RoleState, lag: int = 0, error_count: int = 0) -> None:
        """Write that the role lives, and how far it came, by a clock read here: a frozen step must show."""
        beat_ns = time.monotonic_ns()
        self.cell.write(
            0, beat_ns, now_ns, self.start_ns, steps, self.work, os.getpid(), state, self.reads, min(lag, LAG_MOST),
            error_count,
        )  # fmt: skip


class Loop:
    """The roles of one process, advanced together."""

    def __init__(
        self, beat_interval_ns: int, idle: Callable[[int], object], now: Callable[[], int] = clock.now_ns
    ) -> None:
        """Begin without roles; `idle` is what a round without work does, told how many there were."""
        self.roles: list[Role] = []
        self.pulses: list[Pulse] = []
        self._pairs: list[tuple[Role, Pulse]] = []  # made once: a strict `zip` a round costs a microsecond
        self.beat_interval_ns = beat_interval_ns
        self.idle = idle
        self.now = now
        self.steps = 0
        self.stopping = False
        self._beat_ns = 0

    def add(self, role: Role, pulse: Pulse) -> None:
        """Take a role in; it is stepped after those before it."""
        pulse.reads = getattr(role, "reads", 0)
        self.roles.append(role)
        self.pulses.append(pulse)
        self._pairs.append((role, pulse))

    def stop(self) -> None:
        """Leave `run` after this round."""
        self.stopping = True

    def ask_halt(self) -> None:
        """Have every role halt that can."""
        for role in self.roles:
            if hasattr(role, "ask_halt"):
                role.ask_halt()

    def round(self) -> int:
        """Step every role once, all at one time; beat if it is time to."""
        now_ns = self.now()
        work = 0
        for role, pulse in self._pairs:
            if done := role.step(now_ns):
                pulse.work += done
                work += done
        self.steps += 1
        if now_ns >= self._beat_ns:
            self.beat(now_ns, RoleState.RUNNING)
        return work

    def beat(self, now_ns: int, state: RoleState) -> None:
        """Beat for every role."""
        self._beat_ns = now_ns + self.beat_interval_ns
        for role, pulse in self._pairs:
            pulse.beat(now_ns, self.steps, state, role.lag(), role.error_count())

    def run(self) -> None:
        """Round after round until stopped."""
        step, idle, idle_rounds = self.round, self.idle, 0
        while not self.stopping:
            if step():
                idle_rounds = 0
                continue
            idle_rounds += 1
            if idle_rounds > IDLE_ROUNDS:
                idle(idle_rounds - IDLE_ROUNDS)

    def drain(self, limit_ns: int) -> bool:
        """Let every role finish what it has begun, within a limit; True when all did."""
        deadline_ns = self.now() + limit_ns
        open_roles = list(self.roles)
        while open_roles and self.now() < deadline_ns:
            now_ns = self.now()
            open_roles = [role for role in open_roles if not role.drain(now_ns)]
            self.beat(now_ns, RoleState.DRAINING)
            if open_roles:
                self.idle(0)
        return not open_roles

    def close(self) -> None:
        """Close every role, the last one first."""
        now_ns = self.now()
        for role, pulse in reversed(self._pairs):
            error_count = role.error_count()
            role.close()
            pulse.beat(now_ns, self.steps, RoleState.STOPPED, 0, error_count)
            pulse.cell.close()


def idle_of(process: Process, roles: Sequence[Role]) -> Callable[[int], object]:
    """What a round without work does: keep warm when spinning, else wait for what the roles wait for.

    Asked at each idle round's call, not once: `roles` grows while the process starts.
    """

    def spin(rounds: int) -> object:
        if rounds % WARM_ROUNDS == 0:
            for role in roles:
                if hasattr(role, "warm"):
                    role.warm(clock.now_ns())
        return None

    def block(rounds: int) -> object:
        if len(roles) == 1 and hasattr(roles[0], "wait"):
            return roles[0].wait(BLOCK_NS)
        descriptors = [number for role in roles if hasattr(role, "filenos") for number in role.filenos()]
        if descriptors:
            return _poll(descriptors, SHARED_BLOCK_NS // MS)
        time.sleep(min(NAP_NS << min(rounds // NAPS_ALIKE, 16), NAP_MAX_NS) / 1e9)
        return None

    return spin if process.wait == "spin" else block


def _poll(descriptors: Sequence[int], timeout_ms: int) -> bool:
    poll = select.poll()
    for number in descriptors:
        poll.register(number, select.POLLIN)
    return bool(poll.poll(timeout_ms))


def factory(target: str) -> Callable[[Config, str], Role]:
    """The function that builds a role, from "module:function"; imported by name, for roles lie above this layer."""
    module, _, name = target.partition(":")
    build: Callable[[Config, str], Role] = getattr(importlib.import_module(module), name)
    return build


def start(config: Config, process: Process, roles: Sequence[str]) -> Loop:
    """Build the roles into a loop, stepping those that stand while the next one waits for instruments."""
    standing: list[Role] = []
    loop = Loop(config.watch.beat_ms * MS, idle_of(process, standing))
    loop.roles = standing
    for role in roles:
        if standing:
            _await_instruments(config, role, loop)
        pulse = Pulse(config, role)
        loop.add(factory(config.factory(role))(config, role), pulse)
        logger.info("built", extra={"role": role})
    return loop


def _await_instruments(config: Config, role: str, loop: Loop) -> None:
    """Step what stands until every instrument is shown, or the next role may complain itself."""
    cells = open_lanes(config.system.name, config.kind_of(role), role).cell_reader("instruments")
    deadline_ns = loop.now() + INSTRUMENTS_LIMIT_NS
    while not loop.stopping and loop.now() < deadline_ns:
        if all(cells.read(index) is not None for index in range(len(config.instruments))):
            return
        if not loop.round():
            loop.idle(0)


def settle(config: Config, process: Process) -> None:
    """Give the process its name and its cores."""
    name = f"{config.system.name}-{process.name}"
    Path("/proc/self/comm").write_text(name[:15])
    if process.cores:
        allowed = os.sched_getaffinity(0)
        if not set(process.cores) <= allowed:
            msg = f"process {process.name}: cores {list(process.cores)} are not all among {sorted(allowed)}"
            raise ValueError(msg)
        os.sched_setaffinity(0, process.cores)


def run(config: Config, process: Process, roles: Sequence[str]) -> int:
    """A process's life; its exit code."""
    settle(config, process)
    asked: list[int] = []  # for a halt, while the roles were built
    signal.signal(signal.SIGUSR1, lambda number, _: asked.append(number))
    try:
        loop = start(config, process, roles)
    except Exception:
        logger.exception("cannot start", extra={"roles": list(roles)})
        return EXIT_WRONG_WORLD
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.stop())
    signal.signal(signal.SIGUSR1, lambda *_: loop.ask_halt())
    if asked:
        loop.ask_halt()
    gc.collect()
    gc.freeze()
    logger.info("running", extra={"roles": list(roles), "pid": os.getpid(), "wait": process.wait})
    try:
        loop.run()
        drained = loop.drain(config.watch.drain_limit_ms * MS)
        loop.close()
    except Exception:
        logger.exception("a role failed", extra={"roles": list(roles), "steps": loop.steps})
        return EXIT_WRONG_SELF
    logger.info("stopped", extra={"roles": list(roles), "drained": drained, "steps": loop.steps})
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m engine.runtime`: one process of a system."""
    parser = argparse.ArgumentParser(prog="python -m engine.runtime", description="Run one process of a system.")
    parser.add_argument("--config", required=True, help="the system's file")
    parser.add_argument("--process", default="", help="the process of the file to be: its roles, cores and way to wait")
    parser.add_argument("--roles", default="", help="or: roles by name, comma between, in one unpinned process")
    options = parser.parse_args(arguments)
    log.begin(options.process or options.roles)
    try:
        config = load(options.config)
        process = _process(config, options.process, options.roles)
    except ConfigError as error:
        logger.critical(str(error))
        return EXIT_CONFIG
    return run(config, process, process.roles)


def _process(config: Config, name: str, roles: str) -> Process:
    """The process asked for, or one made of the roles asked for."""
    if roles:
        chosen = tuple(roles.split(","))
        unknown = [role for role in chosen if role not in config.role_names]
        if unknown:
            msg = f"{config.path}: --roles {unknown[0]!r}: expected some of {', '.join(config.role_names)}"
            raise ConfigError(msg)
        return Process(name=chosen[0], roles=chosen)
    try:
        return config.process(name)
    except StopIteration:
        known = ", ".join(process.name for process in config.placement)
        msg = f"{config.path}: --process {name!r}: expected one of {known}"
        raise ConfigError(msg) from None


if __name__ == "__main__":
    CODE = main()
    logging.shutdown()
    if CODE == EXIT_WRONG_SELF:
        os._exit(CODE)  # no destructor of a role that failed may run, no thread of it may keep the process
    sys.exit(CODE)

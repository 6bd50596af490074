"""The process: builds its roles and steps them until SIGTERM or SIGINT.

    python -m engine.runtime --config configs/demo.toml --process core

1. Name the process, pin it, write STARTING to each role's heartbeat cell.
2. Build the roles in the configured order. Between two of them, step the roles that are built until the instruments are
   published, because a strategy needs the feed's instruments.
3. Exclude everything built so far from garbage collection, and run: each round steps every role once, with one time.
4. After rounds without work: collect garbage (`garbage.py`), then spin, or block until a socket or lane has data
   (`wait` in the process's table).
   A spinning process calls `warm` of its roles at intervals, so that seldom-used code stays in the processor's caches.
   SIGUSR1: a role with `ask_halt()` halts at its next step; the other roles ignore the signal.
5. SIGTERM or SIGINT: drain every role, close every role, exit 0. An exception or a failed assert in a role: log it,
   leave the error and the record that the role was working on (`evidence.py`), and exit at once with 70, without
   closing anything: the role's state cannot be trusted, and the supervisor starts a new process. A role that
   `stops_alone`, which a strategy does, is only removed from the loop while other roles live: its heartbeat shows
   FAILED, and the supervisor has its orders cancelled. So does a strategy whose `__init__` raises in 2. Where no role
   is left after 2, the process ends.

A role may have `working_on()`: the record that its unfinished step was working on, asked only when the step has raised.
A role may have `warm(now_ns)`, which changes nothing, for a process that spins. For a process that blocks it may have
`wait(timeout_ns)`, used when it is the only role of its process (a lane's futex, its sockets), or `filenos()`
(descriptors that are polled together with those of the other roles). Without either, the process sleeps, longer and
longer up to 2 ms.
"""

import argparse
import importlib
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

from engine import clock, evidence, garbage, log, placement
from engine.config import Config, ConfigError, Process, load
from engine.lanes import FEED, open_role
from engine.meters import current
from engine.meters.table import place_of
from engine.meters.usage import Usage, count_collections
from engine.model.words import RoleState
from engine.role import Role, StopsAloneError, WorkingOn

EXIT_WRONG_WORLD, EXIT_WRONG_SELF, EXIT_CONFIG = 69, 70, 78  # as in sysexits.h
IDLE_ROUNDS = 25  # rounds without work before a blocking process blocks
WARM_ROUNDS = 8  # idle rounds of a spinning process between two calls of `warm`
SLEEP_NS, SLEEP_MAX_NS = 100_000, 2_000_000
SLEEPS_ALIKE = 50  # sleeps before their length doubles
BLOCK_NS = 5_000_000  # the longest block, so that beats and signals are on time
SHARED_BLOCK_NS = 1_000_000  # the longest poll when several roles share the process: lanes are read between polls
INSTRUMENTS_LIMIT_NS = 15_000_000_000
MS = 1_000_000
LAG_MOST = (1 << 32) - 1
EXCEPTIONS = place_of("exceptions")

logger = logging.getLogger(__name__)


Record = dict[str, object]  # the record that a failed step was working on
OnFailure = Callable[[str, Exception, Record | None], object]


class Pulse:
    """A role's heartbeat cell and its meters."""

    def __init__(self, config: Config, role: str) -> None:
        """Become the writer of the role's cell and meters, and count into these."""
        lanes = open_role(config, role)
        self.cell = lanes.cell_writer("heartbeat")
        self.meters = current.Meters(lanes.word_writer("meters"))
        self.meters.select()
        self._usage = Usage(self.meters)
        self.start_ns = clock.now_ns()
        self.work = self.reads = self.errors = 0
        self.beat(self.start_ns, 0, RoleState.STARTING)

    def beat(self, now_ns: int, steps: int, state: RoleState, lag: int = 0, error_count: int = 0) -> None:
        """Write the role's state and counters with a time read here, so that a frozen step is visible."""
        beat_ns, self.errors = time.monotonic_ns(), error_count
        self.cell.write(
            0, beat_ns, now_ns, self.start_ns, steps, self.work, os.getpid(), state, self.reads, min(lag, LAG_MOST),
            error_count,
        )  # fmt: skip
        self._usage.store(steps, self.work, error_count, lag)

    def close(self) -> None:
        """Give up the cell and the meters."""
        self.cell.close()
        self.meters.close()


class Loop:
    """The roles of one process, advanced together."""

    def __init__(
        self, beat_interval_ns: int, idle: Callable[[int], object], now: Callable[[], int] = clock.now_ns
    ) -> None:
        """Begin without roles; `idle` is called after rounds without work, with their number."""
        self.roles: list[Role] = []
        self.pulses: list[Pulse] = []
        self._pairs: list[tuple[Role, Pulse]] = []  # made once: a strict `zip` in each round costs a microsecond
        self._failed: list[Pulse] = []  # of roles that were removed
        self.on_failure: OnFailure = lambda *_: None  # called when a role stops alone
        self.is_starting = False  # more roles may be built: one that stops alone does not end the process yet
        self.last_failure: Exception | None = None
        self.failed_role = ""  # the last one that raised
        self.beat_interval_ns = beat_interval_ns
        self.idle = idle
        self.now = now
        self.steps = 0
        self.stopping = False
        self._beat_ns = 0

    def add(self, role: Role, pulse: Pulse) -> None:
        """Add a role; it is stepped after the roles before it."""
        pulse.reads = getattr(role, "reads", 0)
        self.roles.append(role)
        self.pulses.append(pulse)
        self._pairs.append((role, pulse))

    def stop(self) -> None:
        """End `run` after this round."""
        self.stopping = True

    def ask_halt(self) -> None:
        """Ask every role that can halt to halt."""
        for role in self.roles:
            if hasattr(role, "ask_halt"):
                role.ask_halt()

    def round(self) -> int:
        """Step every role once, all with the same time; beat when a beat is due; the work done."""
        now_ns = self.now()
        work = 0
        for role, pulse in self._pairs:
            pulse.meters.select()
            try:
                done = role.step(now_ns)
            except Exception as error:  # noqa: BLE001 - `_remove` raises it again unless the role stops alone
                self._remove(role, pulse, error)
                break
            if done:
                pulse.work += done
                work += done
        self.steps += 1
        if now_ns >= self._beat_ns:
            self.beat(now_ns, RoleState.RUNNING)
        return work

    def beat(self, now_ns: int, state: RoleState) -> None:
        """Write the heartbeat of every role."""
        self._beat_ns = now_ns + self.beat_interval_ns
        for role, pulse in self._pairs:
            pulse.beat(now_ns, self.steps, state, role.lag(), role.error_count())
        for pulse in self._failed:
            pulse.beat(now_ns, self.steps, RoleState.FAILED, 0, pulse.errors)

    def _remove(self, role: Role, pulse: Pulse, error: Exception) -> None:
        """Continue without a role that raised, if it stops alone and others live; any other error ends the process."""
        self.failed_role = role.name
        current.add(EXCEPTIONS)
        if not getattr(role, "stops_alone", False) or (len(self._pairs) == 1 and not self.is_starting):
            raise error
        self._pairs.remove((role, pulse))
        self.roles.remove(role)
        self.fail(role.name, pulse, error, working_on([role]))

    def fail(self, role: str, pulse: Pulse, error: Exception, record: Record | None = None) -> None:
        """Note that a role has stopped alone."""
        self.failed_role, self.last_failure = role, error
        self.on_failure(role, error, record)
        pulse.errors += 1
        self._failed.append(pulse)
        self._beat_ns = 0  # FAILED is due in this round

    def run(self) -> None:
        """Step rounds until `stop` is called."""
        step, idle, idle_rounds = self.round, self.idle, 0
        while not self.stopping:
            if step():
                idle_rounds = 0
                continue
            idle_rounds += 1
            if idle_rounds > IDLE_ROUNDS:
                idle(idle_rounds - IDLE_ROUNDS)

    def drain(self, limit_ns: int) -> bool:
        """Step every role's `drain` until all have finished or the limit passes; True when all have."""
        deadline_ns = self.now() + limit_ns
        open_pairs = self._pairs.copy()
        while open_pairs and self.now() < deadline_ns:
            now_ns = self.now()
            open_pairs = [pair for pair in open_pairs if not self._drains(*pair, now_ns)]
            self.beat(now_ns, RoleState.DRAINING)
            if open_pairs:
                self.idle(0)
        return not open_pairs

    def _drains(self, role: Role, pulse: Pulse, now_ns: int) -> bool:
        """Step a role's `drain`; True when it has finished, or has failed alone."""
        pulse.meters.select()
        try:
            return role.drain(now_ns)
        except Exception as error:  # noqa: BLE001 - as at a step
            self._remove(role, pulse, error)
            return True

    def close(self) -> None:
        """Close every role, the last one first."""
        now_ns = self.now()
        for role, pulse in reversed(self._pairs):
            error_count = role.error_count()
            role.close()
            pulse.beat(now_ns, self.steps, RoleState.STOPPED, 0, error_count)
            pulse.close()
        for pulse in self._failed:
            pulse.beat(now_ns, self.steps, RoleState.STOPPED, 0, pulse.errors)
            pulse.close()


def idle_of(process: Process, roles: Sequence[Role]) -> Callable[[int], object]:
    """What the process does after rounds without work: spin and call `warm`, or wait for the roles' inputs.

    `roles` is read at each call, because it grows while the process starts.
    """
    collect = garbage.IdleCollection().collect

    def spin(rounds: int) -> object:
        if rounds % WARM_ROUNDS == 0:
            collect()
            current.unselect()  # a rehearsal counts nowhere; the next step selects again
            for role in roles:
                if hasattr(role, "warm"):
                    role.warm(clock.now_ns())
        return None

    def block(rounds: int) -> object:
        collect()
        if len(roles) == 1 and hasattr(roles[0], "wait"):
            return roles[0].wait(BLOCK_NS)
        descriptors = [number for role in roles if hasattr(role, "filenos") for number in role.filenos()]
        if descriptors:
            return _poll(descriptors, SHARED_BLOCK_NS // MS)
        time.sleep(min(SLEEP_NS << min(rounds // SLEEPS_ALIKE, 16), SLEEP_MAX_NS) / 1e9)
        return None

    return spin if process.wait == "spin" else block


def _poll(descriptors: Sequence[int], timeout_ms: int) -> bool:
    poll = select.poll()
    for number in descriptors:
        poll.register(number, select.POLLIN)
    return bool(poll.poll(timeout_ms))


def factory(target: str) -> Callable[[Config, str], Role]:
    """The function that builds a role, from "module:function"; imported by name, because roles are a layer above."""
    module, _, name = target.partition(":")
    build: Callable[[Config, str], Role] = getattr(importlib.import_module(module), name)
    return build


def start(config: Config, process: Process, roles: Sequence[str]) -> Loop:
    """Build the roles into a loop; step the built roles until the instruments are published."""
    built: list[Role] = []
    loop = Loop(config.watch.beat_ms * MS, idle_of(process, built))
    loop.roles = built
    loop.on_failure = partial(write_failure, config, process)
    loop.is_starting = True
    for role in roles:
        if built and config.kind_of(role) != FEED:  # a feed needs no instruments of another
            _await_instruments(config, role, loop)
        _build(config, role, loop, is_only=len(roles) == 1)
    loop.is_starting = False
    if not built and loop.last_failure is not None:
        raise loop.last_failure
    return loop


def _build(config: Config, role: str, loop: Loop, *, is_only: bool) -> None:
    """Build one role into the loop; a strategy whose own code raises stops alone, if its process has other roles."""
    pulse = Pulse(config, role)
    try:
        loop.add(factory(config.factory(role))(config, role), pulse)
    except StopsAloneError as error:
        if is_only:
            raise error.cause from None
        loop.fail(role, pulse, error.cause)
    else:
        logger.info("built", extra={"role": role})


def _await_instruments(config: Config, role: str, loop: Loop) -> None:
    """Step the roles already built until the instruments are published or the deadline passes.

    After the deadline the next role is built all the same; it reports the missing instruments itself.
    """
    readers = [cells for _, cells in open_role(config, role).cell_readers("instruments")]
    deadline_ns = loop.now() + INSTRUMENTS_LIMIT_NS
    while not loop.stopping and loop.now() < deadline_ns:
        if all(any(cells.read(index) for cells in readers) for index in range(len(config.instruments))):
            return
        if not loop.round():
            loop.idle(0)


def place(config: Config, process: Process) -> None:
    """Set the process's name, and apply its cores, its scheduling and its limits."""
    name = f"{config.system.name}-{process.name}"
    Path("/proc/self/comm").write_text(name[:15])
    placement.apply(process)


def run(config: Config, process: Process, roles: Sequence[str]) -> int:
    """Build and run the roles of a process; its exit code."""
    evidence.begin(config.paths.run, process.name)
    count_collections()
    halts: list[int] = []  # SIGUSR1 that arrive while the roles are built
    signal.signal(signal.SIGUSR1, lambda number, _: halts.append(number))
    try:
        place(config, process)
        loop = start(config, process, roles)
    except Exception as error:
        logger.exception("cannot start", extra={"roles": list(roles)})
        evidence.write_failure(config.paths.run, process.name, evidence.failure_of(error))
        return EXIT_WRONG_WORLD
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.stop())
    signal.signal(signal.SIGUSR1, lambda *_: loop.ask_halt())
    if halts:
        loop.ask_halt()
    garbage.exclude_built()
    logger.info("running", extra={"roles": list(roles), "pid": os.getpid(), "wait": process.wait})
    try:
        loop.run()
        drained = loop.drain(config.drain_limit_ms(process) * MS)
        loop.close()
    except Exception as error:
        found = working_on(loop.roles)
        logger.exception("a role failed", extra={"roles": list(roles), "steps": loop.steps, "record": found})
        failure = evidence.failure_of(error, loop.failed_role, found)
        evidence.write_failure(config.paths.run, process.name, failure)
        return EXIT_WRONG_SELF
    logger.info("stopped", extra={"roles": list(roles), "drained": drained, "steps": loop.steps})
    return 0


def write_failure(config: Config, process: Process, role: str, error: Exception, record: Record | None) -> None:
    """Log why a role stops alone, and leave it for the supervisor."""
    logger.error("stops alone, the other roles go on", exc_info=error, extra={"role": role, "record": record})
    name = evidence.role_name(process.name, role)
    evidence.write_failure(config.paths.run, name, evidence.failure_of(error, role, record))


def working_on(roles: Sequence[Role]) -> Record | None:
    """The record that the failed step was working on, with the name of its role; None when no role knows it."""
    for role in roles:
        record: WorkingOn | None = role.working_on() if hasattr(role, "working_on") else None
        if record is not None:
            return {"role": role.name, **record._asdict()}
    return None


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of one process."""
    parser = argparse.ArgumentParser(prog="python -m engine.runtime", description="Run one process of a system.")
    parser.add_argument("--config", required=True, help="the system's file")
    parser.add_argument("--process", default="", help="the process in the file, with its roles, cores and wait")
    parser.add_argument("--roles", default="", help="instead of a process: roles by name, separated by commas")
    parser.add_argument("--copy", default="", help="the file as it was when the supervisor started, if FILE is wrong")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m engine.runtime`: one process of a system."""
    options = parse(arguments)
    log.begin(options.process or options.roles)
    try:
        config, process = _read(options)
    except ConfigError as error:
        logger.critical(str(error))
        return EXIT_CONFIG
    return run(config, process, process.roles)


def _read(options: argparse.Namespace) -> tuple[Config, Process]:
    """The configuration and the process; from the copy where the file is wrong and there is a copy."""
    try:
        config = load(options.config)
        return config, _process(config, options.process, options.roles)
    except ConfigError as error:
        if not options.copy:
            raise
        logger.error("the file is wrong, its copy is used", extra={"error": str(error), "copy": options.copy})  # noqa: TRY400
        config = load(options.config, copy=options.copy)
        return config, _process(config, options.process, options.roles)


def _process(config: Config, name: str, roles: str) -> Process:
    """The process of this name, or a process of these roles."""
    if roles:
        chosen = tuple(roles.split(","))
        unknown = [role for role in chosen if role not in config.role_names]
        if unknown:
            msg = f"{config.path}: --roles {unknown[0]!r}: expected one of {', '.join(config.role_names)}"
            raise ConfigError(msg)
        return Process(name=chosen[0], roles=chosen)
    try:
        return config.process(name)
    except StopIteration:
        known = ", ".join(process.name for process in config.placement)
        msg = f"{config.path}: --process {name!r}: expected one of {known}"
        raise ConfigError(msg) from None


def finish(code: int) -> NoReturn:
    """End the process with this code; after a failed role at once, without its destructors and threads."""
    logging.shutdown()
    if code == EXIT_WRONG_SELF:
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    finish(main())

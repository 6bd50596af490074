"""Finds why a process ended, what it was working on and what it logged last: from what is left of it.

exit code or signal      of our own child; of an adopted process the kernel does not give it to us
<process>.failure        its error, stack and record, by the process itself  (engine/evidence.py)
<process>.stack          stacks of a crash, or of a freeze                   (engine/evidence.py)
the log of this life     its last lines, and the last error in them
shared memory            without a record of its own: the first intent that execution has not accepted, else the
last STEP of the role
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import shm
from engine import evidence
from engine.config import Config, Process
from engine.lanes import EXECUTION, LOOKERS, RoleLanes, open_lanes
from engine.model.rows import HeartbeatRow
from engine.supervisor.processes import last_words
from engine.supervisor.processes.deaths import LOG_LINES, Death
from engine.supervisor.processes.table import EXIT_UNKNOWN, Child

EXIT_WRONG_WORLD, EXIT_WRONG_SELF, EXIT_CONFIG = 69, 70, 78  # of engine.runtime
EXITS = {
    EXIT_WRONG_WORLD: "cannot start",
    EXIT_WRONG_SELF: "a role failed",
    EXIT_CONFIG: "the configuration is wrong",
}
UNKNOWN = (
    "ended; its exit code is unknown, because an earlier supervisor started it, and it left no error: it was killed by"
    " a signal, or by the kernel for lack of memory"
)
CLOCK_SLACK_S = 0.1  # a process's start is known in clock ticks of 10 ms
EMPTY: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class End:
    """An end as the watch saw it."""

    process: Process
    child: Child | None  # None: it could not be started
    exit_code: int  # as the process table gives it
    why: str = ""  # why it was killed, or why it could not be started
    where: str = ""  # where in the kernel it was when it was killed


def child_of(beat: HeartbeatRow, now_ns: int) -> Child:
    """A process that died before this supervisor could adopt it, as far as its heartbeat shows it."""
    began_s = time.clock_gettime(time.CLOCK_BOOTTIME) - (now_ns - beat.start_ns) / 1e9
    return Child(beat.pid, int(began_s * os.sysconf("SC_CLK_TCK")), -1)


def death_of(config: Config, end: End, now_ns: int) -> Death:
    """The record of a death; removes the files that the process left about it."""
    process, child, run = end.process, end.child, config.paths.run
    if child is None:
        return Death(now_ns, process.name, process.roles, 0, f"cannot be started: {end.why}")
    failure, stack = evidence.read_failure(run, process.name), evidence.read_stack(run, process.name)
    evidence.remove(run, process.name)
    stack = stack or str(failure.get("stack", ""))
    code, number = _ended_by(end, failure, stack)
    log = config.paths.log(process.name)
    error = str(failure.get("error", "")) or last_words.last_failure(log, child.log_offset)
    return Death(
        now_ns, process.name, process.roles, child.pid, _cause(end, code, number, error), code,
        number.name if number else None, _record(config, process, failure),
        tuple(last_words.last_lines(log, child.log_offset, _since_s(child), LOG_LINES)), stack or None, child.adopted,
        str(failure.get("role", "")) if code == EXIT_WRONG_SELF else "",
    )  # fmt: skip


def _ended_by(end: End, failure: Mapping[str, Any], stack: str) -> tuple[int | None, signal.Signals | None]:
    """Exit code and signal, as far as they are known."""
    if end.exit_code != EXIT_UNKNOWN:
        return (end.exit_code, None) if end.exit_code >= 0 else (None, signal.Signals(-end.exit_code))
    if end.why:
        return None, signal.SIGKILL
    return (EXIT_WRONG_SELF, None) if failure else (None, evidence.fatal_signal(stack))


def _cause(end: End, code: int | None, number: signal.Signals | None, error: str) -> str:
    """Why it ended, in a sentence."""
    if end.why:
        return f"{end.why} ({end.where})" if end.where else end.why
    text = UNKNOWN
    if number is not None:
        text = f"killed by {number.name}"
    elif code is not None:
        text = EXITS.get(code, f"ended with exit code {code}")
    return f"{text}: {error}" if error else text


def _since_s(child: Child) -> float:
    """When an adopted process started, by the wall clock; 0 for our own: its part of the log is known by its offset."""
    if not child.adopted:
        return 0.0
    age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - child.start_time / os.sysconf("SC_CLK_TCK")
    return time.time() - age_s - CLOCK_SLACK_S


def _record(config: Config, process: Process, failure: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The record that a role was working on: by its own word, else by shared memory."""
    if found := record_of(config, failure):
        return found
    with contextlib.suppress(shm.SegmentError, OSError):
        return next(_records_in_memory(config, process), None)
    return None


def record_of(config: Config, failure: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The record that a failure names, with the strategy's name; None without one."""
    if not (found := failure.get("record")):
        return None
    names = {one.id: one.name for one in config.strategies}
    return {**found, "strategy": names.get(found.get("strategy")), "from": "process"}


def _records_in_memory(config: Config, process: Process) -> Iterator[Mapping[str, Any]]:
    """What the lanes show of each role of a process that had no time to log it."""
    lanes = open_lanes(config.system.name, LOOKERS)
    for role in process.roles:
        kind = config.kind_of(role)
        if kind == EXECUTION:
            yield from _unaccepted(config, lanes, role)
        with contextlib.suppress(shm.SegmentError, OSError):  # a role without this lane
            if sequence := lanes.ring_reader("steps", role).end:
                name = role if any(one.name == role for one in config.strategies) else None
                yield {"lane": f"steps.{role}", "sequence": sequence - 1, "strategy": name, "instrument": None,
                       "from": "memory"}  # fmt: skip


def _unaccepted(config: Config, lanes: RoleLanes, role: str) -> Iterator[Mapping[str, Any]]:
    """The first intent of each strategy that an execution has not accepted."""
    accepted = lanes.cell_reader("accepted", role)
    for index, strategy in enumerate(config.strategies):
        ring, cell = lanes.ring_reader("intents", f"{strategy.name}.{role}"), accepted.read(index)
        ring.cursor = ring.oldest if cell is None else cell.cursor
        sequence, row = ring.cursor, ring.read()
        if row is not None and not isinstance(row, shm.Lapped):
            yield {"lane": f"intents.{strategy.name}.{role}", "sequence": sequence, "strategy": strategy.name,
                   "instrument": row.instrument, "from": "memory"}  # fmt: skip

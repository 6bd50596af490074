"""The status of a system whose supervisor does not answer, read from lanes and from /proc."""

import os
import time
from typing import Any

import shm
from engine.cli.output import executions, is_running, monotonic_age, supervisor_pid
from engine.config import Config, ConfigError, Paths, Process, load
from engine.lanes import LOOKERS, SUPERVISOR, open_lanes
from engine.model.text import word
from engine.model.words import HaltReason, RoleState
from engine.supervisor import cover
from engine.supervisor.life import guard_pid
from engine.supervisor.life import read as read_life
from engine.supervisor.operator import reason_of
from engine.supervisor.processes.table import Processes

MS = 1_000_000
GUARD_NS = 5_000_000_000  # within `supervisor_frozen_ms` and this time, a working guard starts another supervisor


def state(system: str) -> dict[str, Any] | None:
    """The status in the shape of the supervisor's answer; None when nothing runs or the configuration is unreadable."""
    paths = Paths.known(system)
    life = read_life(paths.system)
    if life is None or not is_running(system):
        return None
    try:
        config = load(life.config)
    except ConfigError:
        return None
    beat, halt = _cell(system, "heartbeat", SUPERVISOR), _cell(system, "halt")
    silent_ns = monotonic_age(beat.beat_ns) if beat is not None else 0
    reason = _halt_reason(system, halt, paths)
    return {
        "system": system, "mode": config.system.mode, "config": life.config,
        "pid": supervisor_pid(system), "guard": guard_pid(paths.guard_lock),
        "since_ns": beat.start_ns if beat is not None else 0, "now_ns": time.monotonic_ns() + life.offset_ns,
        "halted": reason != "none", "halt_reason": reason,
        "halt_since_ns": halt.since_ns if halt is not None and halt.halted else 0,
        "stopping": life.stopping, "cancellers": {role: cover.status(config, role) for role in config.execution_names},
        "processes": _processes(config),
        "silent": True, "silent_ns": silent_ns, "entries_stop_in_ns": _entries_stop_in_ns(config, silent_ns),
    }  # fmt: skip


def alarm(found: dict[str, Any], *, all_stopped: bool) -> str:
    """One line: how long the supervisor has been silent, whether entries stop, and what to do.

    `all_stopped`: every execution sends exits only.
    """
    left_ns = found["entries_stop_in_ns"]
    entries = "entries continue" if left_ns is None else f"entries stop in {left_ns / 1e9:.0f} s"
    entries = "entries are stopped" if all_stopped or found["halted"] else entries
    return (
        f"ALARM: supervisor silent for {found['silent_ns'] / 1e9:.0f} s; {entries}; exits, cancels and engine-ctl halt"
        f" work without it; {advice(found)}"
    )


def advice(found: dict[str, Any]) -> str:
    """What to do to get a supervisor that answers."""
    guard, config = found["guard"], found["config"]
    if not guard:
        return f"no guard runs: engine-ctl up {config} starts one"
    frozen_ns = load(config).watch.supervisor_frozen_ms * MS
    if found["silent_ns"] < frozen_ns + GUARD_NS:
        return f"wait, its guard (pid {guard}) starts another supervisor"
    return f"its guard is frozen too: kill -9 {guard}, then engine-ctl up {config}"


def _entries_stop_in_ns(config: Config, silent_ns: int) -> int | None:
    """How long execution still sends entries; None when it never stops them."""
    limit_ns = config.watch.supervisor_lost_ms * MS
    return max(0, limit_ns - silent_ns) if limit_ns else None


def _halt_reason(system: str, halt: Any, paths: Paths) -> str:
    """The reason of the halt, from any place where a halt is written; "none" when the system is not halted."""
    if halt is not None and halt.halted:
        return word(HaltReason, halt.reason).lower()
    words = [_cell(system, "operator_halt"), *(_cell(system, "gate", one) for one in executions(system))]
    if any(row is not None and row.halted for row in words):
        return HaltReason.OPERATOR.name.lower()
    return reason_of(paths.halt).name.lower()


def _processes(config: Config) -> list[dict[str, Any]]:
    table = Processes(config, {})
    children = table.find()
    for child in children.values():
        os.close(child.pidfd)
    return [_describe(config, one, children[one.name].pid if one.name in children else 0) for one in config.placement]


def _describe(config: Config, process: Process, pid: int) -> dict[str, Any]:
    """One process, from its roles' heartbeats; its deaths and exit code are known to the supervisor only."""
    beats = [_cell(config.system.name, "heartbeat", role) for role in process.roles]
    ours = [row for row in beats if row is not None and row.pid == pid]
    age_ms = max((monotonic_age(row.beat_ns) // MS for row in ours), default=0)
    return {
        "name": process.name, "roles": list(process.roles), "kinds": [config.kind_of(one) for one in process.roles],
        "phase": _phase(config, process, pid, ours, age_ms),
        "pid": pid, "adopted": False, "beat_age_ms": age_ms if ours else None,
        "starting_ms": max((monotonic_age(row.beat_ns) for row in ours), default=0) // MS, "deaths": None,
        "exit_code": None, "parks": False, "error": "", "start_in_ms": 0, "cores": list(process.cores),
    }  # fmt: skip


def _phase(config: Config, process: Process, pid: int, beats: list[Any], age_ms: int) -> str:
    """One of the supervisor's phases, or `dead` or `frozen` for a process that only the supervisor would restart."""
    if not pid:
        return "dead"
    if len(beats) < len(process.roles) or any(row.state == RoleState.STARTING for row in beats):
        return "starting"
    if age_ms > config.watch.frozen_ms:
        return "frozen"
    return "late" if age_ms > config.watch.late_ms else "running"


def _cell(system: str, lane: str, of: str = "") -> Any:
    """The only row of a lane; None when the lane does not exist or was never written."""
    try:
        return open_lanes(system, LOOKERS).cell_reader(lane, of).read(0)
    except (shm.SegmentError, OSError):
        return None

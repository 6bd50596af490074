"""`engine-ctl halt`: halts a system without its supervisor, and reports whether execution halted."""

import argparse
import contextlib
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import shm
from engine.cli import FAILED, NOT_FOUND, CommandError
from engine.cli.output import choose_system, executions, is_running, iso, print_json, print_line
from engine.cli.system import advice
from engine.config import Paths
from engine.control import Refused, Unreachable, call
from engine.lanes import LOOKERS, OPERATOR, open_lanes
from engine.lanes.ports import RingReader
from engine.supervisor import leftovers, operator
from engine.supervisor.life import Life
from engine.supervisor.life import read as read_life
from engine.unfinished import unfinished

POLL_S = 0.002
SIGNAL_AFTER_S = 0.3  # execution reads the halt word every 5 ms
SUPERVISOR_S = 1.0  # the time in which the supervisor must answer


@dataclass(slots=True)
class Found:
    """The result of a halt."""

    halted: bool  # as every execution confirms it; true without an execution
    executions: dict[str, str]  # by role: halted, silent, dead
    supervisor: bool  # the supervisor has answered
    on_disk: bool
    orders_left: int | None  # open or in doubt when the timeout passed; None when they cannot be read
    was_halted: bool = False  # before the command
    was_halted_since_ns: int = 0
    orders_before: int | None = None  # open or in doubt before the command; None when they cannot be read

    @property
    def complete(self) -> bool:
        """Nothing is left to do for the operator."""
        return self.halted and self.on_disk and self.orders_left == 0

    def text(self) -> str:
        """The result in words: what happened, and what the operator must do."""
        silent, dead = self._in_state("silent"), self._in_state("dead")
        parts = ["halted: no new orders until engine-ctl resume"]
        if silent:
            parts = [f"NOT CONFIRMED: {silent} runs and did not confirm the halt; kill -9 it, it will start halted"]
        elif dead:
            parts = [f"{dead} is dead and will start halted: no new orders until engine-ctl resume"]
        if not self.supervisor:
            parts.append("the supervisor does not answer")
        if not self.on_disk:
            parts.append("NOT ON DISK: the file HALT cannot be written yet, until then `down` or a reboot ends it")
        if self.orders_left is None:
            parts.append("it is UNKNOWN which orders are open: a lane ORDERS cannot be read; look at the venue's site")
        elif self.orders_left:
            parts.append(f"{self.orders_left} orders are still open or in doubt: engine-ctl orders lists them")
        parts.append(f"was halted since {iso(self.was_halted_since_ns)}" if self.was_halted else "was not halted")
        parts.append(f"open orders before: {'unknown' if self.orders_before is None else self.orders_before}")
        return "; ".join(parts)

    def _in_state(self, state: str) -> str:
        """The executions in this state."""
        return ", ".join(role for role, one in self.executions.items() if one == state)


@dataclass(slots=True, frozen=True)
class Before:
    """What was in force before the halt; the orders are counted after it, to that place of the ring: no halt waits."""

    halted: bool
    since_ns: int
    rings: tuple[tuple[RingReader, int], ...] | None  # each with its end; None when one cannot be read

    @classmethod
    def of(cls, system: str, file: Path) -> Self:
        """Read cell, word and file, and the end of each ring of orders."""
        rows = [row for name in ("halt", "operator_halt") if (row := _row(system, name)) is not None and row.halted]
        if not rows and (made_ns := _made_ns(file)):
            return cls(True, made_ns, _rings(system))
        return cls(bool(rows), min((row.since_ns for row in rows), default=0), _rings(system))

    def orders(self) -> int | None:
        """How many orders were open or in doubt."""
        return None if self.rings is None else sum(len(unfinished(ring, end)) for ring, end in self.rings)


def _made_ns(file: Path) -> int:
    """When the file HALT was made; 0 without it, and where this user may not look for it."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _row(system: str, name: str) -> Any:
    try:
        return open_lanes(system, LOOKERS).cell_reader(name).read(0)
    except (shm.SegmentError, OSError):
        return None


def _rings(system: str) -> tuple[tuple[RingReader, int], ...] | None:
    try:
        lanes = open_lanes(system, LOOKERS)
        rings = [lanes.ring_reader("orders", role) for role in executions(system)]
    except (shm.SegmentError, OSError):
        return None
    return tuple((ring, ring.end) for ring in rings)


def halt(options: argparse.Namespace) -> int:
    """Write word and file, wait for execution, inform the supervisor."""
    system = choose_system(options.system)
    life = read_life(Paths.known(system).system)
    if life is None or not is_running(system):
        raise CommandError(f"halt: no process of {system} runs ({advice(system)})", NOT_FOUND)
    found = halt_system(system, life, options.timeout)
    print_json(options, asdict(found)) if options.json else print_line(found.text())
    return 0 if found.complete else FAILED


def halt_system(system: str, life: Life, timeout_s: float) -> Found:
    """Halt a system that runs."""
    deadline, file = time.monotonic() + timeout_s, Path(life.state) / "HALT"
    before = Before.of(system, file)
    sequence, on_disk = operator.halt(system, file, time.monotonic_ns() + life.offset_ns)
    if not sequence and not on_disk and (refusal := _inform(system)[2]):
        raise CommandError(f"halt was refused: {refusal}; nothing was halted")
    states = _await_executions(system, sequence, deadline)
    informed, stored, _ = _inform(system)
    left = _await_orders(system, list(states), deadline)
    return Found(
        "silent" not in states.values(), states, informed, on_disk or stored, left,
        before.halted, before.since_ns, before.orders(),
    )  # fmt: skip


def _await_executions(system: str, sequence: int, deadline: float) -> dict[str, str]:
    """Wait until every execution confirms the halt; after SIGNAL_AFTER_S send SIGUSR1 to each silent one."""
    cells = {role: found for role in executions(system) if (found := _cells_of(system, role)) is not None}
    signal_s = time.monotonic() + SIGNAL_AFTER_S
    while True:
        states = {role: _state_of(*found, sequence) for role, found in cells.items()}
        silent = [role for role, state in states.items() if state == "silent"]
        if not silent or time.monotonic() > deadline:
            return states
        if time.monotonic() > signal_s:
            signal_s = deadline
            _signal(cells[role][1].owner.pid for role in silent)
        time.sleep(POLL_S)


def _cells_of(system: str, role: str) -> tuple[shm.CellReader, shm.CellReader] | None:
    """The gate and the heartbeat of an execution; None in a replay, where no such role runs."""
    lanes = open_lanes(system, OPERATOR)
    try:
        return lanes.cell_reader("gate", role), lanes.cell_reader("heartbeat", role)
    except (shm.SegmentError, OSError):
        return None


def _state_of(gate: shm.CellReader, heartbeat: shm.CellReader, sequence: int) -> str:
    """Whether an execution has confirmed this write of the halt word, is dead, or runs without an answer."""
    if operator.confirmed(gate, sequence):
        return "halted"
    return "silent" if heartbeat.owner.life() == "alive" else "dead"


def _signal(pids: Iterable[int]) -> None:
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGUSR1)


def _inform(system: str) -> tuple[bool, bool, str]:
    """Ask the supervisor to publish the halt at once; without this it finds the word and the file by itself.

    Whether it has done so, whether it has written the file HALT, and why it refused.
    """
    try:
        return True, bool(call(Paths.known(system).control, "halt", SUPERVISOR_S)["on_disk"]), ""
    except Unreachable:
        return False, False, ""
    except Refused as refused:
        return False, False, str(refused)


def _await_orders(system: str, roles: list[str], deadline: float) -> int | None:
    """Wait until no order is open or in doubt or the deadline passes; how many are left, None when it is not known."""
    while (left := leftovers.count(system, roles)) and time.monotonic() < deadline:
        time.sleep(POLL_S * 5)
    return left

"""`engine-ctl halt`: halts a system without its supervisor, and reports whether execution halted."""

import argparse
import contextlib
import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import shm
from engine.cli import FAILED, NOT_FOUND, CommandError
from engine.cli.output import choose_system, is_running, print_json, print_line
from engine.cli.system import advice
from engine.config import Paths
from engine.control import Refused, Unreachable, call
from engine.lanes import EXECUTION, OPERATOR, open_lanes
from engine.supervisor import leftovers, operator
from engine.supervisor.life import Life
from engine.supervisor.life import read as read_life

POLL_S = 0.002
SIGNAL_AFTER_S = 0.3  # execution reads the halt word every 5 ms
SUPERVISOR_S = 1.0  # how long the supervisor may take to answer


@dataclass(slots=True)
class Found:
    """The result of a halt."""

    halted: bool  # as execution confirms it; true when there is no execution
    execution: str  # halted, silent, dead, none
    supervisor: bool  # the supervisor has answered
    on_disk: bool
    orders_left: int  # open or in doubt when the timeout passed

    @property
    def complete(self) -> bool:
        """Nothing is left to do for the operator."""
        return self.halted and self.on_disk and not self.orders_left

    def text(self) -> str:
        """The result in words: what happened, and what the operator must do."""
        parts = ["halted: no new orders until engine-ctl resume"]
        if self.execution == "dead":
            parts = ["execution is dead and will start halted: no new orders until engine-ctl resume"]
        elif not self.halted:
            parts = ["NOT CONFIRMED: execution runs and did not confirm the halt; kill -9 it, it will start halted"]
        if not self.supervisor:
            parts.append("the supervisor does not answer")
        if not self.on_disk:
            parts.append("NOT ON DISK: the file HALT cannot be written, the halt ends with `down` or a reboot")
        if self.orders_left:
            parts.append(f"{self.orders_left} orders are still open or in doubt: engine-ctl orders lists them")
        return "; ".join(parts)


def halt(options: argparse.Namespace) -> int:
    """Write word and file, wait for execution, inform the supervisor."""
    system = choose_system(options.system)
    life = read_life(Paths.known(system).system)
    if life is None or not is_running(system):
        raise CommandError(f"halt: no process of {system} runs ({advice(system)})", NOT_FOUND)
    found = halt_system(system, life, options.timeout)
    print_json(asdict(found)) if options.json else print_line(found.text())
    return 0 if found.complete else FAILED


def halt_system(system: str, life: Life, timeout_s: float) -> Found:
    """Halt a system that runs."""
    deadline = time.monotonic() + timeout_s
    sequence, on_disk = operator.halt(system, Path(life.state) / "HALT", time.monotonic_ns() + life.offset_ns)
    execution = _await_execution(system, sequence, deadline)
    informed = _inform(system)
    left = _await_orders(system, deadline) if execution != "none" else 0
    return Found(execution in ("halted", "none", "dead"), execution, informed, on_disk, left)


def _await_execution(system: str, sequence: int, deadline: float) -> str:
    """Wait until execution confirms the halt; after SIGNAL_AFTER_S without one, send SIGUSR1 too."""
    try:
        lanes = open_lanes(system, OPERATOR)
        gate, heartbeat = lanes.cell_reader("gate"), lanes.cell_reader("heartbeat", EXECUTION)
    except (shm.SegmentError, OSError):
        return "none"
    signal_s = time.monotonic() + SIGNAL_AFTER_S
    while not operator.confirmed(gate, sequence):
        if heartbeat.owner.life() != "alive":
            return "dead"
        if time.monotonic() > deadline:
            return "silent"
        if time.monotonic() > signal_s:
            signal_s = deadline
            with contextlib.suppress(OSError):
                os.kill(heartbeat.owner.pid, signal.SIGUSR1)
        time.sleep(POLL_S)
    return "halted"


def _inform(system: str) -> bool:
    """Ask the supervisor to publish the halt at once; without this it finds the word and the file by itself."""
    try:
        call(Paths.known(system).control, "halt", SUPERVISOR_S)
    except (Unreachable, Refused):
        return False
    return True


def _await_orders(system: str, deadline: float) -> int:
    """Wait until no order is open or in doubt or the deadline passes; how many are left."""
    while (left := leftovers.count(system)) and time.monotonic() < deadline:
        time.sleep(POLL_S * 5)
    return left

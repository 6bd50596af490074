"""`engine-ctl halt`: halts without needing the supervisor, and says what execution made of it."""

import argparse
import contextlib
import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import shm
from engine.cli import NO, NOBODY, Complaint
from engine.cli.output import choose_system, lives, say, say_json
from engine.cli.system import advice
from engine.config import Paths
from engine.control import Refused, Unreachable, ask
from engine.lanes import EXECUTION, OPERATOR, open_lanes
from engine.supervisor import leftovers, operator
from engine.supervisor.life import Life
from engine.supervisor.life import read as read_life

NAP_S = 0.002
SIGNAL_AFTER_S = 0.3  # execution looks at the word every 5 ms
SUPERVISOR_S = 1.0  # how long the supervisor may take to answer


@dataclass(slots=True)
class Found:
    """What came of a halt."""

    halted: bool  # by execution's own word; true where there is no execution
    execution: str  # halted, silent, dead, none
    supervisor: bool  # it has answered
    on_disk: bool
    orders_left: int  # open or in doubt when the time was over

    @property
    def sound(self) -> bool:
        """Nothing is left to do for the operator."""
        return self.halted and self.on_disk and not self.orders_left

    def text(self) -> str:
        """A sentence for each thing that an operator has to know."""
        parts = ["halted: no new orders until engine-ctl resume"]
        if self.execution == "dead":
            parts = ["execution is dead, and starts halted: no new orders until engine-ctl resume"]
        elif not self.halted:
            parts = ["NOT CONFIRMED: execution lives and did not confirm the halt; kill it, it starts halted"]
        if not self.supervisor:
            parts.append("the supervisor does not answer")
        if not self.on_disk:
            parts.append("NOT ON DISK: the file HALT could not be written, a `down` or a reboot forgets this halt")
        if self.orders_left:
            parts.append(f"{self.orders_left} orders are still open or in doubt: engine-ctl orders")
        return "; ".join(parts)


def halt(options: argparse.Namespace) -> int:
    """Write word and file, wait for execution, inform the supervisor."""
    system = choose_system(options.system)
    life = read_life(Paths.known(system).system)
    if life is None or not lives(system):
        raise Complaint(f"halt: no process of {system} lives ({advice(system)})", NOBODY)
    found = carry_out(system, life, options.timeout)
    say_json(asdict(found)) if options.json else say(found.text())
    return 0 if found.sound else NO


def carry_out(system: str, life: Life, timeout_s: float) -> Found:
    """Halt a living system."""
    deadline = time.monotonic() + timeout_s
    sequence, on_disk = operator.halt(system, Path(life.state) / "HALT", time.monotonic_ns() + life.offset_ns)
    execution = _await_execution(system, sequence, deadline)
    informed = _inform(system)
    left = _await_orders(system, deadline) if execution != "none" else 0
    return Found(execution in ("halted", "none", "dead"), execution, informed, on_disk, left)


def _await_execution(system: str, sequence: int, deadline: float) -> str:
    """What execution does; a signal goes to one that has not confirmed after a while."""
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
        time.sleep(NAP_S)
    return "halted"


def _inform(system: str) -> bool:
    """Have the supervisor publish the halt too; it would find the word and the file by itself."""
    try:
        ask(Paths.known(system).control, "halt", SUPERVISOR_S)
    except (Unreachable, Refused):
        return False
    return True


def _await_orders(system: str, deadline: float) -> int:
    """How many orders are open or in doubt, once none is or the time is over."""
    while (left := leftovers.count(system)) and time.monotonic() < deadline:
        time.sleep(NAP_S * 5)
    return left

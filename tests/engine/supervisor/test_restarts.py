"""Restarts of every role of a trading system, again and again: nothing grows."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

import shm
from engine.model.words import RoleState, SessionState
from tests.engine.floor import Floor, until

ROLES = ("feed", "aggregation", "execution", "maker")
OFTEN = "\n[watch]\ndeath_limit = 1000000\ndeath_window_ms = 1\n"
WARM_UP = 2  # restarts of each role before the first figures: what is made once is made by then
RSS_GROWTH_KB = 4096  # of a process that lives through all restarts; a leak of 4 KiB a restart is found in 1000


class Figures:
    """What may not grow, of the supervisor and of its template, and of the newest process of a role."""

    def __init__(self, system: Floor) -> None:
        """Read them."""
        supervisor = int(system.status()["pid"])
        self.segments = sorted(shm.names(system.system))
        self.descriptors = {"supervisor": descriptors(supervisor)}
        self.memory_kb = {"supervisor": memory_kb(supervisor)}
        for role in ROLES:
            self.descriptors[role] = descriptors(system.pid(role))
            self.memory_kb[role] = memory_kb(system.pid(role))
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        self.children = sum(parent(pid) == supervisor for pid in pids)

    def __str__(self) -> str:
        """The figures as a line."""
        counts = f"{len(self.segments)} segments, {self.children} children, descriptors {self.descriptors}"
        return f"{counts}, anonymous memory in KB {self.memory_kb}"


def descriptors(pid: int) -> int:
    """How many descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def memory_kb(pid: int) -> int:
    """A process's own resident memory, without files and shared segments."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def parent(pid: int) -> int:
    """The parent's pid, also of a zombie; 0 when there is no such process."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def restart(system: Floor, role: str) -> None:
    """Kill a role, and wait until its successor steps and orders can be sent."""
    cell = shm.CellReader(system.config.lane("heartbeat", role))
    victim = cell.read(0).pid
    os.kill(victim, signal.SIGKILL)
    until(lambda: (beat := cell.read(0)).pid != victim and beat.state == RoleState.RUNNING)
    session = shm.CellReader(system.config.lane("sessions", "execution"))
    until(lambda: session.read(0).state == SessionState.READY)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("count", [3, pytest.param(1000, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])])
def test_restarts_leave_nothing_behind(floor: Callable[..., Floor], count: int) -> None:
    """A system that heals for months must not run out of descriptors, segments or memory."""
    system = floor(OFTEN)
    system.up()
    for role in ROLES * WARM_UP:
        restart(system, role)
    before = settled(system)
    for role in ROLES * count:
        restart(system, role)
    after = settled(system)
    print(f"before {before}\nafter {count} restarts of each of {', '.join(ROLES)}: {after}")  # noqa: T201 - the figures
    assert (after.segments, after.children) == (before.segments, before.children)
    for name in before.descriptors:
        assert after.descriptors[name] <= before.descriptors[name] + 2, name  # a request may be under way
        assert after.memory_kb[name] < before.memory_kb[name] + RSS_GROWTH_KB, name
    assert system.type("down") == 0


def settled(system: Floor) -> Figures:
    """The figures when the template has its spares again and every process runs."""
    found = Figures(system)

    def same() -> bool:
        nonlocal found
        last, found = found, Figures(system)
        return (last.children, last.descriptors) == (found.children, found.descriptors)

    until(same)
    return found

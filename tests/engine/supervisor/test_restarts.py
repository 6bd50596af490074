"""Restarts of every role of a trading system and of its supervisor, again and again: nothing grows.

The figures are printed (`-s` shows them): descriptors, and proportional memory without the segments, of each process
that lives through the restarts and of the newest process of each role; the segments and their bytes.
"""

import os
import signal
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

import shm
from engine.lanes import SUPERVISOR
from engine.model.words import RoleState, SessionState
from shm.segment import path_of
from tests.engine.floor import Floor, until

ROLES = ("feed", "aggregation", "execution", "maker", "canceller", "monitor", "alerts")
MORE = """
[journal]
segment_mib = 1
[watch]
death_limit = 1000000
death_window_ms = 1
[alerts]
[[alerts.targets]]
name = "dead"
kind = "webhook"
url = "http://127.0.0.1:9/refuses"
"""
WARM_UP = 2  # restarts before the first figures: what is made once is made by then
SAMPLES = 20  # figures between the first and the last restart, for the slope
GROWTH_KB = 4096  # of a process; a leak of 4 KiB a restart is found in 1000
JOURNALED = "execution"  # its memory is that of its journal, which grows while the test trades


class Figure(NamedTuple):
    """Of one process."""

    descriptors: int
    pss_kb: int

    def __str__(self) -> str:
        """For the table."""
        return f"{self.descriptors} descriptors {self.pss_kb} KB"


class Figures(NamedTuple):
    """What may not grow."""

    segments: list[str]
    segment_bytes: int
    children: int  # of the supervisor, also zombies
    processes: dict[str, Figure]


def figures_of(system: Floor) -> Figures:
    """Read them once."""
    state = system.status()
    pids = {name: system.pid(name) for name in ROLES}
    children = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if parent(pid) == state["pid"]]
    pids |= {"guard": state["guard"], SUPERVISOR: state["pid"]}
    pids |= {"template": next((pid for pid in children if "template" in command(pid)), 0)}
    segments = sorted(shm.names(system.system))
    held = sum(os.stat(path_of(name)).st_blocks * 512 for name in segments)
    return Figures(segments, held, len(children), {name: figure_of(pid) for name, pid in pids.items()})


def settled(system: Floor) -> Figures:
    """The figures when the template has its spares again and every process runs."""
    found: list[Figures] = []

    def same() -> bool:
        try:
            found.append(figures_of(system))
        except OSError:  # a process ended in between
            return False
        counts = [(one.children, [each.descriptors for each in one.processes.values()]) for one in found[-2:]]
        return len(counts) == 2 and counts[0] == counts[1]

    until(same)
    return found[-1]


def figure_of(pid: int) -> Figure:
    """How many descriptors a process has open, and its part of the memory without the shared segments."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kb = {line.partition(":")[0]: int(line.split()[1]) for line in lines}
    return Figure(len(os.listdir(f"/proc/{pid}/fd")), kb["Pss"] - kb["Pss_Shmem"])


def parent(pid: int) -> int:
    """The parent's pid, also of a zombie; 0 when there is no such process."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def command(pid: int) -> str:
    """The command line, or the title in its place; "" when there is no such process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def restart(system: Floor, role: str) -> None:
    """Kill a role or the supervisor, and wait until its successor steps."""
    cell = shm.CellReader(system.config.lane("heartbeat", role))
    victim = cell.read(0).pid
    os.kill(victim, signal.SIGKILL)
    until(lambda: (beat := cell.read(0)).pid != victim and beat.state == RoleState.RUNNING)


def ready(system: Floor) -> None:
    """Wait until orders can be sent."""
    session = shm.CellReader(system.config.lane("sessions", "execution"))
    until(lambda: session.read(0).state == SessionState.READY)


def restarts_leave_nothing(system: Floor, victims: tuple[str, ...], count: int) -> None:
    """Restart the victims this often, print the figures, and hold the last against the first."""
    found: list[tuple[int, Figures]] = []
    for number in range(-WARM_UP, count + 1):
        if number >= 0 and (number % max(1, count // SAMPLES) == 0 or number == count):
            found.append((number, settled(system)))
        if number < count:
            for victim in victims:
                restart(system, victim)
            ready(system)
    (_, first), (_, last) = found[0], found[-1]
    counts = f"{len(last.segments)} segments of {last.segment_bytes} bytes, {last.children} children"
    sys.stdout.write(f"\n{count} restarts of each of {', '.join(victims)}: {counts}\n")
    for name, before in first.processes.items():
        after = last.processes[name]
        slope = statistics.linear_regression(
            [at for at, _ in found], [one.processes[name].pss_kb * 1024 for _, one in found]
        ).slope
        sys.stdout.write(f"{name:12} first {before}, last {after}, {slope:+.0f} bytes a restart\n")
        assert after.descriptors <= before.descriptors + 2, name  # a request may be under way
        assert after.pss_kb < before.pss_kb + GROWTH_KB or name == JOURNALED, name
    assert last[:3] == first[:3]


@pytest.mark.parametrize("count", [
    pytest.param(3, marks=pytest.mark.timeout(300)),
    pytest.param(1000, marks=[pytest.mark.soak, pytest.mark.timeout(7200)]),
])  # fmt: skip
def test_restarts_of_roles_leave_nothing_behind(floor: Callable[..., Floor], count: int) -> None:
    """A system that heals for months must not run out of descriptors, segments or memory."""
    system = floor(MORE)
    system.up()
    restarts_leave_nothing(system, ROLES, count)
    assert system.type("down") == 0


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_restarts_of_the_supervisor_leave_nothing_behind(floor: Callable[..., Floor]) -> None:
    """The roles live through them: what each successor opens in them, or leaves of its template, would add up."""
    system = floor(MORE)
    system.up()
    restarts_leave_nothing(system, (SUPERVISOR,), 100)
    assert system.type("down") == 0

"""A storm over a whole system of real processes: faults drawn from one seed, and what the engine did about them.

    kill      SIGKILL of a role, of the supervisor, of the guard          cut     the network to the venue is lost
    freeze    SIGSTOP of a role, of the supervisor, of the guard          stall   the venue does not answer (SIGSTOP)
    fill      the disk of the state directory is full                     type    an operator's command

A frozen role is never continued: the supervisor must replace it. The storm brings back what only an operator can: it
types `up` after the guard is gone, removes the file that fills the disk, joins the network. At the end it resumes and
waits for further orders.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from engine.lanes import LOOKERS, SUPERVISOR, open_lanes
from engine.model.rows import HeartbeatRow
from engine.model.words import RoleState
from engine.supervisor import life
from engine.supervisor.life import guard_pid
from engine.supervisor.processes import deaths
from tests.engine.disk import Disk
from tests.engine.floor import Floor, until
from tests.engine.storm.figures import Figures
from tests.engine.storm.ground import Ground
from tests.engine.storm.line import Line

EVENT_S = (0.15, 1.2)
OUTAGE_S = (0.2, 2.0)
POLL_S = 0.002
GUARD = "guard"
WEIGHTS = {"kill": 8, "freeze": 4, "cut": 2, "stall": 1, "fill": 1, "type": 4}


@dataclass(slots=True)
class Wound:
    """A process that was killed or frozen, until another one runs in its place."""

    name: str
    fault: str
    pid: int
    since_ns: int  # CLOCK_MONOTONIC


class Storm:
    """Strikes a system, and watches it recover."""

    def __init__(self, ground: Ground, floor: Floor, lines: Sequence[Line], disk: Disk, seed: int) -> None:
        """Everything is drawn from the seed; the moments are those of the machine."""
        self.ground, self.floor, self.lines, self.disk = ground, floor, lines, disk
        self.figures = Figures(storms=1)
        self._draw = Random(f"storm:{seed}")
        self._roles = list(floor.config.role_names)
        lanes = open_lanes(floor.system, LOOKERS)
        self._beats = {role: lanes.cell_reader("heartbeat", role) for role in (*self._roles, SUPERVISOR)}
        self._wounds: list[Wound] = []
        self._struck: dict[int, Wound] = {}  # by pid: every process that was struck
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._typed: list[tuple[tuple[str, ...], subprocess.Popen[bytes]]] = []
        self._venue_pids = [floor.pid(process) for process in ground.venues.values()]

    def rage(self, seconds: float) -> None:
        """Strike for this time."""
        end_s = time.monotonic() + seconds
        while (now_s := time.monotonic()) < end_s:
            until_s = now_s + self._draw.uniform(*EVENT_S)
            while time.monotonic() < until_s:
                self._tick()
            fault = self._draw.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            getattr(self, fault)()

    def calm(self) -> None:
        """End every fault, and wait until each process runs again and orders reach the venue."""
        while self._later:
            self._tick()
        self._await_commands()
        if not guard_pid(self.floor.paths.guard_lock):
            self.floor.up()
        until(self._heal)
        until(lambda: self.floor.type("resume", "--all") == 0)
        before = self._accepted()
        until(lambda: self._accepted() > before + 3)
        self._note_deaths()

    def audit(self) -> None:
        """Bring the system down, and note every order that was lost, doubled or left open at the venue."""
        self.figures.wrong += self.ground.audit(self.floor)
        for venue in self.ground.venues:
            self.figures.wrong += [f"order {one}: left open at {venue}" for one in self.floor.open_orders(venue)]
        self.figures.orders = self._accepted()

    def _accepted(self) -> int:
        return sum(self.floor.accepted(venue) for venue in self.ground.venues)

    def kill(self) -> None:
        """SIGKILL one process."""
        self._strike("kill", signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP one process; a guard is continued, because only an operator replaces it."""
        self._strike("freeze", signal.SIGSTOP)

    def cut(self) -> None:
        """Lose the network to one venue for a while."""
        line = self._draw.choice(self.lines)
        self._during("cut", line.cut, line.join)

    def stall(self) -> None:
        """One venue keeps its connections and does not answer."""
        pid = self._draw.choice(self._venue_pids)
        self._during("stall", lambda: os.kill(pid, signal.SIGSTOP), lambda: os.kill(pid, signal.SIGCONT))

    def fill(self) -> None:
        """The disk is full for a while."""
        if self.disk.own:
            self._during("fill", self.disk.fill, self.disk.free)

    def type(self) -> None:
        """An operator types a command, while whatever happens happens."""
        words = self._draw.choice(self.ground.commands)
        self.figures.faults[f"type {words[0]}"] += 1
        self._type(words)

    def _type(self, words: tuple[str, ...]) -> None:
        where = [] if words[0] == "up" else ["--system", self.floor.system]
        command = [sys.executable, "-m", "engine.cli", *words, *where]
        self._typed.append((words, subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)))

    def _await_commands(self) -> None:
        """Every command ends, with an exit code that is documented and without a traceback."""
        for words, process in self._typed:
            while process.poll() is None:
                self._tick()
            error = process.communicate()[1].decode()
            self.figures.exits[f"{words[0]} {process.returncode}"] += 1
            assert process.returncode in (0, 1, 3), (words, process.returncode, error)
            assert "Traceback" not in error, (words, error)
        self._typed.clear()

    def _strike(self, fault: str, number: signal.Signals) -> None:
        name = self._draw.choice([*self._roles, SUPERVISOR, GUARD])
        pid = guard_pid(self.floor.paths.guard_lock) if name == GUARD else self._pid(name)
        if not pid or any(wound.name == name for wound in self._wounds):
            return
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        self.figures.faults[f"{fault} {name}"] += 1
        if name != GUARD:
            self._struck[pid] = Wound(name, fault, pid, time.monotonic_ns())
            self._wounds.append(self._struck[pid])
        elif number == signal.SIGKILL:
            self._later.append((time.monotonic() + 0.5, self._up))
        else:
            self._later.append((time.monotonic() + 1, lambda: _send(pid, signal.SIGCONT)))

    def _up(self) -> None:
        self._type(("up", str(self.floor.file), "--timeout", "60"))

    def _during(self, fault: str, begin: Callable[[], None], end: Callable[[], None]) -> None:
        self.figures.faults[fault] += 1
        begin()
        self._later.append((time.monotonic() + self._draw.uniform(*OUTAGE_S), end))

    def _tick(self) -> None:
        """Do the repairs that are due, and look for successors."""
        select.select([], [], [], POLL_S)
        now_s = time.monotonic()
        due = [repair for at_s, repair in self._later if at_s <= now_s]
        self._later = [one for one in self._later if one[0] > now_s]
        for repair in due:
            repair()
        self._heal()

    def _heal(self) -> bool:
        """Note the successors that run; whether every wound is healed."""
        for wound in list(self._wounds):
            row = self._read(wound.name)
            if row is not None and row.pid != wound.pid and row.state == RoleState.RUNNING:
                self._wounds.remove(wound)
                self._note(self.figures.recovered_ms, wound, time.monotonic_ns())
        return not self._wounds

    def _note_deaths(self) -> None:
        """Note when each death was found, by its record; a full disk has no room for some records."""
        found = life.read(self.floor.paths.system)
        assert found is not None, "the system is up"
        for death in deaths.read(self.floor.paths.deaths):
            if wound := self._struck.pop(death["pid"], None):
                self._note(self.figures.noticed_ms, wound, death["now_ns"] - found.offset_ns)

    def _note(self, where: dict[str, list[float]], wound: Wound, at_ns: int) -> None:
        """A death in the midst of a step has the time of the step's begin, so the least is 0."""
        where.setdefault(f"{wound.fault} {wound.name}", []).append(max(0, at_ns - wound.since_ns) / 1e6)

    def _read(self, role: str) -> HeartbeatRow | None:
        row: HeartbeatRow | None = self._beats[role].read(0)
        return row

    def _pid(self, role: str) -> int:
        row = self._read(role)
        return row.pid if row is not None and row.state != RoleState.STOPPED else 0


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return

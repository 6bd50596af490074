"""A whole trading system in directories of its own: the embedded venue, feed, execution, two strategies."""

import os
import re
import select
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from engine.cli import main as engine_ctl
from engine.config import Config, load
from engine.control import call
from engine.demo import audit
from engine.instruments import await_all
from engine.lanes import LOOKERS, open_lanes
from engine.supervisor.life import guard_pid
from tests.engine.ports import free_port

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
DEADLINE_S = 60.0
ACCOUNT = "engine"
THREADS_AT = 17  # the number of threads among the fields of /proc/PID/stat that follow the name


def until(what: Any, deadline_s: float = DEADLINE_S) -> Any:
    """Poll until it is true, with a deadline."""
    deadline = time.monotonic() + deadline_s
    while not (found := what()):
        assert time.monotonic() < deadline, f"waited {deadline_s} s"
        select.select([], [], [], 0.005)
    return found


class Running:
    """A whole system of a file, from its start to its end."""

    def __init__(self, file: Path) -> None:
        """Not up yet; the run and state directories are those of the environment."""
        self.file = file
        self.config: Config = load(file)
        self.system, self.paths = self.config.system.name, self.config.paths

    def up(self) -> None:
        """By the operator's command, which waits until every process runs."""
        assert engine_ctl(["up", str(self.file), "--timeout", "120"]) == 0

    def type(self, *words: str) -> int:
        """An operator's command to this system."""
        return engine_ctl([*words, "--system", self.system])

    def status(self) -> dict[str, Any]:
        """The supervisor's word."""
        return call(self.paths.control, "status")

    def pid(self, name: str) -> int:
        """A process's pid."""
        return next(int(one["pid"]) for one in self.status()["processes"] if one["name"] == name)

    def log(self, name: str) -> str:
        """What a process has logged."""
        return self.paths.log(name).read_text()

    def truth(self, venue: str = "venue") -> list[dict[str, Any]]:
        """What the venue did for the engine's account, whole lines only."""
        whole, _, _ = (self.paths.state / f"{venue}-truth.log").read_bytes().rpartition(b"\n")
        events = map(msgspec.json.decode, whole.splitlines())
        return [event for event in events if event.get("account") == ACCOUNT]

    def accepted(self, venue: str = "venue") -> int:
        """How many orders the venue has accepted."""
        return sum(event["what"] == "accepted" for event in self.truth(venue))

    def trades(self, venue: str = "venue") -> bool:
        """Wait until the venue has accepted further orders."""
        before = self.accepted(venue)
        return bool(until(lambda: self.accepted(venue) > before + 3))

    def open_orders(self, venue: str = "venue") -> set[str]:
        """The orders that are open at the venue."""
        open_ids: set[str] = set()
        for event in self.truth(venue):
            ended = event["what"] in {"cancelled", "expired", "prevented"} or event["filled"] == event["size"]
            (open_ids.discard if ended else open_ids.add)(event["client_id"])
        return open_ids

    def differences(self) -> list[audit.Finding]:
        """Bring the system down, and hold its journal and holdings against the venue's own log."""
        wanted = [one.id for one in self.config.instruments]
        known = {one.id: one for one in await_all(open_lanes(self.system, LOOKERS), wanted)}
        assert self.type("down", "--timeout", "60") == 0
        journal, strategies = self.paths.state / "journal", tuple(one.id for one in self.config.strategies)
        ours, truth = audit.read_ours(journal, known), audit.read_truth(self.paths.state / "venue-truth.log", ACCOUNT)
        ours.gained = audit.gains(audit.read_ledger(journal, known, strategies), ours.apart)
        return audit.compare(ours, truth)

    def sweep(self) -> None:
        """Kill every process of this system until none is left: one that was being started is found the next time."""
        killed: set[int] = set()
        assert until(lambda: not self._kill(killed))
        assert until(lambda: all(map(_has_ended, killed))), killed

    def _kill(self, killed: set[int]) -> int:
        """Kill its guard, its supervisor and its roles, and add their pids to `killed`; return how many there were."""
        mark = f"STEELYARD_SYSTEM={self.system}\0".encode()
        guard = guard_pid(self.paths.guard_lock)
        living = [pid for pid in (guard, *self._supervisors(), *self._marked(mark)) if pid]
        for pid in living:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        killed.update(living)
        return len(living)

    def _supervisors(self) -> list[int]:
        """By their command line: the file is this test's own."""
        return [pid for pid in _pids() if str(self.file).encode() in _read(pid, "cmdline").split(b"\0")]

    def _marked(self, mark: bytes) -> list[int]:
        return [pid for pid in _pids() if mark in _read(pid, "environ")]


class Floor(Running):
    """A file of configs/ (demo.toml by default) under another name and ports, with more text after it."""

    def __init__(self, place: Path, system: str, more: str = "", config: str = "demo", **replace: str) -> None:
        """Not up yet; the run and state directories are those of the environment."""
        text = (CONFIGS / f"{config}.toml").read_text().replace(f'name = "{config}"', f'name = "{system}"')
        for port in set(re.findall(r"\b97\d\d\b", text)):
            text = text.replace(port, str(free_port()))
        for old, new in replace.items():
            assert old in text
            text = text.replace(old, new)
        for venue in CONFIGS.glob("*venue.toml"):
            shutil.copy(venue, place)
        shutil.copytree(CONFIGS / "venues", place / "venues", dirs_exist_ok=True)
        (place / f"{config}.toml").write_text(text + more)
        super().__init__(place / f"{config}.toml")


def _has_ended(pid: int) -> bool:
    """Whether all threads of a killed process have ended: until then it holds its locks, and has no environment."""
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    return not fields or (fields[0] == b"Z" and int(fields[THREADS_AT]) <= 1)


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""

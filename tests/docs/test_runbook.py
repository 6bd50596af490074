"""Every block of docs/runbook.md is typed, in order, at a real system to which the events of the page happen."""

import gc
import json
import os
import re
import select
import shlex
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

import engine
from engine import instruments
from engine.cli import main
from engine.cli.parser import make_parser
from engine.demo import audit
from engine.execution.journal.journal_file import VERSION_AT, segments
from engine.lanes import LOOKERS, open_lanes
from engine.model.instrument import Instrument
from tests.engine.conftest import remove_segments
from tests.engine.floor import ACCOUNT, Running, until
from tests.engine.ports import free_port

ROOT = Path(engine.__file__).parents[1]
PAGE = ROOT / "docs" / "runbook.md"
BLOCK = re.compile(r"^## (?P<title>[^\n]+)$|^```sh ?(?P<how>[a-z ]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
NAME = "mine"
DEADLINE_S = 90.0


@dataclass(frozen=True)
class Block:
    """Commands under a title, and how they are run: "", "until", "new box"."""

    title: str
    how: str
    text: str


def blocks() -> list[Block]:
    """The blocks of the page in their order."""
    title, found = "", []
    for match in BLOCK.finditer(PAGE.read_text()):
        title = match["title"] or title
        if match["text"]:
            found.append(Block(title, match["how"] or "", match["text"]))
    return found


class Box:
    """A machine of the runbook: directories, the system's file, and a shell in which an operator types."""

    def __init__(self, place: Path, system: str, home: Path) -> None:
        """A box with empty state; `home` has the system's file and the venue's key."""
        self.place, self.system, self.home = place, system, home
        for name in ("run", "state"):
            (place / name).mkdir(parents=True, mode=0o700)
        program = place / "engine-ctl"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m engine.cli "$@"\n')
        program.chmod(0o755)

    def type(self, text: str) -> "subprocess.CompletedProcess[str]":
        """Type the commands of a block."""
        text = re.sub(rf"\b{NAME}\b", self.system, text.replace(f"{NAME}/{NAME}.toml", f"{NAME}.toml"))
        environment = {
            **os.environ, "PATH": f"{self.place}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT),
            "STEELYARD_RUN_DIRECTORY": str(self.place / "run"), "STEELYARD_STATE_DIRECTORY": str(self.place / "state"),
            "STEELYARD_SYSTEM": self.system,
        }  # fmt: skip
        words = ["bash", "-euo", "pipefail", "-c", text]
        return subprocess.run(words, cwd=self.home, env=environment, capture_output=True, text=True, check=False)

    def run(self, block: Block) -> str:
        """Run a block as the page says; what it printed."""
        deadline = time.monotonic() + DEADLINE_S
        done = self.type(block.text)
        while block.how == "until" and done.returncode and time.monotonic() < deadline:
            select.select([], [], [], 0.2)
            done = self.type(block.text)
        assert done.returncode == 0, f"{block.title}: {done.returncode}\n{block.text}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture
def venue(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A venue that is no process of the system, as a real one: it outlives a stop and a change of the box."""
    home = tmp_path / "home"
    home.mkdir()
    port = str(free_port())
    words = ["--port", port, "--config", str(ROOT / "configs" / "venue.toml"),
             "--truth", str(home / "truth.log"), "--ed25519", str(home / "venue.pem")]  # fmt: skip
    words = [sys.executable, "-m", "engine.loopback.server", *words]
    made = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert made.stdout is not None
    assert made.stdout.readline()
    (home / "port").write_text(port)
    yield made
    made.send_signal(signal.SIGCONT)
    made.kill()
    made.wait()


@pytest.fixture
def system(venue: "subprocess.Popen[str]", tmp_path: Path) -> Iterator[str]:
    """The file of the starter system, with the venue outside."""
    del venue
    name, home = f"t{uuid.uuid4().hex[:12]}", tmp_path / "home"
    assert main(["init", str(tmp_path / "written"), "--name", name]) == 0
    text = (tmp_path / "written" / f"{name}.toml").read_text()
    port = re.search(r"127\.0\.0\.1:(\d+)", text)
    assert port is not None
    begin, end = text.index('[[processes]]\nname = "venue"'), text.index('[[processes]]\nname = "feed"')
    text = (text[:begin] + text[end:]).replace(port[1], (home / "port").read_text())
    (home / f"{name}.toml").write_text(text.replace("{state}/venue.pem", str(home / "venue.pem")))
    (home / "follow.py").write_text((tmp_path / "written" / "follow.py").read_text())
    yield name
    gc.collect()
    remove_segments(name)


def pid_of(box: Box, process: str) -> int:
    """A process's pid; of `supervisor` too."""
    state = json.loads(box.type("engine-ctl status --json || true").stdout)
    if process == "supervisor":
        return int(state["pid"])
    return next(int(one["pid"]) for one in state["processes"] if one["name"] == process)


def kill(process: str) -> Callable[[Box, "subprocess.Popen[str]"], None]:
    """The event that a process dies."""

    def happen(box: Box, venue: "subprocess.Popen[str]") -> None:
        del venue
        os.kill(pid_of(box, process), signal.SIGKILL)
        assert until(lambda: process in box.type("engine-ctl deaths -n 1").stdout)

    return happen


def stop_venue(box: Box, venue: "subprocess.Popen[str]") -> None:
    """The event that the venue does not answer."""
    del box
    venue.send_signal(signal.SIGSTOP)


EVENTS = {
    "Execution dies": kill("execution"),
    "The supervisor dies": kill("supervisor"),
    "A venue is down, an order is in doubt": stop_venue,
}


@pytest.fixture
def box(tmp_path: Path, system: str) -> Iterator[Box]:
    """The first box."""
    made = Box(tmp_path / "box", system, tmp_path / "home")
    yield made
    sweep(made)


def sweep(box: Box) -> None:
    """Kill what is left of the system on a box."""
    box.type("engine-ctl down --timeout 20 || true")
    with suppress(FileNotFoundError):
        found = Running(box.home / f"{box.system}.toml")
        found.sweep()


@pytest.mark.soak  # a whole day of an operator, about a minute
@pytest.mark.timeout(900)
def test_every_step_of_the_runbook_works(box: Box, venue: "subprocess.Popen[str]", tmp_path: Path, system: str) -> None:
    """A renamed command, a changed exit code, a step that no longer helps: found here, not at three in the morning."""
    new, known = Box(tmp_path / "new", system, box.home), dict[int, Instrument]()
    printed, begun = dict[str, str](), set[str]()
    try:
        for block in blocks():
            if block.title not in begun:
                begun.add(block.title)
                EVENTS.get(block.title, lambda *_: None)(box, venue)
            if block.how == "until":
                venue.send_signal(signal.SIGCONT)
            printed[block.text] = (new if block.how == "new box" else box).run(block)
            if (block.title, block.how) == ("Start", "until"):
                known = {one.id: one for one in instruments.read(open_lanes(system, LOOKERS))}
        assert compare(new, known) == []
        old, restored = (positions(out) for text, out in printed.items() if "tar -C" in text)
        assert old == restored != []
        assert "this program reads format" in age_journal(new)
    finally:
        sweep(new)


def positions(printed: str) -> list[str]:
    """The lines of positions that a block printed."""
    return re.findall(r"^.*BTCUSDT.*$", printed, re.MULTILINE)


def compare(box: Box, known: dict[int, Instrument]) -> list[str]:
    """What the journal of a box and the venue's own truth log differ in."""
    journal = box.place / "state" / box.system / "journal"
    ours, truth = audit.read_ours(journal, known), audit.read_truth(box.home / "truth.log", ACCOUNT)
    assert len(truth.orders) > 0, "the system did not trade, expected orders to compare"
    ours.gained = audit.gains(audit.read_ledger(journal, known, (1,)), ours.apart)
    return [one.text for one in audit.compare(ours, truth)]


def age_journal(box: Box) -> str:
    """Give the journal the format of the version before this one; the text of its refusal."""
    [*_, last] = segments(box.place / "state" / box.system / "journal")
    data = bytearray(last.read_bytes())
    data[VERSION_AT] -= 1
    last.write_bytes(data)
    done = box.type(f"engine-ctl up {NAME}/{NAME}.toml")
    assert done.returncode == 1
    return done.stderr


def test_the_page_has_every_situation() -> None:
    """A situation without a page is handled by guessing."""
    titles = {block.title for block in blocks()}
    wanted = {
        "Start", "Stop", "Change a key", "Upgrade", "The disk is full", "A venue is down, an order is in doubt",
        "Restore on a new box", "Execution dies", "The supervisor dies", "Halt and resume", "Flatten",
    }  # fmt: skip
    assert wanted <= titles
    assert set(EVENTS) <= titles


def test_every_command_of_the_page_is_known() -> None:
    """The typed blocks take a minute; a renamed command or option is found in every run."""
    spans = re.findall(r"`(engine-ctl [^`]+)`", PAGE.read_text().replace("\n", " "))
    lines = [line for block in blocks() for line in block.text.splitlines() if line.startswith("engine-ctl ")]
    assert len(lines) > 20
    assert len(spans) > 5
    for line in [*lines, *spans]:
        assert make_parser().parse_args(shlex.split(line)[1:])

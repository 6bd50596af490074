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
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

import engine
from engine.cli import main
from engine.cli.parser import make_parser
from engine.demo import audit
from engine.execution.journal.journal_file import VERSION_AT, segments
from engine.feed.instruments.instruments import load_instruments
from engine.loopback.server.configuration import make_key
from engine.model.refusals import refusal_text
from engine.model.words import Reason
from engine.venues.binance.signing import Ed25519Signer, signed_query
from tests.engine.answers import data_of
from tests.engine.conftest import remove_segments
from tests.engine.disk import Disk, mounted
from tests.engine.floor import ACCOUNT, Running, until
from tests.engine.ports import free_port

ROOT = Path(engine.__file__).parents[1]
PAGE = ROOT / "docs" / "runbook.md"
BLOCK = re.compile(r"^## (?P<title>[^\n]+)$|^```sh ?(?P<how>[a-z ]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
NAME = "mine"
DEADLINE_S = 90.0
DISK_MIB, SEGMENT_MIB = 64, 0.0625
UNKNOWN_KEY = -2015  # of the venue
SHARE = ("Start", "Execution dies", "The monitor disagrees", "The disk is full", "Change a key", "Stop")
NO_ROOM = refusal_text(Reason.JOURNAL_FULL)


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
            (place / name).mkdir(parents=True, mode=0o700, exist_ok=True)
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
        """Run a block as the page describes; what it printed."""
        deadline = time.monotonic() + DEADLINE_S
        done = self.type(block.text)
        while block.how == "until" and done.returncode and time.monotonic() < deadline:
            select.select([], [], [], 0.2)
            done = self.type(block.text)
        assert done.returncode == 0, f"{block.title}: {done.returncode}\n{block.text}\n{done.stdout}\n{done.stderr}"
        return done.stdout


class Customer:
    """The account's owner at the venue: which of his keys are valid, and which one the system's file names."""

    names = ("O" * 64, "N" * 64)

    def __init__(self, home: Path) -> None:
        """Two keys, of which the system gets the old one."""
        self.home = home
        self.old, self.new = self.names
        for name in self.names:
            make_key(str(home / f"{name}.pem"))
        self.accept(self.old)
        self.give(self.old)

    def accept(self, *names: str) -> None:
        """Write the venue's file: these keys are valid."""
        table = '[[venue.keys]]\nname = "{0}"\naccount = "engine"\npublic_file = "{0}.pem.pub"\n'
        keys = "".join(table.format(name) for name in names)
        (self.home / "venue.toml").write_text((ROOT / "configs" / "venue.toml").read_text() + keys)

    def give(self, name: str) -> None:
        """Write a key where the system's file names it."""
        for file, content in (("api_key", name), ("private.pem", (self.home / f"{name}.pem").read_text())):
            (self.home / file).touch(0o600)
            (self.home / file).write_text(content)

    def ask(self, name: str) -> int:
        """Ask the venue for the account with a key; the venue's error, 0 when it accepts the key."""
        signer = Ed25519Signer(name, (self.home / f"{name}.pem").read_bytes())
        query = signed_query(signer, f"timestamp={time.time_ns() // 10**6}")
        url = f"http://127.0.0.1:{(self.home / 'port').read_text()}/api/v3/account?{query}"
        try:
            urllib.request.urlopen(urllib.request.Request(url, headers={"X-MBX-APIKEY": name}), timeout=10).close()
        except urllib.error.HTTPError as error:
            return int(json.load(error)["code"])
        return 0


@pytest.fixture
def customer(tmp_path: Path) -> Customer:
    """The owner of the account."""
    home = tmp_path / "home"
    home.mkdir()
    return Customer(home)


@pytest.fixture
def venue(customer: Customer) -> Iterator["subprocess.Popen[str]"]:
    """A venue that is no process of the system, as a real one: it outlives a stop and a change of the box."""
    home, port = customer.home, str(free_port())
    words = ["--port", port, "--config", str(home / "venue.toml"), "--truth", str(home / "truth.log")]
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
    name, home = f"t{uuid.uuid4().hex[:6]}", tmp_path / "home"
    assert main(["init", str(tmp_path / "written"), "--name", name]) == 0
    text = (tmp_path / "written" / f"{name}.toml").read_text()
    port = re.search(r"127\.0\.0\.1:(\d+)", text)
    assert port is not None
    begin, end = text.index('[[processes]]\nname = "venue"'), text.index('[[processes]]\nname = "feed"')
    text = (text[:begin] + text[end:]).replace(port[1], (home / "port").read_text())
    text = text.replace("{state}/venue.pem", str(home / "private.pem"))
    text = text.replace('{ env = "STEELYARD_LOOPBACK_KEY" }', f'{{ file = "{home / "api_key"}" }}')
    (home / f"{name}.toml").write_text(text.replace("[journal]", f"[journal]\nsegment_mib = {SEGMENT_MIB}"))
    (home / "follow.py").write_text((tmp_path / "written" / "follow.py").read_text())
    yield name
    gc.collect()
    remove_segments(name)


def pid_of(box: Box, process: str) -> int:
    """A process's pid; of `supervisor` too."""
    state = data_of(box.type("engine-ctl status --json || true").stdout)
    if process == "supervisor":
        return int(state["pid"])
    return next(int(one["pid"]) for one in state["processes"] if one["name"] == process)


@dataclass(frozen=True)
class World:
    """What the operator of the page does not type: the venue, its customer, and the disk."""

    venue: "subprocess.Popen[str]"
    customer: Customer
    disk: Disk

    def accepted(self) -> int:
        """How many orders the venue has accepted."""
        return (self.customer.home / "truth.log").read_bytes().count(b'"accepted"')

    def trades(self) -> bool:
        """Wait until the venue has accepted a further order."""
        before = self.accepted()
        return bool(until(lambda: self.accepted() > before))


Event = Callable[[Box, World], object]


def kill(process: str) -> Event:
    """The event that a process dies."""

    def happen(box: Box, _: World) -> None:
        os.kill(pid_of(box, process), signal.SIGKILL)
        assert until(lambda: process in box.type("engine-ctl deaths -n 1").stdout)

    return happen


def stop_venue(_: Box, world: World) -> None:
    """The venue does not answer."""
    world.venue.send_signal(signal.SIGSTOP)


def go_on(_: Box, world: World) -> None:
    """The venue answers again."""
    world.venue.send_signal(signal.SIGCONT)


def fill_disk(box: Box, world: World) -> None:
    """The disk of the state has no room; where none could be mounted, the page is typed at a disk with room."""
    if world.disk.own:
        world.disk.fill()
        assert until(lambda: NO_ROOM in box.type("engine-ctl status").stdout)
        assert "100%" in box.type('df "$STEELYARD_STATE_DIRECTORY"').stdout


def free_disk(_: Box, world: World) -> None:
    """The operator has made room."""
    world.disk.free()


def make_new_key(_: Box, world: World) -> None:
    """The customer makes a key at the venue, which accepts both, and writes it where the file names it."""
    assert (world.customer.ask(world.customer.old), world.customer.ask(world.customer.new)) == (0, UNKNOWN_KEY)
    world.customer.accept(*world.customer.names)
    world.venue.send_signal(signal.SIGHUP)
    assert until(lambda: world.customer.ask(world.customer.new) == 0)
    world.customer.give(world.customer.new)


def delete_old_key(_: Box, world: World) -> None:
    """The customer deletes the old key at the venue, which rejects it from then on; orders go on with the new one."""
    world.customer.accept(world.customer.new)
    world.venue.send_signal(signal.SIGHUP)
    assert until(lambda: world.customer.ask(world.customer.old) == UNKNOWN_KEY)
    assert world.trades()


def nothing(_: Box, __: World) -> None:
    """No event."""


EVENTS: dict[str, tuple[Event, ...]] = {  # before the first block of a title, the second and so on
    "Execution dies": (kill("execution"),),
    "The supervisor dies": (kill("supervisor"),),
    "A venue is down, an order is in doubt": (stop_venue, go_on),
    "The disk is full": (fill_disk, free_disk),
    "Change a key": (make_new_key, nothing, nothing, delete_old_key),
}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """The disk of the first box's state."""
    place = tmp_path / "box" / "state"
    place.mkdir(parents=True, mode=0o700)
    with mounted(place, DISK_MIB) as made:
        yield made


@pytest.fixture
def box(disk: Disk, tmp_path: Path, system: str) -> Iterator[Box]:
    """The first box."""
    assert disk
    made = Box(tmp_path / "box", system, tmp_path / "home")
    yield made
    sweep(made)


@pytest.fixture
def world(venue: "subprocess.Popen[str]", customer: Customer, disk: Disk) -> World:
    """Everything around the box."""
    return World(venue, customer, disk)


def sweep(box: Box) -> None:
    """Kill what is left of the system on a box."""
    box.type("engine-ctl down --timeout 20 || true")
    with suppress(FileNotFoundError):
        found = Running(box.home / f"{box.system}.toml")
        found.sweep()


def type_blocks(chosen: list[Block], box: Box, new: Box, world: World) -> dict[str, str]:
    """Type blocks in order, each after its event; what each printed."""
    printed, numbers = dict[str, str](), Counter[str]()
    for block in chosen:
        event = dict(enumerate(EVENTS.get(block.title, ()))).get(numbers[block.title], nothing)
        numbers[block.title] += 1
        event(box, world)
        printed[block.text] = (new if block.how == "new box" else box).run(block)
    return printed


@pytest.mark.soak  # a whole day of an operator, about a minute
@pytest.mark.timeout(900)
def test_every_step_of_the_runbook_works(box: Box, world: World, tmp_path: Path, system: str) -> None:
    """A renamed command, a changed exit code, a step that no longer helps: found here, not at three in the morning."""
    new = Box(tmp_path / "new", system, box.home)
    try:
        printed = type_blocks(blocks(), box, new, world)
        assert compare(new) == []
        old, restored = (positions(out) for text, out in printed.items() if "tar -C" in text)
        assert old == restored != []
        assert "this program reads format" in age_journal(new)
    finally:
        sweep(new)


@pytest.mark.timeout(300)
def test_a_death_a_full_disk_and_a_changed_key_are_handled_as_the_runbook_describes(box: Box, world: World) -> None:
    """The share of the page that every change runs."""
    printed = type_blocks([block for block in blocks() if block.title in SHARE], box, box, world)
    assert re.search(r"monitor of venue: compared .* s ago, no difference; drawdown", "".join(printed.values()))
    assert compare(box) == []


def positions(printed: str) -> list[str]:
    """The lines of positions that a block printed."""
    return re.findall(r"^.*BTCUSDT.*$", printed, re.MULTILINE)


def compare(box: Box) -> list[str]:
    """What the journal of a box and the venue's own truth log differ in."""
    state = box.place / "state" / box.system
    kept = load_instruments(str(state / "instruments.venue.json"))
    assert kept is not None
    known = {one.id: one for one in kept.instruments}
    ours, truth = audit.read_ours(state / "journal", known), audit.read_truth(box.home / "truth.log", ACCOUNT)
    assert len(truth.orders) > 0, "the system did not trade, expected orders to compare"
    ours.gained = audit.gains(audit.read_ledger(state / "journal", known, (1,)), ours.apart)
    return [one.text for one in audit.compare(ours, truth)]


def age_journal(box: Box) -> str:
    """Give the journal the format of the version before this one; the text of its refusal."""
    [first, *_] = segments(box.place / "state" / box.system / "journal")
    data = bytearray(first.read_bytes())
    data[VERSION_AT] -= 1
    first.write_bytes(data)
    done = box.type(f"engine-ctl up {NAME}/{NAME}.toml")
    assert done.returncode == 1
    return done.stderr


def test_the_page_has_every_situation() -> None:
    """A situation without a page is handled by guessing."""
    titles = {block.title for block in blocks()}
    wanted = {
        "Start", "Stop", "Change a key", "Upgrade", "The disk is full", "A venue is down, an order is in doubt",
        "Restore on a new box", "Execution dies", "The supervisor dies", "The monitor disagrees", "Halt and resume",
        "Flatten",
    }  # fmt: skip
    assert wanted <= titles
    assert set(SHARE) <= titles
    count = Counter(block.title for block in blocks())
    assert {title: len(events) for title, events in EVENTS.items() if len(events) > count[title]} == {}


def test_every_command_of_the_page_is_known() -> None:
    """The typed blocks take a minute; a renamed command or option is found in every run."""
    spans = re.findall(r"`(engine-ctl [^`]+)`", PAGE.read_text().replace("\n", " "))
    lines = [line for block in blocks() for line in block.text.splitlines() if line.startswith("engine-ctl ")]
    assert len(lines) > 20
    assert len(spans) > 5
    for line in [*lines, *spans]:
        assert make_parser().parse_args(shlex.split(line)[1:])

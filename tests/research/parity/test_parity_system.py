"""A session of the demo, recorded, brought down and compared, as its user does it."""

import contextlib
import json
import os
import select
import shutil
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import shm
from engine.cli import main
from engine.cli.output import is_running
from engine.strategy.role.lanes import MARK_DRAIN, MARKS_CELL
from research.parity import Decisions
from research.parity.recorded.recording import Recording
from research.parity.recorded.shared import SharedLanes
from research.parity.recorded.system import RecordedSystem
from research.parity.strategy import RecordedStrategy
from tests.engine.answers import data_of
from tests.engine.ports import free_port

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 60.0
ENOUGH = 40  # intents of the maker
MOODY = """
[recorder]
seal_seconds = 0
[[strategies]]
name = "moody"
id = 3
class = "tests.research.parity.moody:Moody"
instruments = [1]
[[processes]]
name = "moody"
roles = ["moody"]
"""


class Live(NamedTuple):
    """A system that runs."""

    name: str
    recording: Path


def until(what: Callable[[], Any], text: str) -> Any:
    """Wait for a condition by a short poll on nothing, with a deadline."""
    give_up = time.monotonic() + PATIENCE_S
    while not (found := what()):
        assert time.monotonic() < give_up, text
        select.select([], [], [], 0.01)
    return found


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    """The demo with a recorder and a moody strategy."""
    monkeypatch.setenv("STEELYARD_RUN_DIRECTORY", str(tmp_path / "run"))
    monkeypatch.setenv("STEELYARD_STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    name, port = f"t{uuid.uuid4().hex[:12]}", free_port()
    text = (ROOT / "configs/demo.toml").read_text().replace("9710", str(port)).replace('"demo"', f'"{name}"', 1)
    (tmp_path / "demo.toml").write_text(
        text.replace("[monitor]", MOODY.partition("[[")[0] + "[monitor]") + MOODY[MOODY.index("[[") :]
    )
    shutil.copy(ROOT / "configs/venue.toml", tmp_path)
    assert main(["up", str(tmp_path / "demo.toml")]) == 0
    yield Live(name, tmp_path / "state" / name / "history")
    if is_running(name):
        main(["down", "--system", name])
    for one in shm.names(name):
        with contextlib.suppress(FileNotFoundError):
            shm.remove(one)


def intents(live: Live, strategy: str) -> int:
    """How many intents a strategy has submitted."""
    return shm.RingReader(f"{live.name}.intents.{strategy}.execution").end


def drains(live: Live) -> int:
    """How many recorded steps of the maker are a drain."""
    recording = Recording(live.recording)
    marks = recording.lane("steps.maker", recording.sessions(["maker"])[-1]).rows["cells"][:, MARKS_CELL]
    return int((marks & MARK_DRAIN > 0).sum())


def replayed_from_memory(live: Live) -> Decisions:
    """The maker's decisions, made again from the lanes of the running system, as without a recorder."""
    lanes = SharedLanes(live.name)
    [session], described = lanes.sessions(["maker"]), lanes.description_at(0)
    assert described is not None, "the system runs"
    return RecordedStrategy(RecordedSystem(lanes, session, described), described.strategies[0]).replay()


def compare(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    """Run the command; its exit code and its tree."""
    capsys.readouterr()
    code = main(["parity", *words, "--json"])
    return code, data_of(capsys.readouterr().out)


def check_sums(tree: Any) -> None:
    """Every order is matched or left out by a reason, and the parts of the profit add up to the last digit."""
    for one in tree["answers"]:
        assert one["orders"] == one["matched"] + sum(one["left_out"].values())
        assert one["matched"] == sum(one[name] for name in one if name.startswith("filled_"))
        for sums in one["profit"].values():
            amounts = {name: Fraction(text) for name, text in sums.items()}
            assert sum(amounts.values()) == 2 * amounts["simulated"], "recorded + parts = simulated"


def test_a_session_of_the_demo_is_compared(demo: Live, capsys: pytest.CaptureFixture[str]) -> None:
    """The difference between what was tested and what trades is only worth printing if it is right on a real system."""
    until(lambda: intents(demo, "maker") >= ENOUGH and intents(demo, "moody"), "the strategies submitted nothing")
    shared = replayed_from_memory(demo)
    assert (shared.differences, shared.identical > 0) == ([], True)
    assert main(["down", "--system", demo.name]) == 0

    code, tree = compare(capsys, demo.name, "--strategy", "maker", "--strategy", "taker")
    assert (code, tree["identical"]) == (0, True)
    maker = tree["decisions"][0]
    assert maker["identical"] == maker["intents"] >= ENOUGH
    assert drains(demo), "the recorder stops last: what a strategy decides while it stops is recorded"
    assert maker["steps_identical"] == maker["steps"]
    assert tree["answers"][0]["matched"] > 0
    check_sums(tree)

    code, moody = compare(capsys, demo.name, "--strategy", "moody")
    assert (code, moody["decisions"][0]["verdict"]) == (1, "different")
    assert "size" in moody["decisions"][0]["differences"][0]["fields"]

    assert main(["data", "seal", "--directory", str(demo.recording)]) == 0
    assert compare(capsys, str(demo.recording), "--strategy", "maker", "--strategy", "taker") == (0, tree)
    assert main(["parity", demo.name, "--orders"]) == 1
    assert "what these orders earned" in capsys.readouterr().out


@pytest.mark.soak
def test_a_session_with_killed_processes_is_compared(demo: Live, capsys: pytest.CaptureFixture[str]) -> None:
    """A day with deaths is the day that its user has to explain."""
    for kill in range(1, 6):
        until(lambda: intents(demo, "maker") >= ENOUGH * kill, "the maker does not trade again")  # noqa: B023
        victim = ("maker", "maker", "execution", "maker", "recorder")[kill - 1]
        os.kill(pid_of(demo, victim, capsys), signal.SIGKILL)
    until(lambda: intents(demo, "maker") >= ENOUGH * 6, "the maker does not trade again")
    assert main(["down", "--system", demo.name]) == 0
    code, tree = compare(capsys, demo.name, "--strategy", "maker", "--strategy", "taker")
    assert (code, tree["identical"]) == (0, True), json.dumps(tree["decisions"])
    assert tree["decisions"][0]["lives"] >= 4
    check_sums(tree)


def pid_of(live: Live, process: str, capsys: pytest.CaptureFixture[str]) -> int:
    """The pid of a running process."""
    capsys.readouterr()
    main(["status", "--json", "--system", live.name])
    found = data_of(capsys.readouterr().out)["processes"]
    return int(next(one["pid"] for one in found if one["name"] == process))

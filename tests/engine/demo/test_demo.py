"""The demo, as its visitor runs it: real processes, real sockets, real kills."""

import errno
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import shm
from engine.demo.audit import Side, compare, explain
from engine.demo.trading import Chaos, remove
from engine.model.words import OrderState

ROOT = Path(__file__).resolve().parents[3]
FILLED, OPEN = int(OrderState.FILLED), int(OrderState.OPEN)
FILL = ("BTCUSDT", 7, "ab", 100, 5)


def run(module: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A demo to its end."""
    command = [sys.executable, "-m", module, *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False, env=os.environ)


def test_the_engine_trades_through_kills_and_ends_in_the_venues_truth() -> None:
    """The engine's promise: killed at any moment, no order is lost, doubled or left unwatched."""
    before = {name for name in shm.systems() if name.startswith("demo")}
    done = run("engine.demo", "--duration", "14", "--chaos", "--seed", "5")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "· 0 differences" in done.stdout
    assert "killed with SIGKILL" in done.stdout
    found = re.search(r"the journal has (\d+) segments and (\d+) checkpoints", done.stdout)
    assert found, done.stdout[-3000:]
    assert int(found[1]) >= 2, "segments must roll under the kills"
    assert {name for name in shm.systems() if name.startswith("demo")} <= before
    end = done.stdout[done.stdout.index("killed with SIGKILL") :]
    assert re.search(r"^net [+-][0-9.]+ USDT \(today [+-][0-9.]+\) = realised", end, re.MULTILINE), end


def engine_ctl(*words: str) -> subprocess.CompletedProcess[str]:
    """A command typed in another terminal."""
    return subprocess.run([sys.executable, "-m", "engine.cli", *words], capture_output=True, text=True, check=False)


def test_the_demo_is_found_by_the_commands_one_tries_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`status`, `halt` and `down` are what a visitor types; a demo they do not find teaches that they do not work."""
    monkeypatch.setenv("STEELYARD_RUN_DIRECTORY", str(tmp_path))
    command = [sys.executable, "-u", "-m", "engine.demo", "--duration", "100"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        [name] = re.findall(r"--system (\w+)", _until(demo, "in another terminal"))
        assert name in engine_ctl("ls").stdout
        status = engine_ctl("status")  # other tests' systems here have no supervisor
        assert f"{name} (paper): " in status.stdout, status.stderr
        assert "halted" in engine_ctl("halt").stdout
        assert engine_ctl("status").returncode == 1
        assert "is down" in engine_ctl("down").stdout
        rest = demo.communicate(timeout=60)[0]
    assert "was brought down by another command" in rest
    assert "0 differences" in rest
    assert engine_ctl("status", "--system", name).returncode == 3


def _until(demo: "subprocess.Popen[str]", text: str) -> str:
    """What the demo printed up to the line with this text."""
    assert demo.stdout is not None
    head = ""
    for line in demo.stdout:
        head += line
        if text in line:
            return head
    raise AssertionError(head)


def test_the_kills_are_listed_in_words() -> None:
    """A Python dict in a title is a programmer's note, not a figure."""
    chaos = Chaos(1)
    assert chaos.text == "no role yet"
    chaos.killed = {"maker": 1, "feed": 3}
    assert chaos.text == "feed 3 times, maker once"


def test_orders_that_the_venue_never_took_are_explained() -> None:
    """347 against 340 orders and 0 differences looks like a contradiction: the demo must explain it."""
    ours, truth = Side({"ab": (FILLED, 5)}), Side({"ab": (FILLED, 5)})
    reason = "rejected by the venue (-2010 Order would immediately match and take.)"
    ours.ends = {"ab": "filled", "cd": reason, "ef": reason}
    assert explain(ours, truth) == [f"2 orders of the journal are not in the venue's log: {reason}"]


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10, 20))
def test_chaos_of_many_seeds_ends_in_the_venues_truth(seed: int) -> None:
    """Other victims at other moments."""
    done = run("engine.demo", "--duration", "45", "--chaos", "--seed", str(seed))
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_execution_killed_again_and_again_ends_in_the_venues_truth(seed: int) -> None:
    """Rolls, checkpoints, starts and recoveries under kills, and trading between them."""
    words = ("--duration", "45", "--chaos", "--only", "execution", "--every", "2", "--seed", str(seed))
    done = run("engine.demo", *words)
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_ground_floor_shows_losses_and_nothing_torn() -> None:
    """A lapped reader learns how many records it lost; a killed writer leaves nothing to repair."""
    done = run("engine.demo.floor", "--duration", "7")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "0 torn or doubled" in done.stdout


@pytest.mark.parametrize(
    ("ours", "found"),
    [
        (Side({"ab": (FILLED, 5)}), 0),
        (Side({}), 2),
        (Side({"ab": (OPEN, 0)}), 2),
        (Side({"ab": (FILLED, 5), "cd": (OPEN, 0)}), 1),
    ],
    ids=["the same", "an order lost", "an end not known", "an order the venue has not"],
)
def test_the_audit_finds_every_kind_of_difference(ours: Side, found: int) -> None:
    """An audit that finds nothing proves nothing."""
    truth = Side({"ab": (FILLED, 5)})
    truth.fills[FILL] = 1
    ours.fills[FILL] = 1 if ours.orders.get("ab") == (FILLED, 5) else 0
    assert len(compare(ours, truth)) == found


def test_the_audit_finds_a_fill_counted_twice() -> None:
    """A doubled fill is a wrong position."""
    truth, ours = Side({"ab": (FILLED, 5)}), Side({"ab": (FILLED, 5)})
    truth.fills[FILL], ours.fills[FILL] = 1, 2
    assert len(compare(ours, truth)) == 1


def test_a_checkpoint_that_is_still_written_does_not_fail_a_demo_without_differences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One in twenty demos under kills ended with a traceback: a file came into a folder that was being removed."""
    real, place = shutil.rmtree, tmp_path / "place"
    (place / "journal").mkdir(parents=True)
    errors = [OSError(errno.ENOTEMPTY, "Directory not empty", "journal")]

    def rmtree(path: Path) -> None:
        if errors:
            raise errors.pop()
        real(path)

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    remove(place)
    assert not place.exists()
    (place / "journal").mkdir(parents=True)
    errors.append(OSError(errno.EACCES, "Permission denied", "journal"))
    with pytest.raises(OSError, match="Permission denied"):
        remove(place)

"""The demo, as its visitor runs it: real processes, real sockets, real kills."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import shm
from engine.demo.audit import Side, compare
from engine.model.words import OrderState

ROOT = Path(__file__).resolve().parents[3]
FILLED, OPEN = int(OrderState.FILLED), int(OrderState.OPEN)
FILL = ("BTCUSDT", 7, "ab", 100, 5)


def run(module: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A demo to its end."""
    command = [sys.executable, "-m", module, *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False, env=os.environ)


def test_the_engine_trades_through_kills_and_ends_in_the_venues_truth() -> None:
    """The promise of the house: killed at any moment, no order lost, doubled or left unwatched."""
    before = {name for name in shm.systems() if name.startswith("demo")}
    done = run("engine.demo", "--duration", "14", "--chaos", "--seed", "5")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "· 0 differences" in done.stdout
    assert "killed with SIGKILL" in done.stdout
    found = re.search(r"the journal has (\d+) segments, and (\d+) checkpoints are kept", done.stdout)
    assert found, done.stdout[-3000:]
    assert int(found[1]) >= 2, "segments must roll under the kills"
    assert {name for name in shm.systems() if name.startswith("demo")} <= before
    assert re.search(
        r"^net [+-][0-9.]+ USDT = realised", done.stdout[done.stdout.index("killed with SIGKILL") :], re.MULTILINE
    )


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
    """A lapped reader is told what it lost, a killed writer leaves nothing to repair."""
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

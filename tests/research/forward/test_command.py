"""Walk-forward on the command line, and its page as its reader has it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.market import made
from research.forward.__main__ import main
from research.sweep import attach
from tests.research.report.test_page import look
from tests.research.sweep.test_sweep import ROOT, file_in

KEYS = "folds = 2\ntrain = 2\nslices = 8\nworkers = 2\n"


def described(place: Path, keys: str = KEYS) -> Path:
    """The file of a short walk, beside its strategy and its data."""
    text = keys + file_in(place)
    np.save(place / "day.npy", made(3_000))
    (place / "walk.toml").write_text(text)
    return place / "walk.toml"


def test_the_figures_and_the_page_are_those_of_the_sweeps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a user decides by is recomputed from the rows; a second run finds the sweeps and gives the same bytes."""
    out, home = tmp_path / "walk.html", tmp_path / "home"
    command = [str(described(tmp_path)), "--home", str(home), "--out", str(out), "--json"]
    assert main(command) == 0, capsys.readouterr().err
    tree = json.loads(capsys.readouterr().out)
    assert len(tree["folds"]) == 2
    for one in tree["folds"]:
        sweep = attach(one["sweep"], home)
        assert sweep.top()[0].parameters == one["parameters"]
        assert one["luck"]["tried"] == 2
        inside, outside = one["in_sample"], one["out_of_sample"]
        assert inside["pnl"] == max(row.figures["pnl"] for row in sweep.rows())
        assert inside["pnl_per_day"] / outside["pnl_per_day"] == pytest.approx(inside["pnl"] / outside["pnl"] / 2)
    whole, curve = tree["whole"], tree["curve"]
    assert whole["pnl"] == pytest.approx(sum(one["out_of_sample"]["pnl"] for one in tree["folds"]))
    assert whole["fills"] == sum(one["out_of_sample"]["fills"] for one in tree["folds"]) > 0
    assert curve["equity"][0] == 0
    assert curve["equity"][-1] == pytest.approx(whole["pnl"])
    assert (np.diff(curve["at_ns"]) > 0).all()
    first, sweeps = out.read_bytes(), sorted(home.glob("*/sweep.json"))
    assert main(command) == 0
    assert (out.read_bytes(), sorted(home.glob("*/sweep.json"))) == (first, sweeps)
    for width in (1440, 390):
        seen, console = look(out, tmp_path, width)
        assert console == []
        assert (seen["charts"], seen["empty"], seen["canvases"], seen["blank"], seen["wide"]) == (2, 0, 2, 0, 0)
        expected = ["Walk-forward of mine:Every", "Equity out of sample", "In sample against out of sample", "Folds"]
        assert seen["headings"] == expected


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ("fold = 2\n", "unknown key `fold`, did you mean folds? expected one of"),
        ("folds = 0\n", "folds: found 0, expected a number from 1 on"),
        ("train = true\n", "train: found True, expected a number from 1 on"),
        ("anchored = 1\n", "anchored: found 1, expected true or false"),
        ("folds = 100_000\n", "leave a part without an event: use fewer, or more data"),
    ],
)
def test_a_wrong_key_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], keys: str, text: str) -> None:
    """A typing error must not become a default, and no sweep starts."""
    assert main([str(described(tmp_path, keys)), "--home", str(tmp_path / "home")]) == 1
    assert text in capsys.readouterr().err
    assert not list((tmp_path / "home").glob("*/sweep.json"))


@pytest.mark.parametrize(("out", "text"), [("none/walk.html", "does not exist: create it first"), (".", "a directory")])
def test_a_page_that_cannot_be_written_is_refused_before_the_first_sweep(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str, text: str
) -> None:
    """Hours of sweeps would end without their page."""
    home = tmp_path / "home"
    assert main([str(described(tmp_path)), "--home", str(home), "--out", str(tmp_path / out)]) == 1
    assert text in capsys.readouterr().err
    assert not home.exists()


def test_no_event_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty recording has no period."""
    file = described(tmp_path)
    np.save(tmp_path / "day.npy", made(3_000)[:0])
    assert main([str(file), "--home", str(tmp_path / "home")]) == 1
    assert "data: found no event" in capsys.readouterr().err


def test_ctrl_c_ends_the_sweep_that_runs(tmp_path: Path) -> None:
    """The children of a walk that was stopped used both cores until their sweep ended."""
    file, home = described(tmp_path), tmp_path / "home"
    file.write_text(file.read_text().replace("every = [3, 5]", "every = {from = 1, to = 1000, step = 1}"))
    heeds = ["env", "--default-signal=INT"]  # a run in the background of a shell would ignore it
    command = [*heeds, sys.executable, "-m", "research.forward", file, "--home", home, "--json", "--workers", "1"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as walk:
        assert walk.stderr is not None
        line = walk.stderr.readline()
        assert line.startswith("fold 1 of 2: choose, 1000 trials, sweep "), line
        sweep = attach(line.split()[-1], home)
        assert sweep.progress().running
        walk.send_signal(signal.SIGINT)
        _, rest = walk.communicate(timeout=60)
    assert walk.returncode == 130
    assert f"stopped: python -m research.forward {file} continues it" in rest
    now = sweep.progress()
    assert (now.running, now.finished) == (False, False)

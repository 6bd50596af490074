"""A proposal compares two candidates on rows that neither was fitted on; the timer runs what the command accepts."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from research.train import candidate
from research.train.__main__ import main, parser
from research.train.combine import Weights
from research.train.plan import read_plan
from research.train.proposal import Proposal, propose
from research.train.run import Done, train
from tests.research.test_history import MIDNIGHT_NS, SECOND_NS
from tests.research.train.recorded import config, recorded

UNITS = Path(__file__).resolve().parents[3] / "systemd"
MODELS = '["logistic"]'


@pytest.fixture(scope="module")
def data(tmp_path_factory: Any) -> Path:
    """One history for all tests of this file."""
    return recorded(tmp_path_factory.mktemp("history"))


def run(data: Path, home: Path, *, until_s: int = 0, **more: Any) -> Done:
    """Train on the history, or on what was recorded until then."""
    path = config(home / "c.toml", data, models=MODELS, trials=2, **more)
    if until_s:
        end = MIDNIGHT_NS + until_s * SECOND_NS
        path.write_text(path.read_text().replace('interval = "10s"', f'interval = "10s"\nend = {end}'))
    return train(read_plan(path), home, lambda _: None)


def test_the_first_candidate_has_nothing_to_compare_with(data: Path, tmp_path: Path) -> None:
    """And says so, in the file too."""
    done = run(data, tmp_path)
    found = propose(done)
    assert (found.verdict, found.earlier) == ("undecided", "")
    assert msgspec.json.decode((done.folder / "proposal.json").read_bytes(), type=Proposal) == found


def test_the_sign_of_a_difference_is_the_verdict(data: Path, tmp_path: Path) -> None:
    """An earlier model with opposite weights loses, and so do opposite predictions of the new one."""
    earlier = run(data, tmp_path, until_s=6_000)
    good = earlier.judged.candidate
    opposite = Weights(-good.weights.base, tuple(-one for one in good.weights.each))
    rows = earlier.judged.samples.rows
    candidate.write(earlier.model, msgspec.structs.replace(good, weights=opposite).with_vectors(rows))
    done = run(data, tmp_path)
    found = propose(done)
    assert (found.earlier, found.verdict) == (earlier.id, "better")
    assert found.loss is not None
    assert found.earlier_loss is not None
    value, low, high = found.difference
    assert low < value < high < 0
    assert value == pytest.approx(found.loss - found.earlier_loss)
    candidate.write(earlier.model, good)
    turned = done.judged._replace(predicted=1 - done.judged.predicted)
    assert propose(done._replace(judged=turned)).verdict == "worse"


def test_rows_that_the_earlier_model_has_seen_do_not_count(data: Path, tmp_path: Path) -> None:
    """Its data ends after most of the new holdout: a comparison there would flatter it."""
    earlier = run(data, tmp_path, until_s=8_900)
    found = propose(run(data, tmp_path))
    assert (found.earlier, found.verdict) == (earlier.id, "undecided")
    assert "has not seen" in found.reason
    assert found.rows < 30


def test_a_damaged_candidate_is_named_and_left_out(data: Path, tmp_path: Path) -> None:
    """One bad file, or a feature whose code has changed since, does not end the proposals of all later months."""
    earlier = run(data, tmp_path, until_s=6_000)
    other = run(data, tmp_path, until_s=6_500)
    other.model.write_bytes(other.model.read_bytes()[:-1])
    found = propose(run(data, tmp_path))
    assert found.earlier == earlier.id
    assert len(found.refused) == 1
    assert "was changed or cut" in found.refused[0]


def test_another_label_is_not_compared(data: Path, tmp_path: Path) -> None:
    """The loss of another outcome is another thing."""
    run(data, tmp_path)
    path = config(tmp_path / "c.toml", data, models=MODELS, trials=1)
    path.write_text(path.read_text().replace('horizon = "30s"', 'horizon = "40s"'))
    found = propose(train(read_plan(path), tmp_path, lambda _: None))
    assert found.reason == "the earlier plan has another label"


def test_the_command_proposes(data: Path, tmp_path: Path, capsys: Any) -> None:
    """As the timer runs it."""
    path = config(tmp_path / "c.toml", data, models=MODELS, trials=1)
    assert main([str(path), "--home", str(tmp_path), "--propose"]) == 0
    assert "proposal   undecided, earlier none" in capsys.readouterr().out


def test_the_unit_runs_a_command_that_the_parser_accepts() -> None:
    """A unit that is wrong shows it a month later."""
    text = (UNITS / "steelyard-train@.service").read_text()
    started = re.search(r"^ExecStart=/opt/steelyard/bin/python -m research\.train (.*)$", text, re.MULTILINE)
    assert started is not None
    options = parser().parse_args(started[1].replace("%i", "x").split())
    assert options.propose
    assert options.config == Path("/etc/steelyard/train/x.toml")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    """`verify` reads both; a canary: a key that does not exist is an error line."""
    for name in ("steelyard-train@.service", "steelyard-train@.timer"):
        text = (UNITS / name).read_text().replace("/opt/steelyard/bin/python", sys.executable)
        (tmp_path / name).write_text(text)
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / "steelyard-train@x.timer")]
    good = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "steelyard-train@" not in good.stderr, good.stderr
    with (tmp_path / "steelyard-train@.timer").open("a") as file:
        file.write("[Timer]\nOnCalender=monthly\n")
    assert "OnCalender" in subprocess.run(command, capture_output=True, text=True, check=False).stderr

"""A sealed file predicts what the candidate predicts, from the compiled walker, without the library that trained it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.inference import SealedError, load
from research.train import candidate
from research.train.plan import read_plan
from research.train.run import Done, train
from research.train.seal import seal
from tests.research.train.recorded import config, recorded

SINGLE = 1e-6  # a probability of xgboost is float32


@pytest.fixture(scope="module")
def data(tmp_path_factory: Any) -> Path:
    """One history for all tests of this file."""
    return recorded(tmp_path_factory.mktemp("history"))


def run(data: Path, home: Path, **more: Any) -> Done:
    """Train with few trials."""
    return train(read_plan(config(home / "c.toml", data, trials=1, **more)), home, lambda _: None)


@pytest.mark.parametrize("scaling", ["none", "z-score", "min-max", "robust"])
@pytest.mark.parametrize("kind", ["xgboost", "lightgbm"])
@pytest.mark.parametrize(
    ("task", "calibration"),
    [("classifier", "platt"), ("classifier", "isotonic"), ("classifier", "none"), ("regressor", "none")],
)
def test_the_sealed_file_predicts_what_the_candidate_predicts(
    data: Path, tmp_path: Path, kind: str, task: str, calibration: str, scaling: str
) -> None:
    """On the data, and on missing values: another scale or the wrong sign would trade the opposite."""
    more = f'scaling = "{scaling}"'
    done = run(data, tmp_path, models=f'["{kind}"]', task=task, calibration=calibration, more=more)
    path = seal(done)
    assert path is not None
    sealed = load(path)
    rows = done.judged.samples.rows.copy()
    rows[::7, 1] = np.nan
    expected = candidate.read(done.model).predict(rows)
    tolerance = SINGLE if (kind, calibration, task) == ("xgboost", "none", "classifier") else 1e-12
    assert np.allclose(sealed.predictor.over(rows), expected, rtol=tolerance, atol=0)
    assert expected.std() > 0
    assert sealed.card.training["hash"] == done.judged.samples.manifest["hash"]
    assert [one.code for one in sealed.card.features] == list(done.judged.candidate.features.values())
    assert sealed.card.metrics["ic"] == done.judged.outside["ic"].value


def test_the_same_run_has_the_same_sealed_bytes(data: Path, tmp_path: Path) -> None:
    """In two homes."""
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        path = seal(run(data, tmp_path / name, models='["xgboost"]'))
        assert path is not None
        found.append(path.read_bytes())
    assert found[0] == found[1]
    (tmp_path / "cut.model").write_bytes(found[0][:-1])
    with pytest.raises(SealedError, match="seal does not match"):
        load(tmp_path / "cut.model")


def test_what_a_sealed_file_does_not_hold_stays_a_candidate(data: Path, tmp_path: Path) -> None:
    """Several models, or a linear one."""
    assert seal(run(data, tmp_path, models='["xgboost", "logistic"]')) is None
    assert seal(run(data, tmp_path, models='["logistic"]')) is None
    assert not list(tmp_path.rglob("*.model"))


def test_the_sealed_file_needs_no_library_of_training(data: Path, tmp_path: Path) -> None:
    """A role that trades imports none."""
    path = seal(run(data, tmp_path, models='["lightgbm"]'))
    code = f"""
import sys
for name in ("xgboost", "lightgbm", "sklearn", "optuna"):
    sys.modules[name] = None
from pathlib import Path
from engine.inference import load
model = load(Path({str(path)!r}))
assert 0 < model.predictor.predict(model.rows[0]) < 1
"""
    subprocess.run([sys.executable, "-c", code], check=True)

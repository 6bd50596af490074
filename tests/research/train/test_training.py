"""The command from recorded prints to a candidate: real files, real fits, killed and continued."""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from research.train import candidate, combine
from research.train.__main__ import main
from research.train.plan import read_plan
from research.train.report import SIZE_MOST, content, stability, write
from research.train.run import Done, _judge, train
from research.train.search import Log
from research.train.splits import Split
from research.train.table import Prints, bars_of, samples_of
from tests.research.report.test_page import look
from tests.research.test_history import MIDNIGHT_NS, SECOND_NS
from tests.research.train.recorded import config, recorded


@pytest.fixture(scope="module")
def data(tmp_path_factory: Any) -> Path:
    """One history for all tests of this file."""
    return recorded(tmp_path_factory.mktemp("history"))


@pytest.fixture(scope="module")
def done(data: Path, tmp_path_factory: Any) -> Done:
    """One run with every kind of classifier."""
    place = tmp_path_factory.mktemp("run")
    return train(read_plan(config(place / "c.toml", data)), place / "home", lambda _: None)


def test_the_command_trains_a_model_that_predicts_unseen_rows(data: Path, tmp_path: Path, capsys: Any) -> None:
    """The prices fall back after a move, so a model that learns has an interval above chance."""
    assert main([str(config(tmp_path / "c.toml", data)), "--home", str(tmp_path / "home")]) == 0
    shown = capsys.readouterr()
    assert "xgboost: trial 3 of 3" in shown.err
    found = dict(line.split(maxsplit=1) for line in shown.out.splitlines())
    model = candidate.read(Path(found["candidate"]))
    assert len(model.vectors) == len(model.outputs) > 500
    assert model.trials == 9
    score, low, _ = model.scores["auc"]
    assert score > low > 0.5
    assert found["sealed"].startswith("no: ")
    assert 0 < Path(found["report"]).stat().st_size <= SIZE_MOST


def test_nothing_is_found_in_a_random_walk(tmp_path: Path) -> None:
    """Without a rule in the data, the interval of every ranking figure has chance in it."""
    data = recorded(tmp_path / "history", back=1.0)
    score = train(read_plan(config(tmp_path / "c.toml", data)), tmp_path, lambda _: None).judged.outside
    assert score["auc"].low < 0.5 < score["auc"].high
    assert score["ic"].low < 0 < score["ic"].high


def test_the_same_plan_and_data_have_the_same_bytes(done: Done, data: Path, tmp_path: Path) -> None:
    """Also from a copy of the data in another place; another seed has others."""
    shutil.copytree(data, tmp_path / "copy")
    again = train(read_plan(config(tmp_path / "c.toml", tmp_path / "copy")), tmp_path, lambda _: None)
    assert again.id == done.id
    assert again.model.read_bytes() == done.model.read_bytes()
    plan = msgspec.structs.replace(done.judged.plan, data=read_plan(tmp_path / "c.toml").data, seed=4)
    other = train(plan, tmp_path, lambda _: None)
    assert other.id != done.id
    assert other.judged.candidate.parts != done.judged.candidate.parts


def test_a_killed_run_continues_with_the_same_bytes(done: Done, data: Path, tmp_path: Path) -> None:
    """SIGKILL between trials: what is in the log is not run again, and a torn line is."""
    command = [sys.executable, "-m", "research.train", str(config(tmp_path / "c.toml", data)), "--home", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("xgboost: trial 1"):
                break
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    log = tmp_path / done.id / "trials.log"
    before = log.read_bytes()
    before = before[: before.rfind(b"\n") + 1]
    assert 4 <= before.count(b"\n") <= 9
    log.write_bytes(before + b'["xgboost", 7')
    again = train(read_plan(tmp_path / "c.toml"), tmp_path, lambda _: None)
    assert log.read_bytes().startswith(before)
    assert log.read_bytes() == (done.folder / "trials.log").read_bytes()
    assert again.model.read_bytes() == done.model.read_bytes()


def test_two_runs_of_one_plan_exclude_each_other(done: Done, data: Path, tmp_path: Path) -> None:
    """Two writers of one log would count a trial twice."""
    (tmp_path / done.id).mkdir()
    with (tmp_path / done.id / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ValueError, match="this plan is running already"):
            train(read_plan(config(tmp_path / "c.toml", data)), tmp_path, lambda _: None)


@pytest.mark.parametrize(
    ("models", "task", "calibration", "more", "split"),
    [
        ('["linear", "xgboost", "lightgbm"]', "regressor", "none", "", "k_fold"),
        (
            '["logistic", "xgboost"]', "classifier", "isotonic", 'ensemble = "average"\nscaling = "robust"',
            "walk_forward",
        ),
        ('["logistic", "lightgbm"]', "classifier", "none", 'scaling = "min-max"', "combinatorial"),
        ('["xgboost"]', "classifier", "platt", 'scaling = "none"', "k_fold"),
    ],
)  # fmt: skip
def test_every_choice_trains(
    data: Path, tmp_path: Path, models: str, task: str, calibration: str, more: str, split: str
) -> None:
    """Each kind of split, scale, ensemble, calibration and task, to a file that its vectors confirm."""
    path = config(tmp_path / "c.toml", data, models=models, task=task, calibration=calibration, more=more, trials=1)
    path.write_text(path.read_text() + f'kind = "{split}"\ntested = 1\n')
    found = train(read_plan(path), tmp_path, lambda _: None)
    candidate.read(found.model)
    assert found.judged.outside["ic"].low > 0
    assert task == "classifier" or found.judged.outside["r2"].value > 0


@pytest.mark.parametrize("label", ['kind = "barriers"\nwidth = 0.0002', 'kind = "trend"\nspans = [3, 6]'])
def test_every_label_trains(data: Path, tmp_path: Path, label: str) -> None:
    """Barriers and trends as a target."""
    path = config(tmp_path / "c.toml", data, models='["logistic"]', trials=1)
    path.write_text(path.read_text().replace('kind = "fixed"', label))
    found = train(read_plan(path), tmp_path, lambda _: None)
    assert found.judged.outside["auc"].low > 0.5


def test_a_missing_package_is_named_with_its_extra(done: Done, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    """Before the data is read, not after an hour of trials."""
    monkeypatch.setitem(sys.modules, "xgboost", None)
    path = config(tmp_path / "c.toml", tmp_path / "nothing")
    assert main([str(path), "--home", str(tmp_path)]) == 1
    assert "needs the package xgboost: pip install 'steelyard[learning]'" in capsys.readouterr().err
    assert done.model.exists()


@pytest.mark.skipif(os.path.exists("/dev/nvidia0"), reason="this machine has a GPU")
def test_without_a_gpu_the_cpu_trains_the_same_model(done: Done, data: Path, tmp_path: Path) -> None:
    """And a line says so."""
    lines: list[str] = []
    found = train(read_plan(config(tmp_path / "c.toml", data, more='device = "cuda"')), tmp_path, lines.append)
    assert lines[0].startswith('device = "cuda": no GPU')
    assert found.model.read_bytes() == done.model.read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ('"rsi_14"', '"rsy_14"', "no indicator 'rsy_14'; did you mean 'rsi'?"),
        ('"rsi_14"', '"imbalance"', "feature imbalance: it reads a book, expected one that reads bars"),
        ('"rsi_14"', '"bb_pct_20"', "features: a name is there twice"),
        ('["logistic",', '["linear",', "expected some of logistic, xgboost, lightgbm for a classifier"),
        ("seed = 3", 'version = "1"', "version '1': expected one as 1.2.0"),
        ("trials = 3", "trials = 0", "trials 0: expected 1 or more"),
        ("seed = 3", "sead = 3", "unknown field `sead`"),
        ('name = "returns"', 'name = "../x"', "name '../x': expected letters and digits"),
        ('"10s"', '"10"', "expected a length like"),
        ("folds = 3", "folds = 1", "1 blocks of .* expected 2 blocks or more"),
        ('"30s"', '"30d"', "none with every feature and an outcome"),
        ('"BTCUSDT"', '"BTCUSD"', "symbol 'BTCUSD': nothing is recorded of it"),
        ('"platt"', '"plat"', "Invalid enum value 'plat'"),
        ("seed = 3", 'seed = 3\nscaling = "z"', "Invalid enum value 'z'"),
    ],
)
def test_a_wrong_value_is_refused(data: Path, tmp_path: Path, capsys: Any, old: str, new: str, text: str) -> None:
    """With the value and what was expected, in one line."""
    path = config(tmp_path / "c.toml", data)
    path.write_text(path.read_text().replace(old, new, 1))
    assert main([str(path), "--home", str(tmp_path)]) == 1
    assert re.search(text, capsys.readouterr().err)


def test_a_changed_candidate_is_refused(done: Done, tmp_path: Path) -> None:
    """Any byte, a feature of other code, an output that is not the model's."""
    path, whole = tmp_path / "x.candidate", done.model.read_bytes()
    for place in range(0, len(whole), len(whole) // 40):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ValueError, match="the hash of its content is another one"):
            candidate.read(path)
    path.write_bytes(whole[:-1])
    with pytest.raises(ValueError, match="changed or cut"):
        candidate.read(path)
    good = done.judged.candidate
    candidate.write(path, msgspec.structs.replace(good, features={**good.features, "rsi_14": "0" * 32}))
    with pytest.raises(ValueError, match="the code of the feature rsi_14 is another one now"):
        candidate.read(path)
    candidate.write(path, msgspec.structs.replace(good, outputs=[*good.outputs[:-1], good.outputs[-1] + 1e-12]))
    with pytest.raises(ValueError, match=r"1 of .* test vectors have another output"):
        candidate.read(path)


def test_the_holdout_changes_nothing_but_its_own_score(done: Done, tmp_path: Path) -> None:
    """With opposite outcomes in it, the models, weights and calibration are the same: nothing was fitted on it."""
    samples, late = done.judged.samples, len(done.judged.target)
    rows, value = samples.rows.copy(), samples.value.copy()
    rows[-late:], value[-late:] = rows[-late:] * 1.01, -value[-late:]
    one = done.judged.candidate
    changed = samples._replace(rows=rows, value=value)
    found = _judge(done.judged.plan, changed, Log(tmp_path / "log"), one.id, one.versions, lambda _: None)
    two = found.candidate
    assert (one.parts, one.weights, one.calibration) == (two.parts, two.weights, two.calibration)
    assert one.scaling == two.scaling
    assert found.inside == done.judged.inside
    assert found.outside["auc"].value < 0.5 < done.judged.outside["auc"].value


def test_a_stacked_prediction_does_not_see_its_own_outcome() -> None:
    """Other outcomes in the test part leave its predictions as they are."""
    random = np.random.default_rng(0)
    raw, target = random.normal(0, 1, (90, 2)), (random.random(90) < 0.5).astype(float)
    rows = np.arange(90)
    parts = [Split(np.setdiff1d(rows, block), block) for block in np.array_split(rows, 3)]
    before = combine.crossed(raw, target, parts, classifier=True)
    target[parts[1].test] = 1 - target[parts[1].test]
    after = combine.crossed(raw, target, parts, classifier=True)
    assert np.array_equal(before[parts[1].test], after[parts[1].test])
    assert not np.array_equal(before[parts[0].test], after[parts[0].test])


def test_a_feature_never_sees_a_later_bar(data: Path, tmp_path: Path) -> None:
    """Data that is cut has the same rows before the cut."""
    whole = samples_of(read_plan(config(tmp_path / "c.toml", data)))
    cut = MIDNIGHT_NS + 4_000 * SECOND_NS
    path = tmp_path / "c.toml"
    path.write_text(path.read_text().replace('interval = "10s"', f'interval = "10s"\nend = {cut}'))
    short = samples_of(read_plan(path))
    count = len(short.at_ns)
    assert 300 < count < len(whole.at_ns)
    assert np.array_equal(whole.rows[:count], short.rows)
    assert np.array_equal(whole.value[:count], short.value)


def test_bars_equal_a_loop() -> None:
    """Open, high, low, close and volume of each interval that has a print."""
    random = np.random.default_rng(0)
    at = np.sort(random.integers(0, 400, 100)).astype(np.int64)
    prints = Prints(at, random.random(100) + 1, random.random(100))
    found = bars_of(prints, 10)
    for row, place in enumerate(sorted(set(at // 10))):
        price, size = prints.price[at // 10 == place], prints.size[at // 10 == place]
        assert found["end_ns"][row] == place * 10 + 10
        assert [found[name][row] for name in ("open", "high", "low", "close")] == [
            price[0], price.max(), price.min(), price[-1]
        ]  # fmt: skip
        assert found["volume"][row] == pytest.approx(size.sum())


def test_the_report_begins_with_what_was_assumed(done: Done) -> None:
    """Data, features with their code, label, splits and every trial."""
    shown = content(done.judged)
    facts = dict(shown["tables"][0]["rows"])
    assert facts["data: hash"] == done.judged.samples.manifest["hash"]
    assert facts["feature: rsi_14"] == done.judged.candidate.features["rsi_14"]
    assert facts["trials"].startswith("9, 3 of each model")
    assert "horizon 30s" in facts["task, label"]
    assert "embargo 60s" in facts["splits"]
    assert len(shown["tables"][-1]["rows"]) == 9
    assert len(shown["reliability"]["said"]) == 10
    assert {row[1] for row in shown["tables"][2]["rows"]} == set(done.judged.candidate.features)


def test_stability_is_1_where_folds_agree() -> None:
    """And -1 where they are opposite."""
    assert stability(np.array([[1.0, 2, 3], [2, 4, 9]])) == pytest.approx(1)
    assert stability(np.array([[1.0, 2, 3], [3, 2, 1]])) == pytest.approx(-1)


@pytest.mark.parametrize("width", [1440, 390])
def test_the_report_opens_in_a_browser_without_a_request(done: Done, tmp_path: Path, width: int) -> None:
    """On a desk and on a phone: every table and the chart are drawn, and the console has no line."""
    seen, console = look(write(tmp_path / "report.html", done.judged), tmp_path, width)
    assert console == []
    assert (seen["charts"], seen["empty"], seen["blank"], seen["wide"]) == (1, 0, 0, 0)
    assert seen["headings"] == [
        "Training of returns", "What was assumed", "Out of sample", "Importance of features", "Folds", "Trials",
        "Calibration in the holdout",
    ]  # fmt: skip

"""The report of a training run: one HTML file that needs nothing else, with the page code of `research.report`."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from research.report.page import SIZE_MOST, filled
from research.report.values import numbers, text_of
from research.sweep.study import replaced
from research.train.labels import Row
from research.train.metrics import Score, ranks
from research.train.run import Judged

BINS, TRIALS_MOST = 10, 400


def write(path: Path, judged: Judged) -> Path:
    """Write the page; the same run gives the same bytes."""
    text = filled(f"Training of {judged.plan.name}", content(judged), "train.js").encode()
    assert len(text) <= SIZE_MOST, f"the report has {len(text)} bytes, more than {SIZE_MOST}"
    with replaced(path) as new:
        new.write_bytes(text)
    return path


def content(judged: Judged) -> dict[str, Any]:
    """The tables and charts."""
    tables = [_facts(judged), _scores(judged), _importance(judged), _folds(judged), _trials(judged)]
    reliable = _reliability(judged.predicted, judged.target) if judged.plan.task == "classifier" else None
    return {"title": f"Training of {judged.plan.name}", "id": judged.candidate.id, "tables": tables,
            "reliability": reliable}  # fmt: skip


def _facts(judged: Judged) -> dict[str, Any]:
    """What was assumed, on what data, and how much was tried."""
    plan, made = judged.plan, judged.candidate
    split = plan.splits
    rows = [
        ["data", f"{plan.data.venue} {plan.data.symbol}, bars of {plan.data.interval}"],
        *([f"data: {name}", text_of(one) if name.endswith("_ns") else str(one)] for name, one in made.manifest.items()),
        *([f"feature: {name}", code] for name, code in made.features.items()),
        ["task, label", f"{plan.task}, {_plain(plan.label)}"],
        ["splits", f"{_plain(split)}: purged by the span of the label on both sides, {len(judged.folds)} fits"],
        ["holdout", f"the newest {len(judged.target)} of {len(judged.samples.value)} rows: no fit or choice saw them"],
        ["scaling", f"{plan.scaling}, fitted on the training part of each fold alone"],
        ["trials", f"{made.trials}, {plan.trials} of each model: the best of many is partly luck"],
        ["models", f"{', '.join(plan.models)}; {plan.ensemble}, calibration {plan.calibration}, out of fold"],
        ["seed, device", f"{plan.seed}, {plan.device}"],
        *([f"version: {name}", one] for name, one in sorted(made.versions.items())),
        ["assumed", "a bar is known at its end, and its close can be traded; costs are not in the scores"],
    ]
    return {"title": "What was assumed", "note": "Another value in any row gives another model.",
            "head": ["what", "value"], "rows": rows}  # fmt: skip


def _plain(value: Any) -> str:
    return ", ".join(f"{name} {one}" for name, one in msgspec.to_builtins(value).items())


def _scores(judged: Judged) -> dict[str, Any]:
    """The figures with their intervals."""
    parts = {"holdout, all": judged.outside} | {f"out of fold, {name}": one for name, one in judged.inside.items()}
    names = list(judged.outside)
    rows = [[part, *(_shown(found[name]) for name in names)] for part, found in parts.items()]
    return {"title": "Out of sample", "head": ["rows", *names], "rows": rows,
            "note": "95 % intervals by blocks of rows. The choice of parameters saw the out-of-fold rows."}  # fmt: skip


def _shown(score: Score) -> str:
    return f"{score.value:.4f} ({score.low:.4f} to {score.high:.4f})"


def _importance(judged: Judged) -> dict[str, Any]:
    """How much the loss rises without the order of a feature, in each fold."""
    names = list(judged.candidate.features)
    rows: list[list[Any]] = []
    for kind, found in judged.importances.items():
        every = np.array(found)
        agreed = stability(every)
        for place, name in enumerate(names):
            one = every[:, place]
            rows.append([kind, name, *numbers([one.mean(), one.std(), agreed], 4), *numbers(one, 3)])
    folds = [f"fold {number + 1}" for number in range(len(judged.folds))]
    return {"title": "Importance of features", "head": ["model", "feature", "mean", "deviation", "stability", *folds],
            "note": "The rise of the loss when a feature's rows are shuffled, in the test part of each fold, in the"
                    " order of time. Stability: the mean rank correlation between folds, 1 if all agree.",
            "rows": rows}  # fmt: skip


def stability(every: Any) -> float:
    """The mean rank correlation of the importances of each two folds; NaN with one fold or one feature."""
    count, width = every.shape
    if count < 2 or width < 2:  # noqa: PLR2004 - two to compare
        return float("nan")
    placed = np.array([ranks(row) for row in every])
    if (placed.std(axis=1) == 0).any():
        return float("nan")
    return float(np.corrcoef(placed)[np.triu_indices(count, 1)].mean())


def _folds(judged: Judged) -> dict[str, Any]:
    """When each fold is, and the loss of the best trial of each model in it."""
    best = {
        kind: min((one for one in judged.trials if one.kind == kind), key=lambda one: one.loss)
        for kind in judged.plan.models
    }
    at = judged.samples.at_ns
    rows = [
        [number + 1, text_of(at[fold.test[0]]), text_of(at[fold.test[-1]]), len(fold.train), len(fold.test),
         *numbers([one.folds[number] for one in best.values()])]
        for number, fold in enumerate(judged.folds)
    ]  # fmt: skip
    return {"title": "Folds", "note": "The loss of the best trial: log loss, or squared error over the variance.",
            "head": ["fold", "tested from", "to", "rows to fit", "rows tested", *best], "rows": rows}  # fmt: skip


def _trials(judged: Judged) -> dict[str, Any]:
    """Every trial, the best first."""
    order = sorted(judged.trials, key=lambda one: one.loss)[:TRIALS_MOST]
    rows = [[one.kind, one.number, *numbers([one.loss]), _plain(one.parameters)] for one in order]
    return {"title": "Trials", "note": f"{len(judged.trials)} in all, at most {TRIALS_MOST} are shown.",
            "head": ["model", "trial", "loss", "parameters"], "rows": rows}  # fmt: skip


def _reliability(predicted: Row, target: Row) -> dict[str, Any]:
    """What happened where the model said so: means of rows by their prediction."""
    parts = [one for one in np.array_split(np.argsort(predicted, kind="stable"), BINS) if len(one)]
    said, was = (numbers([values[one].mean() for one in parts]) for values in (predicted, target))
    return {"said": said, "was": was, "rows": [len(one) for one in parts]}

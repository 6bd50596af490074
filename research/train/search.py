"""The search for parameters: seeded trials, each scored out of fold, each written before the next one begins.

The trials of a model come from one sampler with the seed of the plan. A run that continues asks it for every trial
again, but takes the scores of those that are in the log: it ends in the same trials as a run without an interruption.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from research.train import models, scaling
from research.train.labels import Row
from research.train.metrics import log_loss
from research.train.models import Fitted, Parameters, Task
from research.train.scaling import Scaling, Table
from research.train.splits import Places, Split

Progress = Callable[[str], None]


class Fold(NamedTuple):
    """One split with its rows, scaled by its training part."""

    train: Places
    test: Places
    rows: Table
    scale: Scaling

    def fit(self, kind: str, parameters: Parameters, target: Row, task: Task) -> Fitted:
        """Fit on the training part."""
        return models.fit(kind, parameters, self.rows[self.train], target[self.train], task)


class Trial(NamedTuple):
    """One set of parameters and its loss in each fold."""

    kind: str
    number: int
    parameters: Parameters
    folds: list[float]

    @property
    def loss(self) -> float:
        """The mean of the folds."""
        return float(np.mean(self.folds))


class Log:
    """The trials that have ended, one a line. A torn line at the end is cut off."""

    def __init__(self, path: Path) -> None:
        """Read what is there."""
        path.touch()
        with path.open("r+b") as file:
            found = file.read()
            whole = found[: found.rfind(b"\n") + 1]
            file.truncate(len(whole))
        self._path = path
        self.trials = [Trial(*json.loads(line)) for line in whole.splitlines()]

    def find(self, kind: str, number: int) -> Trial | None:
        """A trial that has ended."""
        return next((one for one in self.trials if (one.kind, one.number) == (kind, number)), None)

    def add(self, trial: Trial) -> None:
        """Write a trial, to the disk."""
        with self._path.open("ab") as file:
            file.write(json.dumps(trial).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.trials.append(trial)


def folds_of(splits: list[Split], rows: Table, kind: scaling.Kind) -> list[Fold]:
    """Each split with its own scale: the test part changes none of it."""
    made = []
    for number, (train, test) in enumerate(splits):
        if not len(train):
            raise ValueError(f"fold {number}: nothing is left to fit on after purging: use fewer folds or more data")
        found = scaling.fit(kind, rows[train])
        made.append(Fold(train, test, found.apply(rows), found))
    return made


def search(
    kind: str, count: int, folds: list[Fold], target: Row, task: Task, log: Log, progress: Progress
) -> list[Trial]:  # fmt: skip
    """Every trial of a model, of which the first with the least loss is the best."""
    optuna = models.need("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=task.seed))
    made: list[Trial] = []
    for number in range(count):
        asked = study.ask()
        parameters = models.suggest(kind, asked)
        trial = log.find(kind, number)
        if trial is None:
            losses = [loss(fold.fit(kind, parameters, target, task), fold, target, task) for fold in folds]
            trial = Trial(kind, number, parameters, losses)
            log.add(trial)
        elif trial.parameters != parameters:
            raise ValueError(f"{kind}, trial {number}: the log has {trial.parameters}, the sampler asks {parameters}")
        study.tell(asked, trial.loss)
        made.append(trial)
        progress(f"{kind}: trial {number + 1} of {count}, loss {trial.loss:.6f}")
    return made


def loss(model: Fitted, fold: Fold, target: Row, task: Task, rows: Any = None) -> float:
    """The log loss, or the squared error over the variance, in the test part; `rows` may be changed ones of it."""
    raw = model.raw(fold.rows[fold.test] if rows is None else rows)
    right = target[fold.test]
    if task.classifier:
        return log_loss(1 / (1 + np.exp(-np.clip(raw, -700, 700))), right)
    return float(np.mean((raw - right) ** 2)) / (float(target.var()) or 1.0)


def importance(model: Fitted, fold: Fold, target: Row, task: Task) -> list[float]:
    """For each feature, how much the loss of the test part rises when its rows are in another order."""
    base = loss(model, fold, target, task)
    order = np.random.default_rng(task.seed).permutation(len(fold.test))
    found = []
    for column in range(fold.rows.shape[1]):
        rows = fold.rows[fold.test]
        rows[:, column] = rows[order, column]
        found.append(loss(model, fold, target, task, rows) - base)
    return found

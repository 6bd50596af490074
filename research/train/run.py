"""A training run: from the history to a candidate and its report.

    history → samples ┬ dev ── purged splits → trials of each model → out-of-fold predictions → weights, calibration
                      │                                      └ best parameters, fitted on all of dev ┐
                      └ holdout, the newest rows ─────────────────── scores out of sample ◀──────────┘

<home>/<id>/  trials.log  a line for each trial that has ended      report.html      lock
<home>/models/<id>.candidate  the candidate; <id>.model beside it where it can be sealed (seal.py)

A run that was killed continues by the same command, without the trials that have ended, and gives the same bytes.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from engine.config.paths import default_state_directory
from research.train import candidate, combine, metrics, models, scaling, splits
from research.train.candidate import FORMAT, Candidate, Part
from research.train.combine import Calibration, Weights
from research.train.labels import Row
from research.train.models import Task
from research.train.plan import Plan
from research.train.scaling import Table
from research.train.search import Fold, Log, Progress, Trial, folds_of, importance, search
from research.train.splits import Places, Split
from research.train.table import Samples, samples_of

PACKAGES = {"xgboost": "xgboost-cpu", "lightgbm": "lightgbm"}
ROWS_LEAST = 50  # in the part to learn from, and a tenth of it in the holdout


class Judged(NamedTuple):
    """What a run found, for its report."""

    plan: Plan
    samples: Samples
    candidate: Candidate
    trials: list[Trial]
    folds: list[Fold]
    importances: dict[str, list[list[float]]]  # of a model: for each fold, for each feature
    inside: dict[str, dict[str, metrics.Score]]  # out of fold, of each model and of all
    outside: dict[str, metrics.Score]  # in the holdout
    predicted: Row  # in the holdout
    target: Row  # in the holdout


class Done(NamedTuple):
    """Where the results are."""

    id: str
    model: Path
    folder: Path
    judged: Judged


def default_home() -> Path:
    """Where training runs are kept unless another place is given."""
    return default_state_directory() / "training"


def train(plan: Plan, home: Path, progress: Progress) -> Done:
    """Run a plan, or what is left of it."""
    for package in ("optuna", "sklearn", *(name for name in plan.models if name in PACKAGES)):
        models.need(package)
    plan = _on_device(plan, progress)
    samples = samples_of(plan)
    versions = {name: version(name) for name in ("numpy", "scikit-learn", "optuna")}
    versions |= {name: version(PACKAGES[name]) for name in plan.models if name in PACKAGES}
    number = plan.id(samples.manifest, samples.code, versions)
    folder = home / number
    with _locked(folder), models.need("threadpoolctl").threadpool_limits(1):  # more threads may round otherwise
        judged = _judge(plan, samples, Log(folder / "trials.log"), number, versions, progress)
        model = home / "models" / f"{number}.candidate"
        candidate.write(model, judged.candidate)
    return Done(number, model, folder, judged)


def _judge(
    plan: Plan, samples: Samples, log: Log, number: str, versions: dict[str, str], progress: Progress
) -> Judged:  # fmt: skip
    """Search, combine, fit and score."""
    task = Task(plan.task == "classifier", plan.seed, plan.device)
    target = (samples.value > 0).astype(np.float64) if task.classifier else samples.value
    dev, late = _parts(plan, samples)
    known = Samples(samples.at_ns[dev], samples.known_ns[dev], samples.rows[dev], samples.value[dev], {}, {})
    parts = splits_of(plan, known)
    folds = folds_of(parts, known.rows, plan.scaling)
    trials = [one for kind in plan.models for one in search(kind, plan.trials, folds, target[dev], task, log, progress)]
    best = {kind: min((one for one in trials if one.kind == kind), key=lambda one: one.loss) for kind in plan.models}
    raw, importances = _out_of_fold(best, folds, target[dev], task)
    weights, calibration, joined = _combined(plan, raw, target[dev], parts)
    scale = scaling.fit(plan.scaling, known.rows)
    fitted = [
        models.fit(kind, one.parameters, scale.apply(known.rows), target[dev], task) for kind, one in best.items()
    ]
    made = Candidate(
        FORMAT, number, msgspec.to_builtins(_without_places(plan)), samples.code, scale,
        [Part(model.kind, best[kind].parameters, model.text) for kind, model in zip(best, fitted, strict=True)],
        weights, calibration, samples.manifest, versions, len(trials), {},
    )  # fmt: skip
    predicted = made.predict(samples.rows[late])
    block = metrics.overlap(samples.at_ns, samples.known_ns)
    outside = _scores(predicted, target[late], samples.value[late], task, block)
    columns = {kind: _link(raw[:, place], task) for place, kind in enumerate(plan.models)}
    columns["all"] = calibration.apply(joined)
    inside = {name: _scores(row, target[dev], known.value, task, block) for name, row in columns.items()}
    plain = {name: [None if np.isnan(one) else one for one in score] for name, score in outside.items()}
    made = msgspec.structs.replace(made, scores=plain).with_vectors(samples.rows)
    return Judged(plan, samples, made, trials, folds, importances, inside, outside, predicted, target[late])


def splits_of(plan: Plan, known: Samples) -> list[Split]:
    """The splits of a plan."""
    one = plan.splits
    if one.kind == "combinatorial":
        return splits.combinatorial(known.at_ns, known.known_ns, one.folds, one.tested, one.embargo_ns)
    made = splits.k_fold if one.kind == "k_fold" else splits.walk_forward
    return made(known.at_ns, known.known_ns, one.folds, one.embargo_ns)


def _parts(plan: Plan, samples: Samples) -> tuple[Places, Places]:
    """The rows to learn from, whose outcome is known before the holdout begins, and the holdout."""
    count = len(samples.at_ns)
    late = np.arange(round(count * (1 - plan.holdout)), count)
    dev = np.flatnonzero(samples.known_ns < samples.at_ns[late[0]]) if len(late) else late
    if len(dev) < ROWS_LEAST or len(late) < ROWS_LEAST // 10:
        raise ValueError(
            f"{count} rows: {len(dev)} to learn from and {len(late)} in the holdout, expected at least {ROWS_LEAST} and"
            f" {ROWS_LEAST // 10}: record more, or use a shorter interval or horizon"
        )
    return dev, late


def _out_of_fold(
    best: dict[str, Trial], folds: list[Fold], target: Row, task: Task
) -> tuple[Table, dict[str, list[list[float]]]]:  # fmt: skip
    """Raw predictions of each row by models that did not see it, and the importance of features in each fold."""
    total, count = np.zeros((len(target), len(best))), np.zeros(len(target))
    importances: dict[str, list[list[float]]] = {kind: [] for kind in best}
    for fold in folds:
        count[fold.test] += 1
        for place, (kind, trial) in enumerate(best.items()):
            model = fold.fit(kind, trial.parameters, target, task)
            total[fold.test, place] += model.raw(fold.rows[fold.test])
            importances[kind].append(importance(model, fold, target, task))
    with np.errstate(invalid="ignore"):
        return total / np.where(count > 0, count, np.nan)[:, None], importances


def _combined(plan: Plan, raw: Table, target: Row, parts: list[Split]) -> tuple[Weights, Calibration, Row]:
    """Weights and calibration, from out-of-fold predictions; and these predictions as one, before calibration."""
    classifier = plan.task == "classifier"
    have = np.isfinite(raw).all(axis=1)
    if plan.ensemble == "average" or raw.shape[1] == 1:
        weights = combine.average(raw.shape[1])
        joined = weights.apply(raw)
    else:
        weights = combine.stack(raw[have], target[have], classifier=classifier)
        joined = combine.crossed(raw, target, parts, classifier=classifier)
    known = np.isfinite(joined)
    kind = plan.calibration if classifier else "identity"
    return weights, combine.calibrate(kind, joined[known], target[known]), joined


def _scores(predicted: Row, target: Row, value: Row, task: Task, block: float) -> dict[str, metrics.Score]:
    """The figures of the rows that have a prediction."""
    have = np.isfinite(predicted)
    return metrics.scores(
        predicted[have], target[have], value[have], classifier=task.classifier, block=block, seed=task.seed
    )


def _link(raw: Row, task: Task) -> Row:
    """A raw prediction as a probability, or as it is."""
    return Calibration("none" if task.classifier else "identity").apply(raw)


def _without_places(plan: Plan) -> Plan:
    """The plan without the place of its data: another one has the same bytes."""
    return msgspec.structs.replace(plan, data=msgspec.structs.replace(plan.data, system="", directory=""))


def _on_device(plan: Plan, progress: Progress) -> Plan:
    """The plan, on the CPU where there is no GPU."""
    if plan.device == "cuda":
        built = "xgboost" in plan.models and models.need("xgboost").build_info().get("USE_CUDA", False)
        if not (built and Path("/dev/nvidia0").exists()):
            progress('device = "cuda": no GPU, or no xgboost that is built for one: this run uses the CPU')
            return msgspec.structs.replace(plan, device="cpu")
    return plan


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep another run of the same plan out."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(f"{folder}: this plan is running already: wait for it, or end it") from error
        yield

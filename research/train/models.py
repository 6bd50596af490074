"""The kinds of model: how each is fitted, and its raw predictions.

The raw prediction of a classifier is the logarithm of the odds, that of a regressor the outcome itself. Every fit uses
one thread and the seed of the plan, so it has the same bytes each time. Linear kinds see a missing feature as its
centre; trees see it as missing.
"""

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from research import extras
from research.train.labels import Row
from research.train.scaling import Table

Parameters = dict[str, Any]


class Fitted(NamedTuple):
    """A model as text, and its raw predictions."""

    kind: str
    text: str
    raw: Callable[[Table], Row]


class Task(NamedTuple):
    """What every fit of a run shares."""

    classifier: bool
    seed: int
    device: str = "cpu"


def need(package: str) -> ModuleType:
    """A package of the extra `learning`."""
    return extras.need(package, "learning")


def suggest(kind: str, trial: Any) -> Parameters:
    """The parameters of a trial."""
    if kind in ("linear", "logistic"):
        return {"penalty": trial.suggest_float("penalty", 1e-4, 1e4, log=True)}
    return {
        "trees": trial.suggest_int("trees", 10, 100, step=10),
        "depth": trial.suggest_int("depth", 2, 6),
        "rate": trial.suggest_float("rate", 0.01, 0.3, log=True),
        "leaf": trial.suggest_int("leaf", 5, 50),
        "rows": trial.suggest_float("rows", 0.5, 1.0),
    }


def fit(kind: str, parameters: Parameters, rows: Table, target: Row, task: Task) -> Fitted:
    """Fit one model; ValueError where the target has one class only."""
    if task.classifier and (target == target[0]).all():
        raise ValueError(f"every one of {len(target)} outcomes is {target[0]:g}: expected both classes in each fold")
    return FITS[kind](parameters, rows, target, task)


def load(kind: str, text: str) -> Fitted:
    """A model from its text, without the code that fitted it."""
    return LOADS[kind](kind, text)


def _fit_linear(parameters: Parameters, rows: Table, target: Row, task: Task) -> Fitted:
    """Least squares with a penalty, or the most likely odds with one."""
    linear = need("sklearn.linear_model")
    penalty = parameters["penalty"]
    made = linear.LogisticRegression(C=1 / penalty, max_iter=1000) if task.classifier else linear.Ridge(alpha=penalty)
    made.fit(np.nan_to_num(rows), target)
    weights, base = np.ravel(made.coef_).tolist(), float(np.ravel(made.intercept_)[0])
    return load("logistic" if task.classifier else "linear", json.dumps({"weights": weights, "base": base}))


def _load_linear(kind: str, text: str) -> Fitted:
    found = json.loads(text)
    weights, base = np.array(found["weights"]), found["base"]
    return Fitted(kind, text, lambda rows: (np.nan_to_num(rows) * weights).sum(axis=1) + base)


def _fit_xgboost(parameters: Parameters, rows: Table, target: Row, task: Task) -> Fitted:
    xgboost = need("xgboost")
    settings = {
        "objective": "binary:logistic" if task.classifier else "reg:squarederror", "nthread": 1, "seed": task.seed,
        "max_depth": parameters["depth"], "eta": parameters["rate"], "min_child_weight": parameters["leaf"] / 4,
        "subsample": parameters["rows"], "tree_method": "hist", "device": task.device, "verbosity": 0,
    }  # fmt: skip
    data = xgboost.DMatrix(rows, target, nthread=1)
    made = xgboost.train(settings, data, parameters["trees"])
    return load("xgboost", made.save_raw("json").decode())


def _load_xgboost(kind: str, text: str) -> Fitted:
    xgboost = need("xgboost")
    made = xgboost.Booster({"nthread": 1}, model_file=bytearray(text.encode()))

    def raw(rows: Table) -> Row:
        return np.asarray(made.predict(xgboost.DMatrix(rows, nthread=1), output_margin=True), np.float64)

    return Fitted(kind, text, raw)


def _fit_lightgbm(parameters: Parameters, rows: Table, target: Row, task: Task) -> Fitted:
    lightgbm = need("lightgbm")
    settings = {
        "objective": "binary" if task.classifier else "regression", "num_threads": 1, "seed": task.seed,
        "deterministic": True, "force_row_wise": True, "verbosity": -1, "learning_rate": parameters["rate"],
        "max_depth": parameters["depth"], "num_leaves": 2 ** parameters["depth"], "bagging_freq": 1,
        "min_data_in_leaf": parameters["leaf"], "bagging_fraction": parameters["rows"],
    }  # fmt: skip
    made = lightgbm.train(settings, lightgbm.Dataset(rows, target, params=settings), parameters["trees"])
    return load("lightgbm", made.model_to_string())


def _load_lightgbm(kind: str, text: str) -> Fitted:
    made = need("lightgbm").Booster(model_str=text)
    return Fitted(kind, text, lambda rows: np.asarray(made.predict(rows, raw_score=True, num_threads=1), np.float64))


FITS = {"linear": _fit_linear, "logistic": _fit_linear, "xgboost": _fit_xgboost, "lightgbm": _fit_lightgbm}
LOADS = {"linear": _load_linear, "logistic": _load_linear, "xgboost": _load_xgboost, "lightgbm": _load_lightgbm}

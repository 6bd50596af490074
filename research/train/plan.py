"""What a training run does, from one TOML file; docs/research/training.md has the keys."""

import hashlib
import re
import tomllib
from pathlib import Path
from typing import Literal, get_args

import msgspec

from research.bars.source import length_of
from research.train.scaling import Kind

REGRESSORS, CLASSIFIERS = ("linear", "xgboost", "lightgbm"), ("logistic", "xgboost", "lightgbm")


class Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The recorded prints of one instrument, as bars of an interval."""

    symbol: str
    venue: str
    interval: str
    system: str = ""
    directory: str = ""
    start: str | int | None = None
    end: str | int | None = None


class Label(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The outcome to predict."""

    kind: Literal["fixed", "barriers", "trend"] = "fixed"
    horizon: str = "5m"
    up: float = 1.0
    down: float = 1.0
    width: float = 0.001  # a part of the price
    spans: tuple[int, ...] = (5, 10, 20)  # bars


class Splits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the rows before the holdout are divided for out-of-fold predictions."""

    kind: Literal["k_fold", "walk_forward", "combinatorial"] = "k_fold"
    folds: int = 5
    tested: int = 2  # groups in a test part; combinatorial only
    embargo: str = "0s"

    @property
    def embargo_ns(self) -> int:
        """The embargo as a time."""
        return 0 if self.embargo == "0s" else length_of(self.embargo)


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that decides the bytes of a model, but the data and the versions of code."""

    name: str
    data: Data
    features: tuple[str, ...]
    models: tuple[str, ...]
    version: str = "0.1.0"
    label: Label = Label()
    splits: Splits = Splits()
    task: Literal["classifier", "regressor"] = "classifier"
    scaling: Kind = "z-score"
    ensemble: Literal["stacking", "average"] = "stacking"
    calibration: Literal["none", "platt", "isotonic"] = "platt"
    holdout: float = 0.2
    trials: int = 10
    seed: int = 0
    device: Literal["cpu", "cuda"] = "cpu"

    def id(self, *facts: object) -> str:
        """The name, and a hash of the plan and of what else decides the result; not where the data is."""
        data = msgspec.structs.replace(self.data, system="", directory="")
        plain = msgspec.json.encode([msgspec.structs.replace(self, data=data), *facts], order="sorted")
        return f"{self.name}-{hashlib.blake2b(plain, digest_size=6).hexdigest()}"


def read_plan(path: Path) -> Plan:
    """The plan of a file; ValueError names the key that is wrong, and what was expected."""
    try:
        plan = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Plan)
        return _checked(plan)
    except (msgspec.ValidationError, tomllib.TOMLDecodeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def _checked(plan: Plan) -> Plan:
    """Refuse what the types alone allow."""
    known = CLASSIFIERS if plan.task == "classifier" else REGRESSORS
    name = plan.name.replace("_", "").replace("-", "").replace(".", "")
    rules = (
        (name.isascii() and name.isalnum() and plan.name[0] != ".", f"name {plan.name!r}: expected letters and digits"),
        (bool(re.fullmatch(r"\d+\.\d+\.\d+", plan.version)), f"version {plan.version!r}: expected one as 1.2.0"),
        (bool(plan.features), "features: expected at least one name, as rsi_14"),
        (len(set(plan.features)) == len(plan.features), "features: a name is there twice"),
        (bool(plan.models) and set(plan.models) <= set(known),
         f"models {list(plan.models)}: expected some of {', '.join(known)} for a {plan.task}"),
        (len(set(plan.models)) == len(plan.models), "models: a name is there twice"),
        (0 < plan.holdout < 1, f"holdout {plan.holdout}: expected a part of the rows between 0 and 1"),
        (plan.trials >= 1, f"trials {plan.trials}: expected 1 or more"),
        (plan.scaling in get_args(Kind), f"scaling {plan.scaling!r}: expected one of {', '.join(get_args(Kind))}"),
        (plan.task == "classifier" or plan.calibration == "none", "calibration: expected none for a regressor"),
        (plan.label.width > 0, f"label.width {plan.label.width}: expected a part of the price above 0"),
    )  # fmt: skip
    for holds, text in rules:
        if not holds:
            raise ValueError(text)
    for length in (plan.data.interval, plan.label.horizon):
        length_of(length)
    _ = plan.splits.embargo_ns
    return plan

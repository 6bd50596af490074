"""LightGBM's own text (`booster.save_model("model.txt")`) as trees.

LightGBM computes in float64: the leaf of each tree in order, from 0 on. A row goes left where x <= threshold, which is
x < the next number after it; a number no larger than `ZERO` counts as 0. Categorical splits, several classes, random
forests (whose sum is divided), linear trees and `zero_as_missing` are refused by name.
"""

import math
from pathlib import Path

from engine.inference.convert.xgboost import Converted
from engine.inference.trees import DOUBLE, Split, TreesError, build

ZERO = 1.0000000180025095e-35
CATEGORICAL, DEFAULT_LEFT, MISSING_SHIFT = 1, 2, 2
NO_MISSING, ZERO_MISSING, NAN_MISSING = range(3)
PROBABILITY, MARGIN = ("binary", "cross_entropy"), ("regression", "regression_l1", "huber", "fair", "quantile", "mape",
                                                    "lambdarank")  # fmt: skip


def read_lightgbm(file: Path) -> Converted:
    """Read a model; TreesError names what the walker does not walk."""
    try:
        text = file.read_text(encoding="utf-8")
        return _converted(text)
    except (OSError, UnicodeDecodeError) as error:
        raise TreesError(f"{file}: cannot be read: {error}: expected a text of LightGBM's save_model") from error
    except (ValueError, KeyError, IndexError) as error:
        if isinstance(error, TreesError):
            raise TreesError(f"{file}: {error}") from None
        raise TreesError(f"{file}: no text of LightGBM's save_model: {type(error).__name__} {error}") from error


def _converted(text: str) -> Converted:
    head, *parts = text.partition("end of trees")[0].split("\nTree=")
    if not head.startswith("tree\n"):
        raise TreesError("it does not begin with the line `tree`: expected a text of LightGBM's save_model")
    facts = _facts(head)
    objective, *options = facts.get("objective", "regression").split()
    if objective not in (*PROBABILITY, *MARGIN) or "sqrt" in options:
        raise TreesError(f"objective {facts['objective']}: expected one of {', '.join((*PROBABILITY, *MARGIN))}")
    if objective == "binary" and "sigmoid:1" not in options:
        raise TreesError(f"objective {facts['objective']}: expected sigmoid:1")
    if int(facts["num_tree_per_iteration"]) != 1:
        raise TreesError("several classes: expected one")
    if "average_output" in head.splitlines():
        raise TreesError("a random forest: expected boosted trees")
    features = int(facts["max_feature_idx"]) + 1
    trees = [_tree(number, _facts(part)) for number, part in enumerate(parts)]
    names = tuple(facts.get("feature_names", "").split())
    return Converted(build(DOUBLE, features, 0.0, trees), objective in PROBABILITY, names)


def _tree(number: int, facts: dict[str, str]) -> list[Split | float]:
    """The inner nodes, then the leaves, as LightGBM numbers them: a negative child is a leaf."""
    if int(facts.get("num_cat", "0")):
        raise TreesError(f"tree {number}: a categorical split")
    if int(facts.get("is_linear", "0")):
        raise TreesError(f"tree {number}: a linear tree")
    leaves = [float(one) for one in facts["leaf_value"].split()]
    if int(facts["num_leaves"]) == 1:
        return [leaves[0]]
    columns = ("split_feature", "threshold", "decision_type", "left_child", "right_child")
    inner = len(facts["split_feature"].split())
    nodes: list[Split | float] = []
    for feature, threshold, decision, left, right in zip(*(facts[one].split() for one in columns), strict=True):
        at, kind = _split_at(float(threshold)), int(decision)
        missing = kind >> MISSING_SHIFT & 3
        if kind & CATEGORICAL or missing == ZERO_MISSING:
            raise TreesError(f"tree {number}: {'a categorical split' if kind & CATEGORICAL else 'zero_as_missing'}")
        nan_right = at <= 0 if missing == NO_MISSING else not kind & DEFAULT_LEFT  # without missing ones NaN is 0
        low, high = (child if child >= 0 else inner + ~child for child in (int(left), int(right)))
        nodes.append(Split(int(feature), at, low, high, nan_right))
    return nodes + leaves


def _split_at(threshold: float) -> float:
    """The least number that goes right; NaN: none does. Numbers no larger than `ZERO` go where 0 goes."""
    if threshold == math.inf:
        return math.nan
    at = math.nextafter(threshold, math.inf)
    if -ZERO < at <= 0:
        return -ZERO
    return math.nextafter(ZERO, math.inf) if 0 < at <= ZERO else at


def _facts(text: str) -> dict[str, str]:
    """The lines `name=value`."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

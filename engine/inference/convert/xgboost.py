"""XGBoost's own JSON (`booster.save_model("model.json")`) as trees, and what a margin means.

XGBoost computes in float32: the base score, then each tree's leaf in order. A row goes left where x < threshold. A
categorical split, a linear booster, several targets or classes, and trees that were weighted at random (DART) are
refused by name.
"""

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from engine.inference.trees import FLOAT, Split, Trees, TreesError, build

PROBABILITY = ("binary:logistic", "reg:logistic")  # their base score is a probability
MARGIN = ("binary:logitraw", "reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "reg:quantileerror",
          "rank:pairwise", "rank:ndcg")  # fmt: skip


class Converted(NamedTuple):
    """A model of another library."""

    trees: Trees
    is_probability: bool  # its output is 1 / (1 + e^-margin)
    names: tuple[str, ...]  # of the features, where the library knows them


def read_xgboost(file: Path) -> Converted:
    """Read a model; TreesError names what the walker does not walk."""
    try:
        learner = json.loads(file.read_text(encoding="utf-8"))["learner"]
        return _converted(learner)
    except (OSError, UnicodeDecodeError) as error:
        raise TreesError(f"{file}: cannot be read: {error}: expected a JSON of XGBoost's save_model") from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        if isinstance(error, TreesError):
            raise TreesError(f"{file}: {error}") from None
        raise TreesError(f"{file}: no JSON of XGBoost's save_model: {type(error).__name__} {error}") from error


def _converted(learner: dict[str, Any]) -> Converted:
    objective = learner["objective"]["name"]
    if objective not in (*PROBABILITY, *MARGIN):
        raise TreesError(f"objective {objective}: expected one of {', '.join((*PROBABILITY, *MARGIN))}")
    booster = learner["gradient_booster"]
    if booster["name"] != "gbtree":
        raise TreesError(f"booster {booster['name']}: expected gbtree")
    parameters = learner["learner_model_param"]
    if int(parameters["num_class"]) > 1 or int(parameters.get("num_target", "1")) > 1:
        raise TreesError("several classes or targets: expected one")
    features = int(parameters["num_feature"])
    best, count = learner.get("attributes", {}).get("best_iteration"), len(booster["model"]["trees"])
    if best is not None and int(best) + 1 != count:
        raise TreesError(
            f"{count} trees with the best iteration {best}: save booster[:{int(best) + 1}], which predicts"
        )
    trees = [_tree(number, one) for number, one in enumerate(booster["model"]["trees"])]
    base = _margin_of(_number(parameters["base_score"]), objective)
    names = tuple(learner.get("feature_names") or ())
    return Converted(build(FLOAT, features, base, trees), objective in PROBABILITY, names)


def _tree(number: int, tree: dict[str, Any]) -> list[Split | float]:
    if any(tree.get("split_type", ())):
        raise TreesError(f"tree {number}: a categorical split")
    if int(tree["tree_param"].get("size_leaf_vector", "1")) > 1:
        raise TreesError(f"tree {number}: leaves with several values")
    rows = zip(
        tree["left_children"], tree["right_children"], tree["split_indices"], tree["split_conditions"],
        tree["default_left"], strict=True,
    )  # fmt: skip
    return [
        float(condition) if left < 0 else Split(feature, float(np.float32(condition)), left, right, not default)
        for left, right, feature, condition, default in rows
    ]


def _number(text: str) -> np.float32:
    """A base score; later versions write a list of one."""
    return np.float32(text.strip("[]"))


def _margin_of(score: np.float32, objective: str) -> float:
    """The margin that a base score stands for, in float32 as XGBoost computes it."""
    if objective not in PROBABILITY:
        return float(score)
    if not 0 < score < 1:
        raise TreesError(f"base_score {score}: expected a probability between 0 and 1")
    one = np.float32(1.0)
    return float(np.float32(-math.log(one / score - one)))

"""Small models of other libraries, trained on made data, and rows that are hostile to them."""

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import xgboost

from engine.inference.convert.xgboost import Converted


def data(seed: int, rows: int = 4_000, features: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Inputs with holes, and a target that depends on them."""
    drawn = np.random.default_rng(seed)
    inputs = drawn.normal(size=(rows, features))
    target = inputs[:, 0] * inputs[:, 1] + np.abs(inputs[:, 2]) + drawn.normal(0, 0.5, rows)
    inputs[drawn.random(inputs.shape) < 0.05] = np.nan
    return inputs, target


def xgboost_model(seed: int, trees: int = 50, **more: Any) -> xgboost.Booster:
    """A booster of one thread."""
    inputs, target = data(seed)
    binary = str(more.get("objective", "binary:logistic")).startswith("binary")
    options = {"objective": "binary:logistic", "max_depth": 6, "eta": 0.2, "nthread": 1, "seed": seed, **more}
    labels = (target > np.median(target)).astype(float) if binary else np.abs(target)
    return xgboost.train(options, xgboost.DMatrix(inputs.astype(np.float32), labels), trees)


def lightgbm_model(seed: int, trees: int = 50, **more: Any) -> lightgbm.Booster:
    """A booster of one thread."""
    inputs, target = data(seed)
    options = {"objective": "binary", "num_leaves": 40, "num_threads": 1, "verbose": -1, "seed": seed, **more}
    labels = (target > np.median(target)).astype(float) if options["objective"] == "binary" else target
    return lightgbm.train(options, lightgbm.Dataset(inputs, labels), trees)


def hostile(found: Converted, seed: int, rows: int) -> np.ndarray:
    """Rows with NaN, infinities, -0.0, subnormals, and numbers exactly on a split and beside it."""
    drawn = np.random.default_rng(seed)
    trees = found.trees
    splits = trees.thresholds[~np.isnan(trees.thresholds)]
    table = drawn.normal(size=(rows, trees.features)).astype(trees.thresholds.dtype)
    kind = drawn.random(table.shape)
    odd = [np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-40, -1e-40, 3e38, -3e38]
    strange = kind < 0.2
    table[strange] = drawn.choice(np.array(odd, table.dtype), int(strange.sum()))
    for place, away in ((0.3, 0.0), (0.35, np.inf), (0.4, -np.inf)):
        chosen = (kind >= place - 0.05) & (kind < place)
        on = drawn.choice(splits, int(chosen.sum()))
        table[chosen] = np.nextafter(on, table.dtype.type(away)) if away else on
    return table


def saved(model: Any, place: Path) -> Path:
    """The model's own file."""
    file = place / ("model.json" if isinstance(model, xgboost.Booster) else "model.txt")
    model.save_model(str(file))
    return file

"""A recorded history of prints for the tests, with a rule that can be learned: prices fall back after a move."""

from pathlib import Path

import numpy as np

from engine.lanes.map import lane_of
from engine.model.words import TickKind
from tests.research.test_history import MIDNIGHT_NS, SECOND_NS, store

CONFIG = """
name = "{name}"
features = ["rsi_14", "bb_pct_20", "volume_ratio_20"]
models = {models}
task = "{task}"
calibration = "{calibration}"
trials = {trials}
seed = 3
{more}

[data]
directory = "{directory}"
symbol = "BTCUSDT"
venue = "binance"
interval = "10s"

[label]
kind = "fixed"
horizon = "30s"

[splits]
folds = 3
embargo = "60s"
"""


def recorded(directory: Path, *, bars: int = 900, seed: int = 0, back: float = 0.93) -> Path:
    """Five prints in each ten seconds; the price keeps `back` of its distance to the mean, 1 for a random walk."""
    random = np.random.default_rng(seed)
    count = bars * 5
    rows = np.zeros(count, lane_of("ticks").record.dtype)
    rows["publish_ns"] = MIDNIGHT_NS + np.arange(count) * 2 * SECOND_NS
    rows["receive_ns"] = rows["publish_ns"] - 1
    level, price = 0.0, np.zeros(count)
    for at, move in enumerate(random.normal(0, 1, count)):
        level = back * level + move
        price[at] = level
    rows["price"] = 6_000_000 + np.round(price * 300)
    rows["size"] = random.integers(1, 9_000, count)
    rows["instrument"], rows["kind"], rows["side"] = 1, TickKind.PRINT, 1
    store(directory, "ticks", rows)
    return directory


def config(
    path: Path, directory: Path, *, name: str = "returns", models: str = '["logistic", "xgboost", "lightgbm"]',
    task: str = "classifier", calibration: str = "platt", trials: int = 3, more: str = "",
) -> Path:  # fmt: skip
    """Write a configuration."""
    path.write_text(
        CONFIG.format(
            name=name, models=models, task=task, calibration=calibration, trials=trials, directory=directory, more=more
        )
    )
    return path

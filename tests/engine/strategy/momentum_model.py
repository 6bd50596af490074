"""A model for BTC Momentum, trained in the test: the price is expected to rise while one of its features is low."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import xgboost

from engine.indicators.code import code_of
from engine.inference import Card, Feature, Output, Sealed, write
from engine.inference.convert import read_xgboost

FILE = Path(__file__).parents[3] / "configs" / "strategies" / "btc_momentum.toml"
NAMES = ("rsi_14", "macd", "volume_ratio", "bb_pct")


def rows_of(seed: int, count: int = 3_000) -> np.ndarray:
    """Features in the ranges that a market has."""
    drawn = np.random.default_rng(seed)
    return np.column_stack([
        drawn.uniform(0, 100, count), drawn.normal(0, 50, count), drawn.uniform(0, 3, count),
        drawn.normal(0.5, 0.5, count),
    ])  # fmt: skip


def put_model(place: Path, *, low: tuple[int, float] = (3, 0.5), **parts: Any) -> Path:
    """The strategy's file as it stands, with its trained model beside it; `low` is a feature's place and limit.

    `parts` are other parts of the model's card.
    """
    rows = rows_of(1)
    labels = (rows[:, low[0]] < low[1]).astype(float)
    options = {"objective": "binary:logistic", "max_depth": 3, "eta": 0.5, "nthread": 1, "seed": 1}
    booster = xgboost.train(options, xgboost.DMatrix(rows, labels), 20)
    (place / "models").mkdir(parents=True, exist_ok=True)
    booster.save_model(place / "model.json")
    card = Card(
        name="btc_momentum", version="1.2.0", label={"kind": "planted"}, source=f"xgboost {xgboost.__version__}",
        features=tuple(Feature(name=one, code=code_of(one)) for one in NAMES), output=Output.PROBABILITY,
    )  # fmt: skip
    card = msgspec.structs.replace(card, **parts)
    trees = read_xgboost(place / "model.json").trees
    write(place / "models" / "btc_momentum_v1.2.onnx", Sealed(card, trees, rows_of(2, 1_000)))
    file = place / "btc_momentum.toml"
    file.write_bytes(FILE.read_bytes())
    return file

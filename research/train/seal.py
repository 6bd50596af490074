"""A candidate of one tree model as a sealed file (`engine.inference`), which the compiled walker predicts from.

A sealed file holds one set of trees. A candidate of several models, or of a linear one, stays a candidate.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from engine.inference import Calibrate, Calibration, Card, Feature, Output, Scale, Scaling, Sealed, load, write
from engine.inference.convert import read_lightgbm, read_xgboost
from research.train import combine
from research.train.candidate import VECTORS, Candidate
from research.train.run import Done

READERS: dict[str, Callable[[Path], Any]] = {"xgboost": read_xgboost, "lightgbm": read_lightgbm}


def seal(done: Done) -> Path | None:
    """Write the sealed file of a run beside its candidate, and load it; None without exactly one tree model."""
    made = done.judged.candidate
    if len(made.parts) != 1 or made.parts[0].kind not in READERS:
        return None
    assert made.weights == combine.average(1)
    path = done.model.with_suffix(".model")
    rows = done.judged.samples.rows
    vectors = rows[np.linspace(0, len(rows) - 1, min(VECTORS, len(rows))).astype(np.intp)]
    with tempfile.TemporaryDirectory() as place:
        text = Path(place) / "model"
        text.write_text(made.parts[0].text, encoding="utf-8")
        found = READERS[made.parts[0].kind](text)
    card = card_of(made)
    write(path, Sealed(card, found.trees, vectors))
    load(path, card.features)
    return path


def card_of(made: Candidate) -> Card:
    """The card of a candidate."""
    [part] = made.parts
    plan = made.plan
    names = ("data", "splits", "holdout", "trials", "seed")
    training = {"id": made.id, **made.manifest, **{name: plan[name] for name in names}, "parameters": part.parameters}
    calibration, output = _calibration(made.calibration)
    scaling = Scaling()
    if made.scaling.kind != "none":
        kind = Scale(made.scaling.kind.replace("-", "_"))
        scaling = Scaling(kind=kind, centers=made.scaling.center, widths=made.scaling.scale)
    return Card(
        name=plan["name"], version=plan["version"], output=output, scaling=scaling, calibration=calibration,
        features=tuple(Feature(name=name, code=code) for name, code in made.features.items()),
        source=f"{part.kind} {made.versions[part.kind]}", label={"task": plan["task"], **plan["label"]},
        training=training, metrics={name: score[0] for name, score in made.scores.items() if score[0] is not None},
    )  # fmt: skip


def _calibration(fitted: combine.Calibration) -> tuple[Calibration, Output]:
    """The same function of the margin; the sealed form of Platt's has the opposite sign."""
    if fitted.kind == "platt":
        slope, base = fitted.at
        return Calibration(kind=Calibrate.PLATT, slope=-slope, shift=-base), Output.MARGIN
    if fitted.kind == "isotonic":
        return Calibration(kind=Calibrate.ISOTONIC, xs=fitted.at, ys=fitted.to), Output.MARGIN
    return Calibration(), Output.PROBABILITY if fitted.kind == "none" else Output.MARGIN

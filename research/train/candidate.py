"""A trained model in one file with its own hash: a candidate, which nothing trades until somebody promotes it.

    blake2b of the rest, 32 hex digits, newline │ JSON with sorted keys        the same content has the same bytes

`read` refuses a file that was changed, features whose code is another one now, and a model that no longer gives the
outputs of its test vectors.
"""

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from engine.indicators.code import code_of
from research.sweep.study import replaced
from research.train import models
from research.train.combine import Calibration, Weights
from research.train.labels import Row
from research.train.scaling import Scaling, Table

FORMAT, DIGEST, VECTORS = "steelyard candidate 1", 16, 1_000


class Part(msgspec.Struct, frozen=True):
    """One of the models."""

    kind: str
    parameters: dict[str, Any]
    text: str


class Candidate(msgspec.Struct, frozen=True):
    """What is needed to predict, and where it comes from."""

    format: str
    id: str
    plan: dict[str, Any]
    features: dict[str, str]  # in their order, with the hash of the code
    scaling: Scaling
    parts: list[Part]
    weights: Weights
    calibration: Calibration
    manifest: dict[str, str | int]
    versions: dict[str, str]
    trials: int
    scores: dict[str, list[float | None]]
    vectors: list[list[float | None]] = []
    outputs: list[float] = []

    def predict(self, rows: Table) -> Row:
        """Predict rows of features, in the order of `features` and without scaling."""
        scaled = self.scaling.apply(rows)
        loaded = [models.load(one.kind, one.text) for one in self.parts]
        raw = np.column_stack([one.raw(scaled) for one in loaded])
        return self.calibration.apply(self.weights.apply(raw))

    def with_vectors(self, rows: Table) -> "Candidate":
        """The same with rows of the data, evenly spaced, and what it predicts for them."""
        chosen = rows[np.linspace(0, len(rows) - 1, min(VECTORS, len(rows))).astype(np.intp)]
        outputs = self.predict(chosen).tolist()
        vectors = [[None if np.isnan(one) else float(one) for one in row] for row in chosen]
        return msgspec.structs.replace(self, vectors=vectors, outputs=outputs)


def write(path: Path, candidate: Candidate) -> None:
    """Write the file, whole or not at all."""
    body = msgspec.json.encode(candidate)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as new:
        new.write_bytes(_digest(body) + b"\n" + body)


def read(path: Path) -> Candidate:
    """Read and check a file; ValueError names what does not match."""
    head, _, body = path.read_bytes().partition(b"\n")
    if head != _digest(body):
        raise ValueError(f"{path}: the hash of its content is another one: it was changed or cut; train it again")
    found = msgspec.json.decode(body, type=Candidate)
    if found.format != FORMAT:
        raise ValueError(f"{path}: format {found.format!r}, expected {FORMAT!r}")
    for name, code in found.features.items():
        if code_of(name) != code:
            raise ValueError(f"{path}: the code of the feature {name} is another one now: train the model again")
    vectors = np.array([[np.nan if one is None else one for one in row] for row in found.vectors])
    wrong = np.flatnonzero(found.predict(vectors) != np.array(found.outputs))
    if len(wrong):
        raise ValueError(f"{path}: {len(wrong)} of {len(vectors)} test vectors have another output, first {wrong[0]}")
    return found


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=DIGEST).hexdigest().encode()

"""A model is one file, and it is whole or refused: card, trees, test vectors with their outputs, and a seal.

    write(file, Sealed(card, trees, rows))       rows: up to 1 000 of the test vectors; their outputs are computed
    model = load(file, features)                 checks the seal and every part, then runs the vectors
    model.predictor.predict(row)

    magic 8 · size of the head u4 · head (JSON: card, arrays) · arrays · SHA-256 of everything before

The same content makes the same bytes. `load` refuses a file that was cut or changed, one of another format, features
that are missing, more, in another order, of another version or computed by other code, and trees that compute a vector
otherwise than when the file was written: another processor or library then means another model.
"""

import hashlib
import os
import struct
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from engine.inference.card import Card, Feature, check
from engine.inference.predictor import Predictor
from engine.inference.trees import DOUBLE, FLOAT, Trees

MAGIC, FORMAT = b"STEELMDL", 1
SIZE = struct.Struct("<I")
VECTORS = 1_000
SEAL = hashlib.sha256().digest_size
NAMES = ("firsts", "thresholds", "links", "values", "rows", "outputs")
Doubles = npt.NDArray[np.float64]


class SealedError(ValueError):
    """The file is no model that may be used; the text has the file, what was found and what to do."""


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The head of a file."""

    format: int
    card: Card
    real: str
    base: float
    arrays: tuple[tuple[str, str, tuple[int, ...]], ...]  # name, type and shape, in the order of the file


@dataclass(frozen=True)
class Sealed:
    """A model with its test vectors."""

    card: Card
    trees: Trees
    rows: Doubles

    @property
    def predictor(self) -> Predictor:
        """The model, ready to predict."""
        return Predictor(self.card, self.trees)


def to_bytes(model: Sealed) -> bytes:
    """The file of a model."""
    check(model.card)
    rows = np.ascontiguousarray(model.rows, np.float64)
    if rows.ndim != 2 or rows.shape[1] != len(model.card.features) or not 1 <= len(rows) <= VECTORS:  # noqa: PLR2004
        count = len(model.card.features)
        raise SealedError(f"test vectors of shape {rows.shape}: expected 1 to {VECTORS} rows of {count} features")
    if model.trees.features != len(model.card.features):
        raise SealedError(f"trees of {model.trees.features} features, the card has {len(model.card.features)}")
    trees = model.trees
    outputs = model.predictor.over(rows)
    parts: tuple[npt.NDArray[Any], ...] = (trees.firsts, trees.thresholds, trees.links, trees.values, rows, outputs)
    arrays = dict(zip(NAMES, parts, strict=True))
    head = Head(
        format=FORMAT, card=model.card, real=trees.real, base=trees.base,
        arrays=tuple((name, one.dtype.str, one.shape) for name, one in arrays.items()),
    )  # fmt: skip
    text = msgspec.json.encode(head, order="deterministic")
    body = b"".join(np.ascontiguousarray(one).tobytes() for one in arrays.values())
    whole = MAGIC + SIZE.pack(len(text)) + text + body
    return whole + hashlib.sha256(whole).digest()


def write(file: Path, model: Sealed) -> None:
    """Write a model; a file of this name is replaced whole, and only when the new one is on the disk."""
    data = to_bytes(model)
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as made:
        try:
            made.write(data)
            made.flush()
            os.fsync(made.fileno())
            Path(made.name).replace(file)
        except OSError:
            Path(made.name).unlink()
            raise
    directory = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def load(file: Path, features: Sequence[Feature] = ()) -> Sealed:
    """Read a model, run its vectors, and refuse other features than these, where they are given."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise SealedError(f"{file}: {error.strerror}: expected a sealed model") from error
    try:
        return _loaded(data, features)
    except (ValueError, msgspec.DecodeError) as error:
        raise SealedError(f"{file}: {error}") from error


def _loaded(data: bytes, features: Sequence[Feature]) -> Sealed:
    if not data.startswith(MAGIC):
        raise ValueError(f"begins with {data[:8]!r}, expected a sealed model")
    whole, seal = data[:-SEAL], data[-SEAL:]
    if hashlib.sha256(whole).digest() != seal:
        raise ValueError("its seal does not match: it was cut or changed after it was written; seal the model again")
    (size,) = SIZE.unpack_from(whole, len(MAGIC))
    begin = len(MAGIC) + SIZE.size
    head = msgspec.json.decode(whole[begin : begin + size], type=Head)
    if head.format != FORMAT:
        raise ValueError(f"format {head.format}, this version reads {FORMAT}: seal the model again")
    check(head.card)
    arrays = _arrays(head, whole[begin + size :])
    trees = Trees(
        head.real, len(head.card.features), head.base,
        *(arrays[name] for name in ("firsts", "thresholds", "links", "values")),
    )  # fmt: skip
    model = Sealed(head.card, trees, arrays["rows"])
    _expect_features(head.card.features, features)
    _run_vectors(model, arrays["outputs"])
    return model


def _arrays(head: Head, body: bytes) -> dict[str, Any]:
    """The arrays of a body that has exactly these."""
    names = tuple(name for name, _, _ in head.arrays)
    if names != NAMES or head.real not in (FLOAT, DOUBLE):
        raise ValueError(f"arrays {', '.join(names)} of {head.real}: expected {', '.join(NAMES)}")
    real, at, found = np.dtype(head.real).str, 0, {}
    kinds = {"firsts": "<u4", "links": "<u4", "thresholds": real, "values": real, "rows": "<f8", "outputs": "<f8"}
    for name, kind, shape in head.arrays:
        if kind != kinds[name] or any(one < 0 for one in shape):
            raise ValueError(f"array {name}: {kind} of shape {shape}, expected {kinds[name]}")
        count = int(np.prod(shape, dtype=np.int64))
        end = at + count * np.dtype(kind).itemsize
        if end > len(body):
            raise ValueError(f"array {name}: the file ends before it")
        found[name] = np.frombuffer(body[at:end], kind).reshape(shape)
        at = end
    nodes = found["links"].shape
    if at != len(body) or found["thresholds"].shape != nodes or found["values"].shape != nodes or len(nodes) != 1:
        raise ValueError("its arrays do not fit one another")
    rows = found["rows"]
    if rows.shape != (len(found["outputs"]), len(head.card.features)) or not 1 <= len(rows) <= VECTORS:
        raise ValueError(f"test vectors of shape {rows.shape}: expected 1 to {VECTORS} with an output each")
    firsts = found["firsts"]
    if not len(firsts) or firsts[0] or (np.diff(firsts.astype(np.int64)) <= 0).any() or firsts[-1] >= nodes[0]:
        raise ValueError("the trees do not follow one another")
    return found


def _expect_features(found: Sequence[Feature], expected: Sequence[Feature]) -> None:
    """Refuse features that are not exactly the expected ones, in their order."""
    if not expected:
        return
    ours, theirs = [one.name for one in expected], [one.name for one in found]
    if ours != theirs:
        missing, more = [one for one in theirs if one not in ours], [one for one in ours if one not in theirs]
        why = "in another order" if not missing and not more else f"missing {missing}, more {more}"
        raise ValueError(f"its features are {', '.join(theirs)}; given are {', '.join(ours)}: {why}")
    for one, other in zip(found, expected, strict=True):
        for part in ("version", "code", "unit"):
            was, now = getattr(one, part), getattr(other, part)
            if was and was != now:
                raise ValueError(f"feature {one.name}: its {part} was {was} in training, and is {now}: train again")


def _run_vectors(model: Sealed, outputs: Doubles) -> None:
    """Refuse a model that computes a test vector otherwise than when it was sealed."""
    found = model.predictor.over(model.rows)
    wrong = np.flatnonzero(found.view(np.int64) != np.ascontiguousarray(outputs).view(np.int64))
    if len(wrong):
        at = int(wrong[0])
        raise ValueError(
            f"test vector {at} gives {found[at]!r}, it gave {outputs[at]!r} when the model was sealed; "
            f"{len(wrong)} of {len(found)} differ: it is another model on this machine"
        )

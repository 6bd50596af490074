"""Hidden states of a market as numbers: each state's mean and covariance of the features, and how states follow.

`research.regimes` fits a model; the file is JSON with a seal, and is refused when it was changed or does not hold
together. `HiddenFilter` reads a market with it.
"""

import hashlib
from pathlib import Path

import msgspec
import numpy as np

FORMAT = 1
SUM_ERROR = 1e-9
STATES_MOST, FEATURES_MOST = 16, 16


class HiddenModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The states, by number."""

    features: tuple[str, ...]
    states: tuple[str, ...]
    start: tuple[float, ...]
    transitions: tuple[tuple[float, ...], ...]  # the row is the state before
    means: tuple[tuple[float, ...], ...]
    covariances: tuple[tuple[tuple[float, ...], ...], ...]
    fitted_on: str = ""  # what the rows were: the manifest of the data
    log_likelihood: float = 0.0  # of these rows
    format: int = FORMAT
    seal: str = ""


def checked(model: HiddenModel) -> HiddenModel:
    """Refuse a model that does not hold together; the text names the part."""
    states, features = len(model.states), len(model.features)
    if not (1 <= states <= STATES_MOST and 1 <= features <= FEATURES_MOST):
        raise ValueError(
            f"{states} states of {features} features, expected 1 to {STATES_MOST} and 1 to {FEATURES_MOST}"
        )
    shapes = {
        "start": (states,), "transitions": (states, states), "means": (states, features),
        "covariances": (states, features, features),
    }  # fmt: skip
    for name, shape in shapes.items():
        try:
            found = np.array(getattr(model, name), np.float64)
        except ValueError:
            raise ValueError(f"{name}: expected numbers of shape {shape}, was uneven") from None
        if found.shape != shape or not np.isfinite(found).all():
            raise ValueError(f"{name}: expected finite numbers of shape {shape}, was {found.shape}")
        if name in ("start", "transitions") and ((found < 0).any() or (abs(found.sum(-1) - 1) > SUM_ERROR).any()):
            raise ValueError(f"{name}: expected probabilities that add up to 1, was {getattr(model, name)}")
    for name, matrix in zip(model.states, model.covariances, strict=True):
        found = np.array(matrix)
        if (found != found.T).any() or np.linalg.eigvalsh(found)[0] <= 0:
            raise ValueError(f"covariance of {name}: expected a symmetric, positive definite matrix")
    return model


def write_model(file: Path, model: HiddenModel) -> None:
    """Write a model with its seal."""
    whole = msgspec.structs.replace(checked(model), seal=_seal_of(model))
    file.write_bytes(msgspec.json.format(msgspec.json.encode(whole)) + b"\n")


def read_model(file: Path, features: tuple[str, ...] = ()) -> HiddenModel:
    """Read a model; ValueError names what is wrong with the file, or the features that are others."""
    try:
        found = msgspec.json.decode(file.read_bytes(), type=HiddenModel)
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror}: expected a file of research.regimes") from error
    except msgspec.DecodeError as error:
        raise ValueError(f"{file}: {error}: expected a file of research.regimes") from error
    if found.format != FORMAT:
        raise ValueError(f"{file}: format {found.format}, expected {FORMAT}: fit the model again")
    if found.seal != _seal_of(found):
        raise ValueError(f"{file}: it was changed after it was written: fit the model again")
    if features and found.features != features:
        raise ValueError(f"{file}: its features are {', '.join(found.features)}, expected {', '.join(features)}")
    try:
        return checked(found)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


def _seal_of(model: HiddenModel) -> str:
    """A hash of everything but the seal."""
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(model, seal=""))).hexdigest()

"""A strategy's file with a model: it is read and checked as it stands, and refused until its model is there.

    [strategy] name, version, asset, exchange    [parameters]    [ml_model] path, features    [execution]

The decision is the model's, so there is no strategy without it: no other rule takes its place. `read` checks every key
and bound of the file. `expect_model` opens the sealed model (docs/models.md), whatever its file's name ends with, and
refuses one that is missing, not whole, or of other features.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from engine.indicators.code import code_of
from engine.inference import Sealed, SealedError, load

Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Text = Annotated[str, msgspec.Meta(min_length=1)]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file: an unknown key is an error."""


class About(Table, frozen=True, kw_only=True):
    """What the strategy is, and what it trades."""

    name: Text
    version: Annotated[str, msgspec.Meta(pattern=r"^\d+\.\d+\.\d+$")]
    asset: Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9]+/[A-Z0-9]+$")]  # base and quote
    exchange: Text


class Parameters(Table, frozen=True, kw_only=True):
    """When it enters and exits, and how large."""

    lookback_period: Annotated[int, msgspec.Meta(ge=2, le=10_000)]  # bars
    entry_threshold: Share
    exit_threshold: Share
    position_size_pct: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]  # of the capital: 0.10 is a tenth


class Model(Table, frozen=True, kw_only=True):
    """The model that decides, and its inputs in their order."""

    path: Text  # relative to the strategy's file
    features: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]


class Execution(Table, frozen=True, kw_only=True):
    """How its orders are sent."""

    order_type: Literal["limit", "market"]
    limit_offset_bps: Annotated[float, msgspec.Meta(ge=0.0, le=1_000.0)] = 0.0
    timeout_seconds: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 30


class ModelStrategy(Table, frozen=True, kw_only=True):
    """The whole file."""

    strategy: About
    parameters: Parameters
    ml_model: Model
    execution: Execution


class NoModelError(ValueError):
    """The model of a strategy is missing; the text names it, and what to do."""


def has_model(file: Path) -> bool:
    """Whether a file is one of a strategy with a model."""
    try:
        return "ml_model" in tomllib.loads(file.read_text())
    except (OSError, ValueError):
        return False


def read(file: Path) -> ModelStrategy:
    """Read a strategy's file; ValueError names the key, what it was and what was expected."""
    try:
        tables: dict[str, Any] = tomllib.loads(file.read_text())
        found = msgspec.convert(tables, ModelStrategy)
    except (msgspec.ValidationError, tomllib.TOMLDecodeError) as error:
        msg = f"{file}: {error}"
        raise ValueError(msg) from error
    enter, leave = found.parameters.entry_threshold, found.parameters.exit_threshold
    if leave > enter:
        msg = f"{file}: exit_threshold {leave} is over entry_threshold {enter}: it would exit as it enters"
        raise ValueError(msg)
    return found


def expect_model(file: Path, found: ModelStrategy) -> Sealed:
    """The model of a strategy's file; NoModelError when it is missing, not whole, or of other features."""
    about, model = found.strategy, file.parent / found.ml_model.path
    name = f"{about.name} {about.version}"
    features = found.ml_model.features
    if not model.is_file():
        count = f"{len(features)} features in this order: {', '.join(features)}"
        msg = f"{name}: its model {model} is missing: put the trained model there; it reads {count}."
        msg += " It does not trade without it"
        raise NoModelError(msg)
    try:
        sealed = load(model)
    except SealedError as error:
        raise NoModelError(f"{name}: {error}. It does not trade without its model") from error
    names = tuple(one.name for one in sealed.card.features)
    if names != features:
        msg = f"{name}: {model} reads {', '.join(names)}, the strategy's file has {', '.join(features)}"
        raise NoModelError(f"{msg}: they must be the same, in the same order")
    if not sealed.card.is_probability:
        raise NoModelError(f"{name}: {model} gives a {sealed.card.output}, expected a probability")
    changed = [one.name for one in sealed.card.features if one.code and one.code != code_of(one.name)]
    if changed:
        msg = (
            f"{name}: {model}: the code of {', '.join(changed)} is another one than in training: train the model again"
        )
        raise NoModelError(msg)
    return sealed

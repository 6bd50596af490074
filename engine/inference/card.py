"""What a model is, in words and numbers: the head of a sealed file."""

import math
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any

import msgspec

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Output(StrEnum):
    """What the margin becomes."""

    MARGIN = "margin"
    PROBABILITY = "probability"


class Scale(StrEnum):
    """How a feature was scaled; each is (x - center) / width."""

    NONE = "none"
    Z_SCORE = "z_score"  # mean and standard deviation
    MIN_MAX = "min_max"  # minimum and range
    ROBUST = "robust"  # median and the range between the quartiles


class Calibrate(StrEnum):
    """How the output was calibrated on predictions out of sample."""

    NONE = "none"
    PLATT = "platt"
    ISOTONIC = "isotonic"


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of the card: an unknown key is an error."""


class Feature(Part, frozen=True, kw_only=True):
    """One input. `code` is a hash of the code that computes it."""

    name: Text
    version: int = 1
    code: str = ""
    unit: str = ""


class Scaling(Part, frozen=True, kw_only=True):
    """Fitted on the training part alone."""

    kind: Scale = Scale.NONE
    centers: tuple[float, ...] = ()
    widths: tuple[float, ...] = ()


class Calibration(Part, frozen=True, kw_only=True):
    """The parameters of the kind; the others are empty."""

    kind: Calibrate = Calibrate.NONE
    slope: float = 0.0
    shift: float = 0.0
    xs: tuple[float, ...] = ()
    ys: tuple[float, ...] = ()


class Card(Part, frozen=True, kw_only=True):
    """Everything but the trees and the test vectors."""

    name: Text
    version: Annotated[str, msgspec.Meta(pattern=r"^\d+\.\d+\.\d+$")]
    features: tuple[Feature, ...]
    output: Output = Output.MARGIN
    scaling: Scaling = Scaling()
    calibration: Calibration = Calibration()
    source: str = ""  # the library that trained it, with its version
    label: dict[str, Any] = {}  # what it predicts, and over which horizon
    training: dict[str, Any] = {}  # the manifest of the data, the seed, the code
    metrics: dict[str, float] = {}  # out of sample

    @property
    def is_probability(self) -> bool:
        """Whether what the model predicts is a probability: by its output, or by its calibration."""
        return self.output == Output.PROBABILITY or self.calibration.kind != Calibrate.NONE


class CardError(ValueError):
    """The card does not hold together; the text names the part."""


def check(card: Card) -> None:
    """Refuse a card whose parts do not fit one another."""
    count = len(card.features)
    names = [one.name for one in card.features]
    if not names or len(set(names)) != count:
        raise CardError(f"features: expected different names, at least one, was {', '.join(names) or 'none'}")
    scaling, calibration = card.scaling, card.calibration
    sizes = {len(scaling.centers), len(scaling.widths)}
    if sizes != ({0} if scaling.kind == Scale.NONE else {count}):
        raise CardError(f"scaling {scaling.kind}: expected a center and a width for each of {count} features")
    if not all(map(math.isfinite, (*scaling.centers, *scaling.widths))) or not all(one > 0 for one in scaling.widths):
        raise CardError("scaling: expected finite centers, and finite widths above 0")
    if calibration.kind == Calibrate.ISOTONIC:
        points = zip(calibration.xs, calibration.ys, strict=False)
        rising = all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(points))
        if len(calibration.xs) != len(calibration.ys) or len(calibration.xs) < 2 or not rising:  # noqa: PLR2004
            raise CardError("calibration isotonic: expected at least two points, xs rising and ys not falling")
        if not 0 <= calibration.ys[0] <= calibration.ys[-1] <= 1:
            raise CardError("calibration isotonic: expected ys from 0 to 1, they are probabilities")
    elif calibration.xs or calibration.ys:
        raise CardError(f"calibration {calibration.kind}: has points, which only isotonic has")
    numbers = (calibration.slope, calibration.shift, *calibration.xs, *calibration.ys)
    if not all(map(math.isfinite, numbers)):
        raise CardError("calibration: expected finite numbers")

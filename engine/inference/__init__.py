"""Models: sealed files, and trees that predict in less than a microsecond (docs/models.md).

No library that trains is imported here.
"""

from engine.inference.card import Calibrate, Calibration, Card, CardError, Feature, Output, Scale, Scaling
from engine.inference.predictor import Predictor
from engine.inference.sealed import Sealed, SealedError, load, write
from engine.inference.trees import Trees, TreesError
from engine.inference.walker import Walker

__all__ = [
    "Calibrate", "Calibration", "Card", "CardError", "Feature", "Output", "Predictor", "Scale", "Scaling", "Sealed",
    "SealedError", "Trees", "TreesError", "Walker", "load", "write",
]  # fmt: skip

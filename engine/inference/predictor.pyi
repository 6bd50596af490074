from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.inference.card import Card
from engine.inference.trees import Trees

class Predictor:
    features: int
    def __init__(self, card: Card, trees: Trees) -> None: ...
    def predict(self, row: npt.NDArray[np.floating] | Sequence[float]) -> float: ...
    def over(self, rows: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]: ...

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]

def forward_backward(logs: Floats, start: Floats, transitions: Floats) -> tuple[float, Floats, Floats]: ...

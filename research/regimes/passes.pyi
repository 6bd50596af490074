from typing import TypeAlias

import numpy as np
import numpy.typing as npt

_Floats: TypeAlias = npt.NDArray[np.float64]

def forward_backward(logs: _Floats, start: _Floats, transitions: _Floats) -> tuple[float, _Floats, _Floats]: ...

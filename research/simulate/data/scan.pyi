from typing import Any

import numpy as np

def first_wrong(data: np.ndarray[Any, np.dtype[np.uint8]], places: np.ndarray[Any, np.dtype[np.int32]]) -> int: ...

from typing import Any

import numpy as np

class Delay:
    constant_ns: int
    def __init__(
        self,
        constant_ns: int = ...,
        samples: np.ndarray[Any, np.dtype[np.int64]] | None = ...,
        seed: int = ...,
        from_ns: np.ndarray[Any, np.dtype[np.int64]] | None = ...,
        recorded: np.ndarray[Any, np.dtype[np.int64]] | None = ...,
    ) -> None: ...
    def draw(self, now_ns: int) -> int: ...

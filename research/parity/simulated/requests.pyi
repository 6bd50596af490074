from typing import Any

import numpy as np

from research.simulate.trading.client import Client

class RecordedRequests(Client):
    def __init__(
        self,
        orders: np.ndarray[Any, np.dtype[np.int64]],
        requests: np.ndarray[Any, np.dtype[np.int64]],
        numbers: np.ndarray[Any, np.dtype[np.int32]],
    ) -> None: ...

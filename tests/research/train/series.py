"""Prices for the tests: random walks on uneven times, from a seed."""

from typing import Any

import numpy as np


def walk(rows: int, seed: int) -> tuple[Any, Any]:
    """Increasing times and a price of steps of a per mille."""
    random = np.random.default_rng(seed)
    at = np.cumsum(random.integers(1, 9, rows)).astype(np.int64)
    return at, 100 * np.exp(np.cumsum(random.normal(0, 1e-3, rows)))

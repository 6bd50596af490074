"""Scaling of features, fitted on the rows of the training part alone: z-score, min-max and robust.

    scaled = (value - center) / scale

NaN is left out of the fit and stays NaN. A column without a spread, or without a value, has the scale 1, so its rows of
the training part become 0. An infinite value is refused.
"""

from typing import Any, Literal, NamedTuple, get_args

import numpy as np

Table = np.ndarray[Any, np.dtype[np.float64]]
Kind = Literal["none", "z-score", "min-max", "robust"]


class Scaling(NamedTuple):
    """What a fit found for each column."""

    kind: Kind
    center: tuple[float, ...]
    scale: tuple[float, ...]

    def apply(self, rows: Table) -> Table:
        """Scale rows, of the training part or of another one."""
        if rows.shape[1:] != (len(self.center),):
            raise ValueError(f"rows of the shape {rows.shape}: expected {len(self.center)} columns, as in the fit")
        scaled: Table = (rows - np.array(self.center)) / np.array(self.scale)
        return scaled


def fit(kind: Kind, rows: Table) -> Scaling:
    """Fit on the training part."""
    if kind not in get_args(Kind):
        raise ValueError(f"scaling {kind!r}: expected one of {', '.join(get_args(Kind))}")
    if np.isinf(rows).any():
        row, column = np.argwhere(np.isinf(rows))[0]
        raise ValueError(f"row {row}, column {column}: {rows[row, column]}: expected a finite value or NaN")
    found = [_column(kind, column[np.isfinite(column)]) for column in rows.T]
    return Scaling(kind, tuple(center for center, _ in found), tuple(scale for _, scale in found))


def _column(kind: Kind, values: Table) -> tuple[float, float]:
    """Center and scale of the values of one column."""
    if kind == "none" or not len(values):
        return 0.0, 1.0
    if values.min() == values.max():  # before a mean, which rounds
        return float(values[0]), 1.0
    if kind == "z-score":
        return float(values.mean()), float(values.std()) or 1.0
    if kind == "min-max":
        return float(values.min()), float(values.max() - values.min())
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    return float(middle), float(high - low) or 1.0

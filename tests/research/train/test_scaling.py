"""Scaling is fitted on the training part, and defined for every column."""

from typing import Any

import numpy as np
import pytest

from research.train.scaling import fit

KINDS = ("z-score", "min-max", "robust", "none")


def rows(seed: int = 0) -> Any:
    """Columns of different size, with a missing value."""
    made = np.random.default_rng(seed).normal(5, 2, (200, 3)) * [1.0, 1e-6, 1e6]
    made[7, 1] = np.nan
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_the_test_part_changes_nothing(kind: Any) -> None:
    """Rows after the training part cannot reach a scale that is fitted on the training part alone."""
    every = rows()
    before = fit(kind, every[:150])
    scaled = before.apply(every[:150])
    every[150:] *= 1e9
    after = fit(kind, every[:150])
    assert after == before
    assert np.array_equal(after.apply(every[:150]), scaled, equal_nan=True)
    assert kind == "none" or fit(kind, every) != before  # a fit on all would have seen them


def test_scaled_columns_have_what_their_name_says() -> None:
    """By formulas that the module does not use."""
    every = rows()
    z = fit("z-score", every).apply(every)
    assert np.allclose(np.nanmean(z, axis=0), 0, atol=1e-9)
    assert np.allclose(np.nanstd(z, axis=0), 1)
    part = fit("min-max", every).apply(every)
    assert (np.nanmin(part, axis=0) == 0).all()
    assert np.allclose(np.nanmax(part, axis=0), 1)
    robust = fit("robust", every).apply(every)
    assert np.allclose(np.nanmedian(robust, axis=0), 0)
    low, high = np.nanquantile(robust, (0.25, 0.75), axis=0)
    assert np.allclose(high - low, 1)
    assert np.array_equal(fit("none", every).apply(every), every, equal_nan=True)


@pytest.mark.parametrize("kind", KINDS[:3])
def test_a_constant_column_becomes_0_and_a_missing_value_stays_missing(kind: Any) -> None:
    """0.1 has a mean that is not 0.1: a spread of rounding is no spread."""
    every = np.column_stack([np.full(30, 0.1), np.full(30, np.nan), np.arange(30.0)])
    scaled = fit(kind, every).apply(every)
    assert (scaled[:, 0] == 0).all()
    assert np.isnan(scaled[:, 1]).all()
    assert np.isfinite(scaled[:, 2]).all()


def test_what_cannot_be_scaled_is_refused() -> None:
    """An infinite value would make every other one 0."""
    every = rows()
    every[4, 2] = np.inf
    with pytest.raises(ValueError, match="row 4, column 2: inf: expected a finite value or NaN"):
        fit("z-score", every)
    with pytest.raises(ValueError, match="scaling 'zscore': expected one of none, z-score"):
        fit("zscore", rows())
    with pytest.raises(ValueError, match="expected 3 columns"):
        fit("robust", rows()).apply(rows()[:, :2])

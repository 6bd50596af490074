"""The moving average as one call on whatever a notebook has."""

import numpy as np
import pandas as pd
import pytest

from research import calculate_sma


def test_a_moving_average_of_a_list_an_array_and_a_series() -> None:
    """A notebook passes a column as it is."""
    for prices in ([1, 2, 3, 4], np.array([1, 2, 3, 4]), pd.Series([1.0, 2, 3, 4])):
        np.testing.assert_array_equal(calculate_sma(prices, 2), [np.nan, 1.5, 2.5, 3.5])


def test_a_window_that_is_none_is_refused() -> None:
    """An average over no price is no number."""
    with pytest.raises(ValueError, match="sma: window is 0; expected a whole number from 1"):
        calculate_sma([1.0], 0)

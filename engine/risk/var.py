"""The value at risk by three methods, for a look at the account from outside: they agree where returns are Gaussian.

    historical     the loss that at most 5 % of the past days exceed
    parametric     1.645 * deviation - mean of the day's profit, with the covariance of the past days
    monte carlo    the historical method over days drawn from a normal distribution of that mean and covariance

The gate uses the first one, in whole numbers (`caps/value_at_risk.py`). All are at least 0. `values` are the dollars of
each position, negative for a short one; `returns` has a row for each day with a return of each position.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import numpy.typing as npt

    Matrix = npt.ArrayLike

Number = TypeVar("Number", int, float, Fraction)
TAIL = 20  # one day of so many may lose more: 5 %
QUANTILE = 1.6448536269514722  # of the normal distribution, at 95 %
PATHS = 100_000
LEAST_DAYS = 2  # a deviation needs two


def exceeded_by_few(losses: Sequence[Number]) -> Number:
    """The loss that at most 5 % of these exceed."""
    return sorted(losses, reverse=True)[len(losses) // TAIL]


def historical(values: Sequence[float], returns: "Matrix") -> float:
    """The loss that at most 5 % of the days exceed."""
    held, days = _checked(values, returns)
    return float(max(0.0, exceeded_by_few((-(days @ held)).tolist())))


def parametric(values: Sequence[float], returns: "Matrix") -> float:
    """The loss at 95 % of a normal distribution with the mean and the covariance of the days."""
    import numpy as np  # noqa: PLC0415 - the gate does not need it

    held, days = _checked(values, returns)
    deviation = float(np.sqrt(held @ _covariance(days) @ held))
    return max(0.0, QUANTILE * deviation - float(days.mean(axis=0) @ held))


def monte_carlo(values: Sequence[float], returns: "Matrix", seed: int, paths: int = PATHS) -> float:
    """The loss that at most 5 % of the drawn days exceed; one seed gives one result."""
    import numpy as np  # noqa: PLC0415 - the gate does not need it

    held, days = _checked(values, returns)
    drawn = np.random.default_rng(seed).multivariate_normal(days.mean(axis=0), _covariance(days), paths)
    return historical(held.tolist(), drawn)


def _covariance(days: Any) -> Any:
    import numpy as np  # noqa: PLC0415 - the gate does not need it

    return np.atleast_2d(np.cov(days, rowvar=False))


def _checked(values: Sequence[float], returns: "Matrix") -> tuple[Any, Any]:
    """Both as arrays; a ValueError names the shape, or the value that is no number."""
    import numpy as np  # noqa: PLC0415 - the gate does not need it

    held, days = np.asarray(values, float), np.asarray(returns, float)
    if days.ndim != 2 or days.shape[1] != held.size or len(days) < LEAST_DAYS:  # noqa: PLR2004 - days and positions
        raise ValueError(f"returns have the shape {days.shape}, expected at least {LEAST_DAYS} days by {held.size}")
    if not (np.isfinite(held).all() and np.isfinite(days).all()):
        raise ValueError("a value or a return is no finite number: leave that position or that day out")
    return held, days

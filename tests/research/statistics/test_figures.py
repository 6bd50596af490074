"""Each figure against a plain formula that shares no code with it."""

import itertools
import math
import random
import statistics
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.statistics import (
    Undefined,
    calmar,
    capacity,
    deflated_sharpe,
    drawdowns,
    interval,
    luckiest,
    max_drawdown,
    overfit,
    paths_of,
    per_year,
    profit_factor,
    returns_of,
    sharpe,
    sharpe_error,
    sharpe_interval,
    sortino,
    turnover,
    win_rate,
    yearly_return,
)
from research.statistics.intervals import stationary

EXACT = 1e-12
MINUTE_NS = 60_000_000_000
steps = st.lists(st.floats(-0.5, 0.5).map(lambda one: round(one, 9)), min_size=3, max_size=60)
money = st.lists(st.floats(-1e6, 1e6).map(lambda one: round(one, 6)), min_size=1, max_size=60)


def equal(found: float, expected: float) -> bool:
    """Whether two numbers differ by 1e-12 of their size at most."""
    return math.isclose(found, expected, rel_tol=EXACT, abs_tol=EXACT)


def exact(values: list[float]) -> tuple[Fraction, Fraction]:
    """The mean and the variance with n - 1, in whole numbers."""
    many = [Fraction(one) for one in values]
    mean = sum(many) / len(many)
    return mean, sum((one - mean) ** 2 for one in many) / (len(many) - 1)


@given(steps)
def test_sharpe_is_the_mean_over_the_deviation_of_a_year(values: list[float]) -> None:
    """A year has 365 days of 24 hours, and the deviation n - 1."""
    mean, variance = exact(values)
    if float(max(values) - min(values)) < 1e-6:
        return
    expected = float(mean) / math.sqrt(variance) * math.sqrt(365 * 24 * 60)
    assert equal(sharpe(np.array(values), per_year(MINUTE_NS)), expected)


@given(steps)
def test_sortino_is_the_mean_over_the_deviation_below_zero(values: list[float]) -> None:
    """The deviation counts every step, also those above 0."""
    mean, _ = exact(values)
    below = sum(Fraction(one) ** 2 for one in values if one < 0) / len(values)
    if below == 0:
        with pytest.raises(Undefined, match="no return is below 0"):
            sortino(np.array(values), 10.0)
    elif below > Fraction(1, 10**15):
        assert equal(sortino(np.array(values), 10.0), float(mean) / math.sqrt(below) * math.sqrt(10))


@given(st.lists(st.floats(1.0, 1e6), min_size=2, max_size=60))
def test_drawdown_is_lost_from_the_highest_equity(values: list[float]) -> None:
    """Each step is compared with every step before it."""
    expected = [1 - one / max(values[: at + 1]) for at, one in enumerate(values)]
    assert all(map(equal, drawdowns(np.array(values)), expected))
    assert equal(max_drawdown(np.array(values)), max(expected))


@given(st.lists(st.floats(90.0, 110.0), min_size=3, max_size=60))
def test_calmar_is_the_yearly_return_over_the_drawdown(values: list[float]) -> None:
    """The return of a year is compounded."""
    whole = values[-1] / values[0]
    yearly = whole ** (50 / (len(values) - 1)) - 1
    lost = max(1 - one / max(values[: at + 1]) for at, one in enumerate(values))
    if math.log(whole) * 50 / (len(values) - 1) > math.log(1e6):
        with pytest.raises(Undefined, match="too short"):
            yearly_return(np.array(values), 50.0)
        return
    assert math.isclose(yearly_return(np.array(values), 50.0), yearly, rel_tol=1e-9, abs_tol=1e-9)
    if lost > 0:
        assert equal(calmar(np.array(values), 50.0) * lost, yearly_return(np.array(values), 50.0))


@given(money)
def test_trades_won_and_what_they_won(values: list[float]) -> None:
    """A trade of 0 is not won."""
    profits = np.array(values)
    assert equal(win_rate(profits), sum(one > 0 for one in values) / len(values))
    lost = -sum(Fraction(one) for one in values if one < 0)
    if lost == 0:
        with pytest.raises(Undefined, match="no trade lost"):
            profit_factor(profits)
    else:
        assert equal(profit_factor(profits), float(sum(Fraction(one) for one in values if one > 0) / lost))


def test_turnover_and_capacity_are_those_of_a_small_example() -> None:
    """3 000 traded with a mean equity of 1 000 in two of ten steps a year; a market that traded 300 000."""
    equity = np.array([900.0, 1_000.0, 1_100.0])
    assert equal(turnover(3_000.0, equity, 10.0), 15.0)
    assert equal(capacity(1_000.0, 3_000.0, 300_000.0), 1_000.0)
    assert equal(capacity(1_000.0, 3_000.0, 3_000_000.0, share_most=0.05), 50_000.0)
    for notional, market in ((0.0, 1.0), (1.0, 0.0), (1.0, math.nan)):
        with pytest.raises(Undefined):
            capacity(1_000.0, notional, market)


def test_returns_are_parts_of_the_equity_before() -> None:
    """From a capital that is lost no return is defined."""
    assert returns_of(np.array([100.0, 110.0, 99.0])) == pytest.approx([0.1, -0.1], abs=EXACT)
    with pytest.raises(Undefined, match="step 1 is 0"):
        returns_of(np.array([100.0, 0.0, 99.0]))


@pytest.mark.parametrize("figure", [lambda row: sharpe(row, 1.0), lambda row: sortino(row, 1.0), max_drawdown])
@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_number_that_is_not_finite_is_refused(figure: Callable[[np.ndarray], float], wrong: float) -> None:
    """It would make the figure nan, which no threshold refuses."""
    with pytest.raises(ValueError, match=r"value 1 is (nan|inf), expected a finite number"):
        figure(np.array([1.0, wrong, 2.0]))


@pytest.mark.parametrize("values", [[], [0.01], [0.01] * 5, [0.1 + 0.2, 0.3, 0.3]])
def test_too_few_or_equal_returns_have_no_sharpe(values: list[float]) -> None:
    """Rounding alone is no deviation: it would give a Sharpe of millions."""
    with pytest.raises(Undefined):
        sharpe(np.array(values), 1.0)


@given(steps)
def test_the_error_of_a_sharpe_is_that_of_mertens(values: list[float]) -> None:
    """Skew and kurtosis by plain sums."""
    mean = statistics.fmean(values)
    second = math.fsum((one - mean) ** 2 for one in values) / len(values)
    if second < 1e-6:
        return
    third = math.fsum((one - mean) ** 3 for one in values) / len(values) / second**1.5
    fourth = math.fsum((one - mean) ** 4 for one in values) / len(values) / second**2
    one = mean / statistics.stdev(values)
    variance = (1 - third * one + (fourth - 1) / 4 * one * one) / (len(values) - 1)
    if variance <= 1e-9:
        return
    assert math.isclose(sharpe_error(np.array(values), 9.0), 3 * math.sqrt(variance), rel_tol=1e-9)


def test_an_interval_covers_the_truth_as_often_as_its_level() -> None:
    """Of 300 samples with a known Sharpe, both intervals cover it in about 95 of 100."""
    generator = np.random.default_rng(7)
    covered = {"formula": 0, "drawn": 0}
    for _ in range(300):
        values = generator.normal(0.1, 1.0, 250)
        found = {
            "formula": sharpe_interval(values, 1.0),
            "drawn": interval(values, lambda row: sharpe(row, 1.0), block=5, draws=200, seed=3),
        }
        for name, one in found.items():
            covered[name] += one.low <= 0.1 <= one.high
    assert all(0.90 <= count / 300 <= 0.985 for count in covered.values()), covered


def test_a_block_keeps_what_follows_together() -> None:
    """The mean length of a run of neighbours is the block's, and a seed gives the same draws."""
    places = stationary(1_000, 20.0, 50, seed=1)
    follows = (places[:, 1:] == (places[:, :-1] + 1) % 1_000).mean()
    assert 1 / (1 - follows) == pytest.approx(20, rel=0.1)
    assert (places == stationary(1_000, 20.0, 50, seed=1)).all()


def test_the_best_of_many_without_skill_is_not_significant() -> None:
    """The same returns are convincing alone and not as the best of 1 000 trials."""
    generator = np.random.default_rng(11)
    trials = generator.normal(0.0, 1.0, (1_000, 500))
    sharpes = np.array([sharpe(one, 1.0) for one in trials])
    best = trials[sharpes.argmax()]
    alone, deflated = deflated_sharpe(best, sharpes.max(keepdims=True)), deflated_sharpe(best, sharpes)
    assert alone > 0.99
    assert 0.05 < deflated < 0.95
    assert luckiest(float(sharpes.std(ddof=1)), 1_000) == pytest.approx(sharpes.max(), rel=0.15)


def plain_overfit(returns: np.ndarray, blocks: int) -> float:
    """The same probability, computed from whole halves."""
    parts = np.array_split(returns, blocks)
    below = []
    for half in itertools.combinations(range(blocks), blocks // 2):
        chosen = np.concatenate([parts[one] for one in half])
        other = np.concatenate([parts[one] for one in range(blocks) if one not in half])
        first, second = (one.mean(0) / one.std(0) for one in (chosen, other))
        rank = sorted(second).index(second[first.argmax()]) + 1
        below.append(rank / (returns.shape[1] + 1) <= 0.5)
    return sum(below) / len(below)


def test_overfitting_is_counted_over_all_halves() -> None:
    """Equal to the plain computation; near 0 where one trial is better than all, far above it for noise."""
    seed = random.randrange(1 << 30)
    generator = np.random.default_rng(seed)
    noise = generator.normal(0, 1, (160, 9))
    assert overfit(noise, 8) == plain_overfit(noise, 8), seed
    skilled = noise.copy()
    skilled[:, 4] += 2.0
    assert overfit(skilled, 8) == 0.0
    assert np.mean([overfit(generator.normal(0, 1, (160, 20)), 8) for _ in range(20)]) > 0.3
    with pytest.raises(ValueError, match="even number"):
        overfit(noise, 7)


def test_other_orders_of_the_trades_have_a_spread_and_a_ruin() -> None:
    """Trades that lose on average ruin; a worse execution lowers every quantile; a seed repeats."""
    generator = np.random.default_rng(5)
    profits, notionals = generator.normal(1.0, 30.0, 400), np.full(400, 1_000.0)
    plain, worse = (paths_of(profits, notionals, 1_000.0, slippage_bps=bps, seed=9) for bps in (0.0, 20.0))
    assert plain.spread > 0
    assert (np.diff(plain.returns) > 0).all()
    assert (worse.returns < plain.returns).all()
    assert worse.ruin > plain.ruin
    assert paths_of(profits - 20, notionals, 1_000.0).ruin == 1.0
    again = paths_of(profits, notionals, 1_000.0, seed=9)
    assert (again.returns == plain.returns).all()
    assert (again.band == plain.band).all()


def test_the_cost_of_a_worse_execution_has_the_mean_that_was_asked_for() -> None:
    """Trades that earn nothing lose the slippage of what was traded."""
    found = paths_of(np.zeros(2_000), np.full(2_000, 100.0), 1e6, slippage_bps=10.0, paths=200)
    assert found.returns[2] * 1e6 == pytest.approx(-2_000 * 100.0 * 10 / 1e4, rel=0.01)


def test_what_paths_cannot_use_is_refused() -> None:
    """A capital of 0 would divide."""
    with pytest.raises(Undefined, match="at least 2"):
        paths_of(np.ones(1), np.ones(1), 1.0)
    with pytest.raises(ValueError, match="capital 0"):
        paths_of(np.ones(2), np.ones(2), 0.0)

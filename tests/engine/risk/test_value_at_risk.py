"""The value at risk: its limit in the gate, and the three methods."""

import math
from decimal import Decimal

import numpy as np
import pytest

from engine.model.words import BUY, SELL, Reason
from engine.risk.caps.value_at_risk import ValueAtRisk
from engine.risk.gate import APPROVED, Refusal
from engine.risk.history.returns import DAY_NS, UNIT, Returns
from engine.risk.table import read_risk
from engine.risk.var import historical, monte_carlo, parametric
from tests.engine.risk.test_gate import NOW_NS, Desk, Held

TODAY, WINDOW = NOW_NS // DAY_NS, 100
WIDE = {"max_order_size_usd": Decimal(10**9), "max_position_usd": Decimal(10**9), "usd_instruments": {"BTC": 1}}
BTC_USD = 6_000_025_000  # 0.1 BTC at the middle, in millionths of a dollar


def fallen(day: int) -> int:
    """A history in which day n of the window falls by n tenths of a percent."""
    return -(day - (TODAY - WINDOW) + 1) * UNIT // 1000


def desk(usd: object, days: "range | None" = None) -> Desk:
    """A gate with the limit, and these days of history of BTC; ETHBTC moves against BTC."""
    made = Desk(caps=(ValueAtRisk(Decimal(str(usd))),), var_window_days=WINDOW, **WIDE)
    days = range(TODAY - WINDOW, TODAY) if days is None else days
    returns: Returns = made.gate.account.returns
    returns.replace({1: {day: fallen(day) for day in days}, 2: {day: -fallen(day) for day in days}})
    return made


def test_the_limit_is_the_loss_that_five_days_of_a_hundred_exceed() -> None:
    """0.1 BTC loses 9.5 % on the sixth worst day: 570.002375 dollars."""
    assert desk("570.002375").check() is APPROVED
    assert desk("570.002374").check() == Refusal(Reason.VAR_TOO_HIGH, 570_002_375, 570_002_374)


def test_a_short_position_gains_where_prices_fall() -> None:
    """Which side is at risk is a matter of the past days."""
    assert desk(1).check(side=SELL) is APPROVED


def test_open_orders_count_on_the_side_that_loses() -> None:
    """They may be filled before the day is over."""
    made = desk(1000)
    made.held.open_buy = 10_000
    assert made.reason() == Reason.VAR_TOO_HIGH
    made.held.open_buy, made.held.open_sell = 0, 10_000
    assert made.check() is APPROVED


def test_what_hedges_a_holding_lowers_its_risk() -> None:
    """A limit on the gross would refuse the order that makes the account safer."""
    made = desk(1000)
    made.exposures[2] = Held(size=20_000)  # 2 ETH at 0.05001 BTC: 6,001 dollars, which rise as BTC falls
    assert desk(500).reason() == Reason.VAR_TOO_HIGH
    assert made.check() is APPROVED


def test_an_order_that_does_not_raise_the_risk_passes_above_the_limit() -> None:
    """Else an account above its limit could not be led back below it."""
    made = desk(1)
    made.held.size = 50_000
    assert made.check(side=SELL) is APPROVED
    assert made.reason(side=BUY) == Reason.VAR_TOO_HIGH


@pytest.mark.parametrize(
    ("days", "found"),
    [
        (range(0), 0),
        (range(TODAY - 89, TODAY), 89),
        (range(TODAY - WINDOW, TODAY - 8), 0),  # 92 days, and the newest is too old
    ],
)
def test_without_enough_history_entries_are_refused_and_exits_are_not(days: range, found: int) -> None:
    """A risk that is not known is not small; the way out stays open."""
    made = desk(10**6, days)
    assert made.check() == Refusal(Reason.NO_HISTORY, found, 90)
    made.own.size = made.held.size = 10_000
    assert made.check(side=SELL) is APPROVED


def test_one_holding_without_history_refuses_every_entry() -> None:
    """A sum that leaves a position out would pass any limit."""
    made = desk(10**6)
    made.gate.account.returns.replace({1: {day: fallen(day) for day in range(TODAY - WINDOW, TODAY)}})
    assert made.check() is APPROVED
    made.exposures[2] = Held(open_sell=1)
    assert made.reason() == Reason.NO_HISTORY


def test_the_next_day_moves_the_window() -> None:
    """The vectors of yesterday must not decide today: each worst day moves one place."""
    made = desk(570.002375, range(TODAY - WINDOW, TODAY + 1))
    assert made.check() is APPROVED
    for top in made.tops.values():
        top.update(top.state, top.bid, top.ask, NOW_NS + DAY_NS)
    assert made.reason(now_ns=NOW_NS + DAY_NS, decided_ns=NOW_NS + DAY_NS) == Reason.VAR_TOO_HIGH


@pytest.mark.parametrize(
    ("table", "error"),
    [
        ({"var_limit_1d_95": 5000}, "var_limit_1d_95: needs var_history"),
        ({"var_limit_1d_95": 0, "var_history": "a"}, "var_limit_1d_95: must be positive, was 0"),
        ({"var_limit_1d_95": "nan", "var_history": "a"}, "var_limit_1d_95"),
        ({"var_window_days": 19}, "var_window_days must be 20 to 1000, was 19"),
        ({"var_window_days": 1001}, "was 1001"),
    ],
)
def test_a_limit_that_bounds_nothing_is_refused_by_its_key(table: dict[str, object], error: str) -> None:
    """The mistake is found before the system starts."""
    with pytest.raises(ValueError, match=error):
        read_risk(table)


def test_three_methods_agree_on_gaussian_returns() -> None:
    """Within 3 %: four deviations of the quantile over so many days and paths. One that is wrong shows here."""
    draw = np.random.default_rng(11)
    covariance = np.array([[4e-4, 2e-4, -1e-4], [2e-4, 9e-4, 0], [-1e-4, 0, 1e-4]])
    returns = draw.multivariate_normal([1e-3, 0, -5e-4], covariance, 40_000)
    values = [50_000.0, -20_000.0, 80_000.0]
    exact = 1.6448536 * math.sqrt(np.array(values) @ covariance @ values) - (50 - 40)
    for found in (historical(values, returns), parametric(values, returns), monte_carlo(values, returns, 3)):
        assert found == pytest.approx(exact, rel=0.03)
    assert monte_carlo(values, returns, 3) == monte_carlo(values, returns, 3)
    assert monte_carlo(values, returns, 3) != monte_carlo(values, returns, 4)


def test_fat_tails_part_the_methods() -> None:
    """The agreement above is a property of the data, not of one code under three names."""
    returns = np.full((1000, 1), 0.001)
    returns[::25] = -0.2  # 4 % of the days
    assert historical([100.0], returns) == 0.0
    assert parametric([100.0], returns) > 5.0


@pytest.mark.parametrize("method", [historical, parametric, lambda *of: monte_carlo(*of, 1)])
@pytest.mark.parametrize(
    ("values", "returns", "error"),
    [
        ([1.0], [[0.1, 0.2], [0.1, 0.2]], r"shape \(2, 2\), expected at least 2 days by 1"),
        ([1.0], [[0.1]], "at least 2 days"),
        ([1.0], [], "at least 2 days"),
        ([math.nan], [[0.1], [0.2]], "no finite number"),
        ([1.0], [[math.inf], [0.2]], "no finite number"),
    ],
)
def test_a_method_refuses_what_is_no_number(method: object, values: object, returns: object, error: str) -> None:
    """A NaN compares as no limit at all."""
    with pytest.raises(ValueError, match=error):
        method(values, returns)  # type: ignore[operator]

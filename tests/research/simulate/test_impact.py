"""The cost of our own taking, on the smallest tapes that show it: exact, by family, by order and by half-life."""

from typing import Any

import pytest

from engine.strategy import BUY, SELL
from research.simulate import Assumption, Constant, Impact, Models, Result
from tests.research.simulate.test_rules import MODELS, events, run


def taken(impact: Impact | None, *orders: tuple[int, int, int]) -> Result:
    """The run of these orders over a book of 100 x 5 against 102 x 4."""
    models = Models(Constant(1), Constant(1), MODELS.fees, impact=impact)
    return run(events(), *orders, models=models)[0]


def costs(impact: Impact | None, *orders: tuple[int, int, int]) -> list[int]:
    """What each fill costs beside its price, in 1e-8 of the quote currency."""
    return taken(impact, *orders).fills["impact"].tolist()


def test_a_fill_costs_its_share_of_the_notional_and_its_fee_includes_it() -> None:
    """1.02 * 0.004 = 0.00408 is a fifth of 0.0204: a fifth of 100 bps linear, and its root, 44.7214 bps."""
    order = (BUY, 4, 102)
    assert costs(Impact.of("linear", "100", "0.0204"), order) == [816]
    assert costs(Impact.of("square_root", "100", "0.0204"), order) == [1825]
    fees = [taken(one, order).fills["fee"].tolist() for one in (Impact.of("linear", "100", "0.0204"), None)]
    assert fees[0] == [fees[1][0] + 816]
    assert costs(None, order) == [0]


def test_the_impact_costs_the_same_on_both_sides_and_nothing_when_an_order_rests() -> None:
    """A seller's price falls as a buyer's rises."""
    impact = Impact.of("linear", "100", "0.02")
    assert costs(impact, (SELL, 4, 100)) == [800]
    assert costs(impact, (BUY, 4, 99)) == []


def test_two_orders_share_an_impact_only_within_its_half_life() -> None:
    """The second of two equal halves pays more while the first is remembered, and the same when it is not."""
    halves = (BUY, 2, 102), (BUY, 2, 102)
    apart = costs(Impact.of("linear", "100", "0.0204"), *halves)
    assert apart == [204, 204]
    together = costs(Impact.of("linear", "100", "0.0204", half_life_ns=10**15), *halves)
    assert together == [204, 408]


def test_an_order_of_the_other_side_gains_nothing_from_an_impact() -> None:
    """A strategy must not earn the impact that it makes."""
    back = costs(Impact.of("linear", "100", "0.0204", half_life_ns=10**15), (BUY, 4, 102), (SELL, 2, 100))
    assert back == [816, 0]


def test_an_impact_never_exceeds_half_of_the_price() -> None:
    """Execution halts an instrument whose fee is more than what was traded, because no venue has such a fee."""
    assert costs(Impact.of("linear", "10000", "0.000001"), (BUY, 4, 102)) == [204_000]


def test_a_run_without_an_impact_names_it_and_one_with_it_has_its_price() -> None:
    """What favours the strategy is in the table, with the money that it adds."""

    def row(impact: Impact | None) -> Assumption | None:
        models = Models(Constant(1), Constant(1), MODELS.fees, impact=impact)
        found = run(events(), (BUY, 4, 102), models=models, price_assumptions=True)[0].assumptions
        return next((one for one in found if one.name == "no_impact"), None)

    without, with_ = row(None), row(Impact.of("linear", "100", "0.0204"))
    assert without is not None
    assert without.made
    assert "give its models `Impact`" in without.unpriced
    assert with_ is not None
    assert not with_.made
    assert with_.pnl == pytest.approx(816e-8)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("cubic", "1", "1"), "impact: found 'cubic', expected one of linear, square_root"),
        (("linear", "0", "1"), "impact: found bps Decimal"),
        (("linear", "10001", "1"), "at most 10000"),
        (("linear", "1", "0"), "impact: found notional"),
        (("linear", "1", "NaN"), "impact: found notional"),
        (("linear", "NaN", "1"), "impact: found bps"),
        (("linear", "1", "1", 0.5), "impact: found half_life_ns 0.5"),
    ],
)
def test_a_wrong_impact_is_refused_when_it_is_made(arguments: Any, text: str) -> None:
    """The line that has the mistake is the line that fails."""
    with pytest.raises(ValueError, match=text):
        Impact.of(*arguments)

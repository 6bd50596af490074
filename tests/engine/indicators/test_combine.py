"""Several signals as one decision: weights, votes, conflicts, quorum, threshold, veto."""

from itertools import product
from math import isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.indicators.combine import Combiner, Conflict, Decision, Rule, Signal, Why, between
from engine.model.words import BUY, SELL

THREE = (Signal("a", 2.0), Signal("b"), Signal("c"))
SCORES = st.one_of(st.floats(-1, 1), st.just(nan), st.sampled_from([-1.0, 0.0, 1.0]))
COMBINERS = [Combiner(THREE, rule, conflict, 0.2, 0.5) for rule, conflict in product(Rule, Conflict)]


def scores(a: float, b: float, c: float) -> dict[str, float]:
    """Scores by name."""
    return {"a": a, "b": b, "c": c}


def test_weights_make_the_score() -> None:
    """Σ weight · score / Σ weight, of those that have an opinion."""
    combiner = Combiner(THREE, quorum=0.5)
    assert combiner.combine(scores(1, -1, 0.5)) == Decision(BUY, 1.5 / 4, Why.COMBINED)
    assert combiner.combine(scores(nan, -1, 0.5)) == Decision(SELL, -0.25, Why.COMBINED)


def test_a_vote_counts_the_same_whatever_its_size() -> None:
    """One loud signal does not outvote two quiet ones."""
    combiner = Combiner((Signal("a"), Signal("b"), Signal("c")), Rule.VOTES)
    assert combiner.combine(scores(-1, 0.1, 0.1)).side == BUY
    assert combiner.combine(scores(-1, 0.1, 0)) == Decision(0, 0.0, Why.WEAK)


def test_without_a_quorum_nothing_is_decided() -> None:
    """After a restart the first signal that is ready must not trade for all of them."""
    assert Combiner(THREE).combine(scores(1, 1, nan)).reason is Why.UNKNOWN
    assert isnan(Combiner(THREE).combine(scores(1, 1, nan)).score)
    assert Combiner(THREE, quorum=0.75).combine(scores(1, 1, nan)).side == BUY
    assert Combiner(THREE, quorum=0.0).combine(scores(nan, nan, nan)).side == 0


@pytest.mark.parametrize(
    ("conflict", "given_scores", "side", "reason"),
    [
        (Conflict.NET, (0.5, -0.9, 0), BUY, Why.COMBINED),
        (Conflict.ABSTAIN, (0.5, -0.9, 0), 0, Why.CONFLICT),
        (Conflict.ABSTAIN, (0.5, 0.9, 0), BUY, Why.COMBINED),
        (Conflict.STRONGEST, (0.4, -0.9, 0), SELL, Why.COMBINED),
        (Conflict.STRONGEST, (0.5, -0.9, 0), BUY, Why.COMBINED),
        (Conflict.STRONGEST, (0.25, -0.5, 0), 0, Why.CONFLICT),
    ],
)
def test_a_conflict_is_decided_by_its_rule(
    conflict: Conflict, given_scores: tuple[float, float, float], side: int, reason: Why
) -> None:
    """Two signals that disagree are the case in which a rule matters."""
    found = Combiner(THREE, conflict=conflict).combine(scores(*given_scores))
    assert (found.side, found.reason) == (side, reason)


def test_a_result_below_the_threshold_is_no_side() -> None:
    """At the threshold itself it is one."""
    combiner = Combiner((Signal("a"),), threshold=0.5)
    assert combiner.combine({"a": 0.49}) == Decision(0, 0.49, Why.WEAK)
    assert combiner.combine({"a": -0.5}) == Decision(SELL, -0.5, Why.COMBINED)


def test_a_veto_stops_the_opposite_side_only() -> None:
    """The signal that watches for danger has no say in which way to trade."""
    combiner = Combiner((Signal("a", 5.0), Signal("flow", 1.0, veto=True)))
    assert combiner.combine({"a": 1.0, "flow": -0.1}) == Decision(0, (5 - 0.1) / 6, Why.VETO, "flow")
    assert combiner.combine({"a": 1.0, "flow": 0.0}).side == BUY


@given(st.sampled_from(COMBINERS), SCORES, SCORES, SCORES)
def test_opposite_scores_have_the_opposite_decision(combiner: Combiner, a: float, b: float, c: float) -> None:
    """No rule prefers buying; no score leaves -1 … 1."""
    one, other = combiner.combine(scores(a, b, c)), combiner.combine(scores(-a, -b, -c))
    assert (one.side, one.reason) == (-other.side, other.reason)
    assert one.score == -other.score or (isnan(one.score) and isnan(other.score))
    assert isnan(one.score) or -1 <= one.score <= 1


@given(st.sampled_from(COMBINERS), SCORES, SCORES, SCORES)
def test_the_order_of_equal_signals_does_not_matter(combiner: Combiner, a: float, b: float, c: float) -> None:
    """`b` and `c` have the same weight, so exchanging their scores exchanges nothing."""
    one, other = combiner.combine(scores(a, b, c)), combiner.combine(scores(a, c, b))
    assert (one.side, one.reason) == (other.side, other.reason)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Signal("a", 0), r"signal 'a': weight is 0; expected a number above 0"),
        (lambda: Signal("a", nan), r"weight is nan"),
        (lambda: Combiner(()), r"signals are \[\]; expected at least one"),
        (lambda: Combiner((Signal("a"), Signal("a"))), r"signals are \['a', 'a'\]"),
        (lambda: Combiner(THREE, threshold=1.5), r"threshold is 1.5; expected a number from 0 to 1"),
        (lambda: Combiner(THREE, quorum=nan), r"quorum is nan"),
        (lambda: Combiner(THREE, rule="sum"), r"'sum' is not a valid Rule"),
        (lambda: Combiner(THREE).combine({"a": 1.0}), r"scores are of \['a'\]; expected \['a', 'b', 'c'\]"),
        (lambda: Combiner(THREE).combine(scores(1, 2, 0)), r"the score of 'b' is 2; expected a number from -1 to 1"),
        (lambda: between(1, 5, 5), r"low and high are both 5"),
    ],
)
def test_rules_that_cannot_decide_are_refused(make: object, text: str) -> None:
    """A score of 40 where 0.4 was meant would outvote everything."""
    with pytest.raises(ValueError, match=text):
        make()  # type: ignore[operator]


def test_a_value_between_two_bounds_is_a_score() -> None:
    """An RSI of 30 is a reason to buy."""
    assert [between(rsi, 70, 30) for rsi in (10, 30, 50, 60, 70, 99)] == [1, 1, 0, -0.5, -1, -1]
    assert [between(x, 0, 4) for x in (0, 3, 9)] == [-1, 0.5, 1]
    assert isnan(between(nan, 0, 1))

"""Bands and hidden states of a market: no look ahead, equal to an independent library, and whole files only."""

import math
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hmmlearn.hmm import GaussianHMM
from hypothesis import given
from hypothesis import strategies as st

from engine.learning.regimes import Bands, HiddenFilter, HiddenModel, read_model, write_model

MODEL = HiddenModel(
    features=("volatility", "return"),
    states=("quiet", "wild"),
    start=(0.7, 0.3),
    transitions=((0.95, 0.05), (0.1, 0.9)),
    means=((1.0, 0.1), (3.0, -0.2)),
    covariances=(((0.3, 0.05), (0.05, 0.2)), ((1.0, -0.3), (-0.3, 0.8))),
)
NUMBER = st.one_of(st.floats(-10, 10), st.sampled_from([math.nan, math.inf, -math.inf, 1e300]))


def rows_of(seed: int, count: int) -> np.ndarray:
    """Rows of the model's range."""
    return np.random.default_rng(seed).normal(1.5, 1.5, (count, 2))


def oracle() -> GaussianHMM:
    """The same model in hmmlearn."""
    found = GaussianHMM(2, covariance_type="full")
    found.startprob_, found.transmat_ = np.array(MODEL.start), np.array(MODEL.transitions)
    found.means_, found.covars_ = np.array(MODEL.means), np.array(MODEL.covariances)
    return found


def test_the_likelihood_and_the_last_probabilities_are_those_of_an_independent_library() -> None:
    """After the last row the filter and the smoother of hmmlearn know the same."""
    rows, follower = rows_of(1, 500), HiddenFilter(MODEL)
    for count in (1, 2, 17, 500):
        found = follower.over(rows[:count])
        likelihood, posterior = oracle().score_samples(rows[:count])
        assert follower.log_likelihood == pytest.approx(likelihood, rel=1e-12, abs=1e-10)
        assert found[-1] == pytest.approx(posterior[-1], abs=1e-10)


@given(st.lists(st.tuples(NUMBER, NUMBER), min_size=1, max_size=30), st.integers(0, 30))
def test_a_stream_and_a_table_are_equal_bit_for_bit_and_see_no_future(
    rows: list[tuple[float, float]], cut: int
) -> None:
    """A label that later rows change was never known when it was traded on."""
    table, follower = np.array(rows), HiddenFilter(MODEL)
    whole = follower.over(table)
    streamed = HiddenFilter(MODEL)
    for row, expected in zip(rows, whole, strict=True):
        streamed.update(row)
        assert streamed.probabilities == expected.tolist()
        assert math.isclose(math.fsum(streamed.probabilities), 1.0)
    part = table[: min(cut, len(rows))]
    assert HiddenFilter(MODEL).over(part).tobytes() == whole[: len(part)].tobytes()


def test_a_missing_row_moves_by_the_transitions_alone() -> None:
    """Without data the regime of long ago must fade, not stay certain."""
    follower = HiddenFilter(MODEL)
    follower.update((6.0, 0.0))
    assert follower.name == "wild"
    for _ in range(200):
        follower.update((math.nan, 0.0))
    assert follower.probabilities == pytest.approx([2 / 3, 1 / 3], abs=1e-6)


def test_a_life_goes_on_where_the_last_one_ended() -> None:
    """SIGKILL in a regime must not begin the next life in the regime of the start."""
    rows, whole, first, second = rows_of(2, 40), HiddenFilter(MODEL), HiddenFilter(MODEL), HiddenFilter(MODEL)
    expected = whole.over(rows)
    for row in rows[:20].tolist():
        first.update(row)
    second.load(msgspec.msgpack.decode(msgspec.msgpack.encode(first.save())))
    for row, probabilities in zip(rows[20:].tolist(), expected[20:], strict=True):
        second.update(row)
        assert second.probabilities == probabilities.tolist()
    assert second.rows == 40
    assert second.log_likelihood == whole.log_likelihood


def test_bands_change_only_beyond_the_margin() -> None:
    """A number that trembles at a limit must not turn a strategy on and off."""
    bands = Bands(("low", "middle", "high"), (1.0, 2.0), margin=0.1)
    assert bands.over([0.5, 1.05, 1.11, 0.95, 0.89, math.nan, 2.05, 2.2, 0.5]) == [
        "low", "low", "middle", "middle", "low", "low", "middle", "high", "low",
    ]  # fmt: skip
    assert Bands(("a", "b"), (1.0,)).band == ""


@pytest.mark.parametrize("seed", range(3))
def test_planted_volatility_is_recovered_by_bands(seed: int) -> None:
    """At least nine of ten rows have the label that was planted."""
    drawn = np.random.default_rng(seed)
    planted = np.repeat(drawn.integers(0, 2, 20), 500)
    returns = drawn.normal(0, np.where(planted == 1, 0.03, 0.01))
    spread, found = 0.0, Bands(("quiet", "wild"), (0.018,), margin=0.002)
    labels = []
    for one in returns.tolist():
        spread = 0.94 * spread + 0.06 * one * one
        labels.append(found.update(spread**0.5) == "wild")
    assert np.mean(np.array(labels) == (planted == 1)) >= 0.9


def test_a_file_that_was_changed_is_refused(tmp_path: Path) -> None:
    """A model that was edited by hand is another model than the one that was validated."""
    file = tmp_path / "regimes.json"
    write_model(file, MODEL)
    assert read_model(file, MODEL.features).means == MODEL.means
    with pytest.raises(ValueError, match="its features are volatility, return, expected return"):
        read_model(file, ("return",))
    text = file.read_text()
    file.write_text(text.replace("0.95", "0.94").replace("0.05,", "0.06,", 1))
    with pytest.raises(ValueError, match="it was changed after it was written"):
        read_model(file)
    for wrong in (text[:100], "[]", text.replace('"format": 1', '"format": 2')):
        file.write_text(wrong)
        with pytest.raises(ValueError, match=r"regimes\.json: "):
            read_model(file)
    with pytest.raises(ValueError, match="No such file"):
        read_model(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ({"transitions": ((0.9, 0.2), (0.1, 0.9))}, "transitions: expected probabilities that add up to 1"),
        ({"start": (1.0,)}, r"start: expected finite numbers of shape \(2,\)"),
        ({"means": ((1.0,), (2.0, 3.0))}, "means: expected numbers of shape"),
        ({"means": ((math.nan, 0.0), (2.0, 3.0))}, "means: expected finite numbers"),
        ({"covariances": (((1.0, 2.0), (2.0, 1.0)), ((1.0, 0.0), (0.0, 1.0)))}, "covariance of quiet: .* definite"),
        ({"states": ()}, "0 states of 2 features"),
    ],
)
def test_a_model_that_does_not_hold_together_is_refused(part: dict[str, object], text: str) -> None:
    """The text names the part, before a market is read with it."""
    with pytest.raises(ValueError, match=text):
        HiddenFilter(msgspec.structs.replace(MODEL, **part))
    with pytest.raises(ValueError, match="expected 2 numbers, was 1"):
        HiddenFilter(MODEL).update((1.0,))

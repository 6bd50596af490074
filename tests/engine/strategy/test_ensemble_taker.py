"""The sample that learns: the right predictor gains weight, the size follows the exposure."""

import math
from typing import Any

import pytest

from engine.learning import Belief
from engine.model.text import bare
from engine.model.words import BUY
from engine.strategy import Book, Strategy, exposed
from engine.strategy.harness import BITCOIN, Harness
from engine.strategy.samples import EnsembleTaker

PARAMETERS = {"size": "1", "horizon_ms": 2, "lean": 0.8}
PRICES = (("60000.00", "60000.01"), ("60000.10", "60000.11"))


def turn(harness: Harness, high: int) -> list[Any]:
    """The middle turns; the trades, and the heavier side of the book, say that it goes on."""
    bid, ask = PRICES[high]
    intents = harness.print_(BUY if high else -BUY, "1", bid)
    heavy = ("9", "1") if high else ("1", "9")
    return intents + harness.book([(bid, heavy[0])], [(ask, heavy[1])])


def turned(times: int) -> tuple[Harness, list[Any]]:
    """A strategy that saw a market in which only reversal is right, and its intents, which are filled at once."""
    harness, intents = Harness(EnsembleTaker, PARAMETERS), []
    for number in range(times):
        for intent in turn(harness, number % 2):
            intents.append(intent)
            harness.fill(intent)
    return harness, intents


def test_the_predictor_that_is_right_gains_weight_and_the_cell_shows_it() -> None:
    """A learned weight that nobody sees cannot be judged by an operator."""
    harness, _ = turned(200)
    row = harness.belief
    weights = dict(zip(bare(row.names).decode().split(","), row.weights, strict=False))
    assert weights["reversal"] > 0.8
    assert weights == pytest.approx(harness.strategy.ensemble.experts.weights)
    assert row.probability == pytest.approx(0.5, abs=0.5)
    assert row.exposure == 1.0


def test_it_begins_with_nothing_and_trades_its_whole_size_when_it_has_learned() -> None:
    """Before it knows that it is right, it risks nothing."""
    _, intents = turned(200)
    entries = [intent.size for intent in intents if intent.side == BUY]
    assert entries
    assert entries[-1] == 100_000
    assert entries[0] < 100_000
    assert {intent.size for intent in intents} - {100_000}, "the exposure never changed a size"


@pytest.mark.parametrize(
    ("exposure", "size"), [(0.0, 0), (1.0, 1_000), (0.25, 250), (0.2509, 250), (1e-9, 0), (math.nan, 0)]
)
def test_the_exposure_is_multiplied_and_rounded_down(exposure: float, size: int) -> None:
    """A size that is rounded up trades more than the model allows."""
    assert exposed(BITCOIN, 1_000, exposure) == size


@pytest.mark.parametrize("exposure", [-0.1, 1.1, math.inf])
def test_an_exposure_beyond_one_is_refused(exposure: float) -> None:
    """A multiplier over 1 would pass the size that the author allowed."""
    with pytest.raises(ValueError, match="exposure: expected a number from 0 to 1"):
        exposed(BITCOIN, 1_000, exposure)


class Shows(Strategy):
    """Publishes two beliefs in one hook."""

    def on_book(self, _book: Book) -> None:
        """The second one counts."""
        self.publish_belief(Belief(0.1, 0.2, 0.3, {}))
        names = {f"a long name of an expert {one}": 1 / 8 for one in range(8)}
        self.publish_belief(Belief(math.nan, math.nan, 0.0, names), regime="w" * 40)


class ShowsNumbers(Strategy):
    """Publishes no Belief."""

    def on_book(self, _book: Book) -> None:
        """A tuple of the same shape has no names."""
        self.publish_belief((0.1, 0.2, 0.3, {}))  # type: ignore[arg-type]


def test_the_last_belief_of_a_step_counts_and_long_names_are_cut() -> None:
    """A text that is too long must not stop a strategy that trades."""
    harness = Harness(Shows, {})
    assert harness.belief is None
    harness.book([("1.00", "1")], [("1.01", "1")])
    assert math.isnan(harness.belief.probability)
    assert harness.belief.weights == (1 / 8,) * 8
    assert bare(harness.belief.regime) == b"w" * 24
    with pytest.raises(TypeError, match=r"publish_belief: expected a Belief of engine\.learning, was \(0\.1"):
        Harness(ShowsNumbers, {}).book([("1.00", "1")], [("1.01", "1")])


@pytest.mark.parametrize(
    ("wrong", "text"),
    [({"exit": 0.6}, "exit must be below entry"), ({"trust_low": 0.7}, "trust_low must be below trust_high")],
)
def test_wrong_limits_are_refused(wrong: dict[str, float], text: str) -> None:
    """An entry below the exit would leave as it enters."""
    with pytest.raises(ValueError, match=text):
        Harness(EnsembleTaker, {"size": "1", **wrong})

"""An ensemble that knows when to hold back: the experts' mean, how far to trust it, and how much to trade on it.

    ensemble = Ensemble(("trend", "flow"), regimes=("volatility",), exposure=Exposure(0.5, 0.65))

    belief = ensemble.predict(now_ns, (0.8, 0.6), (1.3,))    probability, confidence, exposure, weights
    size = exposed(instrument, size, belief.exposure)        before the order is placed: risk checks what is left
    ensemble.observe(now_ns, outcome=1.0)                    when the event that was predicted at that time is known

`confidence` is 1 - the probability that the side of the prediction fails. The failure model sees, in this order: the
recent loss of each expert, how far the experts disagree, how near to 1/2 their mean is, and the regimes that the caller
gives. `exposure` is 0 up to `low` and 1 from `high` on, and a straight line between; 0 where the confidence is unknown.

The state is what `save` of a strategy returns: after a death the next life goes on with every weight and every
prediction whose outcome is open. At most `OPEN_MOST` are: the oldest is forgotten, and counted.
"""

import copy
from collections.abc import Sequence
from math import isnan, nan
from typing import NamedTuple

import msgspec

from engine.learning.experts import Experts, Weights
from engine.learning.failures import INPUTS_MOST, Failures, unknown

OPEN_MOST = 32
RECENT = 0.05  # the part of the newest loss in the mean of recent losses
EVEN = 0.5


class Exposure(NamedTuple):
    """How much of a size is traded at a confidence."""

    low: float = 0.5
    high: float = 0.65

    def of(self, confidence: float) -> float:
        """A number from 0 to 1 that does not fall where the confidence rises."""
        if isnan(confidence) or confidence <= self.low:
            return 0.0
        return min((confidence - self.low) / (self.high - self.low), 1.0)


class Belief(NamedTuple):
    """What an ensemble predicts, and how far it trusts itself."""

    probability: float
    confidence: float
    exposure: float
    weights: dict[str, float]


class Open(msgspec.Struct, array_like=True):
    """A prediction whose outcome is not known yet."""

    time_ns: int
    predictions: list[float]
    inputs: list[float]
    side: bool


class Learned(msgspec.Struct):
    """Everything that an ensemble has learned."""

    names: tuple[str, ...]  # of the inputs, which name the experts too: a state of others is refused
    weights: Weights
    failures: Failures
    recent: list[float]
    open: list[Open] = []
    forgotten: int = 0


class Ensemble:
    """Experts, and a model of when their mean fails."""

    def __init__(
        self,
        names: Sequence[str],
        regimes: Sequence[str] = (),
        *,
        share: float = 0.01,
        exposure: Exposure | None = None,
        failures: Failures | None = None,
    ) -> None:
        """Begin with equal weights; `failures` is a fitted model of the same inputs, else nothing is known yet."""
        self.experts, self.regimes = Experts(names, share), tuple(regimes)
        self.curve = Exposure() if exposure is None else exposure
        if not 0 <= self.curve.low < self.curve.high <= 1:
            raise ValueError(f"exposure: expected 0 <= low < high <= 1, was {self.curve.low} and {self.curve.high}")
        count = len(self.inputs)
        if count > INPUTS_MOST:
            raise ValueError(
                f"{len(names)} experts and {len(regimes)} regimes are {count} inputs, expected at most {INPUTS_MOST}"
            )
        model = unknown(count) if failures is None else copy.deepcopy(failures)  # two ensembles learn apart
        if len(model.means) != count:
            raise ValueError(
                f"failures: fitted on {len(model.means)} inputs, expected {count}: {', '.join(self.inputs)}"
            )
        self.learned = Learned(self.inputs, self.experts.state, model, [0.25] * len(names))

    @property
    def inputs(self) -> tuple[str, ...]:
        """The inputs of the failure model, in their order."""
        return (*(f"loss of {name}" for name in self.experts.names), "disagreement", "margin", *self.regimes)

    def predict(self, time_ns: int, predictions: Sequence[float], regimes: Sequence[float] = ()) -> Belief:
        """The belief of now; its outcome is given to `observe` under this time."""
        inputs = self.inputs_of(predictions, regimes)
        probability = float(self.experts.probability(predictions))
        if isnan(probability):
            return Belief(nan, nan, 0.0, self.experts.weights)
        confidence = 1 - self.learned.failures.probability(inputs)
        self._keep(Open(time_ns, [float(one) for one in predictions], inputs, probability > EVEN))
        return Belief(probability, confidence, self.curve.of(confidence), self.experts.weights)

    def inputs_of(self, predictions: Sequence[float], regimes: Sequence[float] = ()) -> list[float]:
        """What the failure model sees of a prediction."""
        if len(regimes) != len(self.regimes):
            raise ValueError(f"regimes: expected {len(self.regimes)} ({', '.join(self.regimes)}), was {len(regimes)}")
        margin = abs(self.experts.probability(predictions) - EVEN)
        return [*self.learned.recent, self.experts.spread(predictions), margin, *(float(one) for one in regimes)]

    def observe(self, time_ns: int, outcome: float) -> bool:
        """Learn from the outcome of the prediction of that time; False when it is not open."""
        if not 0 <= outcome <= 1:
            raise ValueError(f"outcome: expected a number from 0 to 1, was {outcome}")
        for place, one in enumerate(self.learned.open):
            if one.time_ns == time_ns:
                del self.learned.open[place]
                self._apply(one, float(outcome))
                return True
        return False

    def forget(self, time_ns: int) -> None:
        """Drop the open prediction of that time: its outcome says nothing, or will never be known."""
        self.learned.open = [one for one in self.learned.open if one.time_ns != time_ns]

    def save(self) -> Learned:
        """The state, for `save` of a strategy."""
        return self.learned

    def load(self, learned: Learned) -> None:
        """Go on with a state; ValueError when it is of other experts or other inputs."""
        if learned.names != self.inputs:
            raise ValueError(f"state of {', '.join(learned.names)}, expected {', '.join(self.inputs)}")
        self.learned, self.experts.state = learned, learned.weights

    def _keep(self, one: Open) -> None:
        if self.learned.open and one.time_ns <= self.learned.open[-1].time_ns:
            raise ValueError(f"time_ns {one.time_ns}: expected a time after {self.learned.open[-1].time_ns}")
        if len(self.learned.open) == OPEN_MOST:
            del self.learned.open[0]
            self.learned.forgotten += 1
        self.learned.open.append(one)

    def _apply(self, one: Open, outcome: float) -> None:
        self.experts.update(one.predictions, outcome)
        self.learned.failures.update(one.inputs, failed=one.side != (outcome > EVEN))
        self.learned.recent = [
            mean if isnan(p) else (1 - RECENT) * mean + RECENT * (p - outcome) ** 2
            for mean, p in zip(self.learned.recent, one.predictions, strict=True)
        ]

"""Weights of several predictors of one event, by how well each has predicted it so far.

    experts = Experts(("trend", "flow", "book"), share=0.01)
    experts.probability((0.7, 0.4, nan))           NaN: this expert has no opinion
    experts.update((0.7, 0.4, nan), outcome=1.0)

The loss of a prediction p of an outcome y is (p - y)². With each outcome, in this order:

1. loss       each weight is multiplied by exp(-RATE · loss)
2. share      each weight becomes (1 - share) · weight + share / n: an expert that was wrong for long can come back soon

For RATE = 1/2 and numbers in [0, 1] the weighted mean loses at most `regret_limit` more than the best sequence of
experts that changes its expert k times in T outcomes:

    2 · (ln n + k · ln(n / share) + (T - k - 1) · ln(1 / (1 - share)))

An expert without an opinion keeps its part of the weight, as if it had predicted what the mean predicts.
"""

from collections.abc import Sequence
from math import exp, fsum, isnan, log, nan

import msgspec

RATE = 0.5  # the largest for which exp(-RATE · loss) is concave in the prediction
EXPERTS_MOST = 8


class Weights(msgspec.Struct):
    """The state of `Experts`: what a strategy saves."""

    weights: list[float]
    outcomes: int = 0
    loss: float = 0.0  # of the weighted mean, all outcomes together
    losses: list[float] = []  # of each expert where it had an opinion


class Experts:
    """The weights of named experts."""

    def __init__(self, names: Sequence[str], share: float = 0.01) -> None:
        """Begin with equal weights."""
        if not 1 <= len(names) <= EXPERTS_MOST or len(set(names)) != len(names):
            raise ValueError(f"experts: expected 1 to {EXPERTS_MOST} different names, was {', '.join(names) or 'none'}")
        if not 0 <= share < 1:
            raise ValueError(f"share: expected a number from 0 to below 1, was {share}")
        self.names, self.share = tuple(names), share
        self.state = Weights([1 / len(names)] * len(names), losses=[0.0] * len(names))

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each expert."""
        return dict(zip(self.names, self.state.weights, strict=True))

    def probability(self, predictions: Sequence[float]) -> float:
        """The weighted mean of the opinions; NaN where no expert has one."""
        self._check(predictions)
        given = [(w, p) for w, p in zip(self.state.weights, predictions, strict=True) if not isnan(p)]
        total = fsum(w for w, _ in given)
        return fsum(w * p for w, p in given) / total if total > 0 else nan

    def spread(self, predictions: Sequence[float]) -> float:
        """The weighted standard deviation of the opinions: how far the experts disagree."""
        mean = self.probability(predictions)
        if isnan(mean):
            return nan
        given = [(w, p) for w, p in zip(self.state.weights, predictions, strict=True) if not isnan(p)]
        return float((fsum(w * (p - mean) ** 2 for w, p in given) / fsum(w for w, _ in given)) ** 0.5)

    def update(self, predictions: Sequence[float], outcome: float) -> None:
        """Learn from the outcome of what was predicted."""
        if not 0 <= outcome <= 1:
            raise ValueError(f"outcome: expected a number from 0 to 1, was {outcome}")
        mean = self.probability(predictions)
        if isnan(mean):
            return
        state, count = self.state, len(self.names)
        kept = fsum(w for w, p in zip(state.weights, predictions, strict=True) if not isnan(p))
        raw = [
            w if isnan(p) else w * exp(-RATE * (p - outcome) ** 2)
            for w, p in zip(state.weights, predictions, strict=True)
        ]
        given = fsum(w for w, p in zip(raw, predictions, strict=True) if not isnan(p))
        raw = [w if isnan(p) else w / given * kept for w, p in zip(raw, predictions, strict=True)]
        state.weights = [(1 - self.share) * w + self.share / count for w in raw]
        state.outcomes += 1
        state.loss += (mean - outcome) ** 2
        state.losses = [
            total if isnan(p) else total + (p - outcome) ** 2
            for total, p in zip(state.losses, predictions, strict=True)
        ]

    def regret_limit(self, outcomes: int, changes: int = 0) -> float:
        """The most that the mean loses beyond the best sequence of experts with so many changes."""
        if self.share == 0:
            return 2 * log(len(self.names)) if changes == 0 else float("inf")
        stays = max(outcomes - changes - 1, 0)
        switch = log(len(self.names) / self.share)
        return 2 * (log(len(self.names)) + changes * switch - stays * log(1 - self.share))

    def _check(self, predictions: Sequence[float]) -> None:
        """Refuse predictions that are not one probability for each expert."""
        if len(predictions) != len(self.names):
            raise ValueError(
                f"predictions: expected {len(self.names)} ({', '.join(self.names)}), was {len(predictions)}"
            )
        for name, one in zip(self.names, predictions, strict=True):
            if not (isnan(one) or 0 <= one <= 1):
                raise ValueError(f"prediction of {name}: expected a probability from 0 to 1, or NaN, was {one}")

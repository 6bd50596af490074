"""Several signals as one decision.

    combiner = Combiner(
        (Signal("trend", weight=2.0), Signal("reversal"), Signal("flow", veto=True)),
        rule=Rule.WEIGHTED, conflict=Conflict.NET, threshold=0.3, quorum=0.5,
    )
    decision = combiner.combine({"trend": 0.8, "reversal": -0.2, "flow": nan})
    decision.side, decision.score, decision.reason

A score is a number from -1 (sell) to +1 (buy). NaN is no opinion: an indicator has none until it is ready.
The order is:

1. quorum      the weight of the signals with an opinion, as a share of all weight, reaches `quorum`; else UNKNOWN
2. conflict    some scores are above 0 and some below. NET: all count. ABSTAIN: the side is 0. STRONGEST: only the
               signal with the greatest |weight · score| counts; two equal ones of opposite sign are side 0
3. rule        WEIGHTED: Σ weight · score / Σ weight. VOTES: Σ weight · sign / Σ weight, a score of 0 votes for neither
4. threshold   the size of this result reaches `threshold` and is not 0; else the side is 0
5. veto        a signal with `veto` whose score has the opposite sign makes the side 0
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import fsum, isnan, nan

from engine.model.words import BUY, SELL


class Rule(StrEnum):
    """How scores become one."""

    WEIGHTED = "weighted"
    VOTES = "votes"


class Conflict(StrEnum):
    """The effect of scores of both signs."""

    NET = "net"
    ABSTAIN = "abstain"
    STRONGEST = "strongest"


class Why(StrEnum):
    """What decided the side."""

    COMBINED = "combined"
    UNKNOWN = "unknown"  # below the quorum
    CONFLICT = "conflict"
    WEAK = "weak"  # below the threshold
    VETO = "veto"


@dataclass(frozen=True)
class Signal:
    """An input of a combiner."""

    name: str
    weight: float = 1.0
    veto: bool = False

    def __post_init__(self) -> None:
        """Refuse a weight that would let no score count, or count against itself."""
        if not 0 < self.weight < float("inf"):
            raise ValueError(f"signal {self.name!r}: weight is {self.weight}; expected a number above 0")


@dataclass(frozen=True)
class Decision:
    """The combined result: BUY, SELL or 0, with the score and what decided."""

    side: int
    score: float
    reason: Why
    vetoed_by: str = ""


@dataclass(frozen=True)
class Combiner:
    """The rules by which several signals become one decision."""

    signals: tuple[Signal, ...]
    rule: Rule = Rule.WEIGHTED
    conflict: Conflict = Conflict.NET
    threshold: float = 0.0
    quorum: float = 1.0

    def __post_init__(self) -> None:
        """Refuse rules that cannot decide."""
        names = [one.name for one in self.signals]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"signals are {names}; expected at least one, and each name once")
        for name, value in (("threshold", self.threshold), ("quorum", self.quorum)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}; expected a number from 0 to 1")
        object.__setattr__(self, "rule", Rule(self.rule))
        object.__setattr__(self, "conflict", Conflict(self.conflict))

    def combine(self, scores: Mapping[str, float]) -> Decision:
        """The decision of these scores, one for each signal."""
        present = [(one, score) for one in self.signals if not isnan(score := self._score(scores, one.name))]
        if not present or _weight(present) < self.quorum * fsum(one.weight for one in self.signals):
            return Decision(0, nan, Why.UNKNOWN)
        counted = self._without_conflict(present)
        if not counted:
            return Decision(0, 0.0, Why.CONFLICT)
        return self._decide(present, self._result(counted))

    def _score(self, scores: Mapping[str, float], name: str) -> float:
        """One signal's score, or an error that names it."""
        if set(scores) != {one.name for one in self.signals}:
            raise ValueError(f"scores are of {sorted(scores)}; expected {sorted(one.name for one in self.signals)}")
        score = scores[name]
        if not isnan(score) and not -1 <= score <= 1:
            raise ValueError(f"the score of {name!r} is {score}; expected a number from -1 to 1, or NaN for no opinion")
        return score

    def _without_conflict(self, present: list[tuple[Signal, float]]) -> list[tuple[Signal, float]]:
        """The scores that count; none if they are of both signs and neither prevails."""
        signs = {_sign(score) for _, score in present} - {0}
        if len(signs) < 2 or self.conflict is Conflict.NET:  # noqa: PLR2004 - both signs
            return present
        if self.conflict is Conflict.ABSTAIN:
            return []
        greatest = max(abs(one.weight * score) for one, score in present)
        strongest = [(one, score) for one, score in present if abs(one.weight * score) == greatest]
        return strongest if len({_sign(score) for _, score in strongest}) == 1 else []

    def _result(self, counted: list[tuple[Signal, float]]) -> float:
        """The rule over the scores that count."""
        votes = self.rule is Rule.VOTES
        return fsum(one.weight * (_sign(score) if votes else score) for one, score in counted) / _weight(counted)

    def _decide(self, present: list[tuple[Signal, float]], result: float) -> Decision:
        """The side of a result, unless it is weak or a signal vetoes it."""
        side = _sign(result)
        if side == 0 or abs(result) < self.threshold:
            return Decision(0, result, Why.WEAK)
        for one, score in present:
            if one.veto and _sign(score) == -side:
                return Decision(0, result, Why.VETO, one.name)
        return Decision(side, result, Why.COMBINED)


def between(value: float, low: float, high: float) -> float:
    """The score of a value between two bounds: -1 at `low` or below, +1 at `high` or above, linear between them.

    With `low` above `high` the score falls: `between(rsi, 70, 30)` is +1 at an RSI of 30 and below.
    """
    if low == high:
        raise ValueError(f"low and high are both {low}; expected two different bounds")
    return nan if isnan(value) else max(-1.0, min(1.0, (2 * value - low - high) / (high - low)))


def _sign(score: float) -> int:
    """BUY, SELL or 0."""
    return BUY if score > 0 else SELL if score < 0 else 0


def _weight(signals: list[tuple[Signal, float]]) -> float:
    """The weight of all of them."""
    return fsum(one.weight for one, _ in signals)

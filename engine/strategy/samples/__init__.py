"""Two worked examples, small enough to read at once. They show the form of a strategy, not a way to earn money."""

from engine.strategy.samples.imbalance_maker import ImbalanceMaker
from engine.strategy.samples.momentum_taker import MomentumTaker

__all__ = ["ImbalanceMaker", "MomentumTaker"]

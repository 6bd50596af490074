"""Two worked examples, small enough to read in one sitting. They show the shape of a strategy, not a way to money."""

from engine.strategy.samples.imbalance_maker import ImbalanceMaker
from engine.strategy.samples.momentum_taker import MomentumTaker

__all__ = ["ImbalanceMaker", "MomentumTaker"]

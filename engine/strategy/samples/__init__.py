"""Seven worked examples, small enough to read at once. They show the form of a strategy, not a way to earn money."""

from engine.strategy.samples.ensemble_taker import EnsembleTaker
from engine.strategy.samples.imbalance_maker import ImbalanceMaker
from engine.strategy.samples.model_momentum import ModelMomentum
from engine.strategy.samples.momentum_taker import MomentumTaker
from engine.strategy.samples.moving_average_cross import MovingAverageCross
from engine.strategy.samples.round_trip import RoundTrip
from engine.strategy.samples.venue_spread import VenueSpread

__all__ = [
    "EnsembleTaker",
    "ImbalanceMaker",
    "ModelMomentum",
    "MomentumTaker",
    "MovingAverageCross",
    "RoundTrip",
    "VenueSpread",
]

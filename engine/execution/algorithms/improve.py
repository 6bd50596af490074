"""Improve: a chase that rests one price step better than the best price where the spread has room, else at it.

Its own order is the best price then: it stays while no other order is better, and moves back when it is alone there.
"""

from engine.execution.algorithms.chase import Chase


class Improve(Chase):
    """One improving chase."""

    @property
    def resting_price(self) -> int:
        """One step better than the best price, or the best price where that would reach the other side."""
        side, market = self.parent.side, self.market
        own, opposite, step = market.own(side), market.opposite(side), market.instrument.price_step
        newest = self.parent.newest
        if newest is not None and newest.open and newest.price == own:
            return own
        better = own + side * step
        return better if own and (opposite - better) * side > 0 else own

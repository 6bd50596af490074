"""Why the venue of a simulation rejects an order (the column `cause` of `Result.orders`), and ends a run."""

from collections.abc import Mapping
from enum import IntEnum

from engine.model.words import Reason


class Cause(IntEnum):
    """One cause. A number is free of other meanings among the words of `engine.model.words.Reason`."""

    NONE = 0  # no reject, or a POST_ONLY order that would have traded at once
    SELF_TRADE = Reason.SELF_TRADE  # it reaches an order of ours on the other side
    BALANCE = 128  # the free balance cannot pay it
    TRIGGERED = 130  # a native order whose trigger the last print has reached already
    RANDOM = 129  # `Models.rejects`


class LiquidatedError(RuntimeError):
    """The venue would have liquidated the account: nothing that follows is the strategy's result."""

    def __init__(self, at_ns: int, equity: int, maintenance: int, positions: Mapping[str, int]) -> None:
        """Both amounts are in millionths of the quote currency."""
        self.at_ns, self.equity, self.maintenance, self.positions = at_ns, equity, maintenance, positions
        held = ", ".join(f"{size} of {symbol}" for symbol, size in positions.items())
        super().__init__(
            f"the account would be liquidated at {at_ns}: its equity is {equity / 1e6:.6f}, its maintenance margin"
            f" {maintenance / 1e6:.6f}, with {held}: give the run more capital, or a smaller position"
        )

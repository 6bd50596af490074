"""Why the venue of a simulation rejects an order: the column `cause` of `Result.orders`."""

from enum import IntEnum

from engine.model.words import Reason


class Cause(IntEnum):
    """One cause. A number is free of other meanings among the words of `engine.model.words.Reason`."""

    NONE = 0  # no reject, or a POST_ONLY order that would have traded at once
    SELF_TRADE = Reason.SELF_TRADE  # it reaches an order of ours on the other side
    BALANCE = 128  # the free balance cannot pay it
    RANDOM = 129  # `Models.rejects`

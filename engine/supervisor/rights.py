"""What an operator may do."""

from enum import IntEnum


class Right(IntEnum):
    """Each right includes the ones before it."""

    NONE = 0
    LOOK = 1  # read: status, and the lanes
    HALT = 2  # make it safer: halt, cancel
    TRADE = 3  # everything

"""The layout of an intent's id: the strategy's number, then a count that the strategy never uses again.

    strategy 24 bits │ count 40 bits

`intent_id.pxd` is the same for compiled code; a test compares the two.
"""

COUNT_BITS = 40


def strategy_of(intent_id: int) -> int:
    """The strategy that submitted an intent."""
    return intent_id >> COUNT_BITS


def count_of(intent_id: int) -> int:
    """The count of an intent within its strategy."""
    return intent_id & ((1 << COUNT_BITS) - 1)

"""The layout of an intent's id: the strategy's number, then a count that the strategy never uses again.

    strategy 24 bits │ count 40 bits

The upper half of the counts is execution's own, for the orders of a flattening: a strategy's counts begin at the
milliseconds since 2020 and do not reach it before 2037.

`intent_id.pxd` is the same for compiled code; a test compares the two.
"""

COUNT_BITS = 40
CLOSING = 1 << (COUNT_BITS - 1)


def strategy_of(intent_id: int) -> int:
    """The strategy that submitted an intent."""
    return intent_id >> COUNT_BITS


def count_of(intent_id: int) -> int:
    """The count of an intent within its strategy."""
    return intent_id & ((1 << COUNT_BITS) - 1)


def closing_id(strategy: int, count: int) -> int:
    """The id of an order of a flattening, which closes a position of this strategy."""
    assert 0 <= count < CLOSING, count
    return strategy << COUNT_BITS | CLOSING | count

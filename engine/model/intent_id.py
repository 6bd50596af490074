"""The layout of an intent's id: its line, the strategy's number, then a count that the line never uses again.

    routed 1 bit │ strategy 23 bits │ count 40 bits

The intents of a strategy are one line, and the router's intents for it are another one: the ids of a line rise on each
lane, so execution knows a repeated intent by its id alone.

The upper half of the counts is execution's own, for the orders of a flattening: a strategy's counts begin at the
milliseconds since 2020 and do not reach it before 2037.

`intent_id.pxd` is the same for compiled code; a test compares the two.
"""

COUNT_BITS = 40
CLOSING = 1 << (COUNT_BITS - 1)


ROUTED = 1 << 23  # in a line: the router submitted the intent for the strategy


def line_of(intent_id: int) -> int:
    """The strategy's number, with `ROUTED` for an intent that the router submitted for it."""
    return intent_id >> COUNT_BITS


def strategy_of(intent_id: int) -> int:
    """The strategy that an intent is of."""
    return line_of(intent_id) & ~ROUTED


def is_routed(intent_id: int) -> bool:
    """Whether the router submitted an intent."""
    return bool(line_of(intent_id) & ROUTED)


def precedes(intent_id: int, other: int) -> bool:
    """Whether an order's intent is older than an intent that its strategy submits now.

    Counts of different lines cannot be compared: an order of the router is always older.
    """
    return is_routed(intent_id) or intent_id < other


def count_of(intent_id: int) -> int:
    """The count of an intent within its strategy."""
    return intent_id & ((1 << COUNT_BITS) - 1)


def routed_id(strategy: int, count: int) -> int:
    """The id of an intent that the router submits for this strategy."""
    assert 0 < strategy < ROUTED, strategy
    assert 0 < count < 1 << COUNT_BITS, count
    return (ROUTED | strategy) << COUNT_BITS | count


def closing_id(strategy: int, count: int) -> int:
    """The id of an order of a flattening, which closes a position of this strategy."""
    assert 0 <= count < CLOSING, count
    return strategy << COUNT_BITS | CLOSING | count

"""The layout of an intent's id, as in `intent_id.py`."""

cdef enum:
    COUNT_BITS = 40
    ROUTED_BIT = 63  # of the whole id

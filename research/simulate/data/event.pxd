"""The compiled face of one event of market data: `events.py` has the same fields as a numpy record."""

from libc.stdint cimport int8_t, int64_t, uint8_t, uint16_t, uint32_t

cdef struct Event:
    int64_t venue_ns
    int64_t receive_ns
    int64_t price
    int64_t size
    uint32_t instrument
    uint8_t kind
    int8_t side
    uint16_t flags

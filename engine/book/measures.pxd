"""What is measured of a top of book, in one place for cells, views, strategies and the global book."""

from libc.math cimport NAN
from libc.stdint cimport int64_t


cdef inline double imbalance_between(double bid, double ask) noexcept nogil:
    """(bid size - ask size) / both; nan when a side is empty."""
    return (bid - ask) / (bid + ask) if bid > 0 and ask > 0 else NAN


cdef inline double bps_of(double distance, double both) noexcept nogil:
    """A distance of two prices over their middle, in basis points; `both` is their sum."""
    return distance * 20_000 / both


cdef inline double imbalance_of(const int64_t *bid, int bids, const int64_t *ask, int asks) noexcept nogil:
    """The imbalance over these levels; nan when a side is empty."""
    cdef double bought = 0, sold = 0
    cdef int i
    for i in range(bids):
        bought += <double>bid[i]
    for i in range(asks):
        sold += <double>ask[i]
    return imbalance_between(bought, sold)


cdef inline double spread_bps_of(int64_t bid, int64_t ask) noexcept nogil:
    """The distance of the best prices over their middle, in basis points; below zero when they are crossed.

    Nan when one is missing. The distance is exact, so the only rounding is that of one multiplication and one division.
    """
    if bid <= 0 or ask <= 0:
        return NAN
    return bps_of(<double>(ask - bid), <double>ask + <double>bid)

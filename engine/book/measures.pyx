# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The measures of a top of book for Python: the same lines that fill the cells."""

from libc.stdint cimport int64_t

cdef enum:
    LEVELS_MAX = 64


def imbalance(bid_sizes, ask_sizes):
    """(bid size - ask size) / both over the levels given, best first; nan when a side is empty."""
    cdef int64_t[LEVELS_MAX] bid
    cdef int64_t[LEVELS_MAX] ask
    cdef int i
    cdef int bids = len(bid_sizes), asks = len(ask_sizes)
    if bids > LEVELS_MAX or asks > LEVELS_MAX:
        raise ValueError(f"at most {LEVELS_MAX} levels a side are measured, were {bids} and {asks}")
    for i in range(bids):
        bid[i] = bid_sizes[i]
    for i in range(asks):
        ask[i] = ask_sizes[i]
    return imbalance_of(bid, bids, ask, asks)


def spread_bps(int64_t bid, int64_t ask):
    """The distance of the best prices over their middle in basis points; nan when one is missing (0)."""
    return spread_bps_of(bid, ask)

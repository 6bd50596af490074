"""The compiled face of a top."""

from libc.stdint cimport int64_t

cdef class Top:
    cdef public int64_t bid
    cdef public int64_t ask
    cdef public int64_t receive_ns
    cdef public int state
    cdef bint two_sided
    cdef int64_t good_bid
    cdef int64_t good_ask
    cdef readonly double spread_bps
    cdef public double imbalance  # over the levels published, nan when a side is empty; the record's own number

    cpdef int update(self, int state, int64_t bid, int64_t ask, int64_t receive_ns) except -1
    cpdef int forget(self) except -1

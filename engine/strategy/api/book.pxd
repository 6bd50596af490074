"""The compiled face of a strategy's book."""

from libc.stdint cimport int64_t, uint32_t

from engine.model.records cimport Top

cdef uint32_t instrument_of(object record) except? 0

cdef class Book:
    cdef readonly object instrument
    cdef readonly int state
    cdef readonly bint good  # state is GOOD and both sides are there
    cdef readonly int64_t best_bid
    cdef readonly int64_t best_ask
    cdef readonly double imbalance  # (bid size - ask size) / both, over the levels held; 0 when a side is empty
    cdef readonly double spread_bps  # over the middle, as the cell and risk have it; nan unless the book is good
    cdef readonly int64_t tick_sequence  # the TICKS cursor after this event
    cdef readonly int64_t receive_ns
    cdef object record  # a row or its bytes; None while only `held` has it
    cdef object decode
    cdef bytearray rooms  # two records: the one shown, and one that may become it
    cdef char *held
    cdef char *incoming
    cdef bint arrived  # `incoming` is the newest of the batch that is being read

    cdef int apply_incoming(self, object decode) except -1

    cdef int apply_record(self, const Top *record) except -1
    cdef int apply_row(self, object row) except -1
    cdef void judge(self, int state, int bids, int asks) noexcept

"""The compiled face of the fees."""

from libc.stdint cimport int64_t

from engine.model.wide cimport wide_t

cdef enum:
    DAYS = 30
    TIERS = 16

cdef class Schedule:
    cdef int count  # of tiers
    cdef int tier  # of this day
    cdef int64_t day
    cdef int64_t[TIERS] volume_from
    cdef int64_t[TIERS] maker
    cdef int64_t[TIERS] taker
    cdef int64_t[DAYS] traded  # by day, in millionths of the quote currency

    cdef int64_t fee(self, int64_t now_ns, wide_t notional, wide_t scale, bint is_maker) noexcept nogil
    cdef void turn_to(self, int64_t day) noexcept nogil
    cdef void choose(self) noexcept nogil

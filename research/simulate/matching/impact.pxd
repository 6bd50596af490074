"""The compiled face of what our own orders cost beside the price of the book."""

from libc.stdint cimport int64_t

from engine.model.wide cimport wide_t

cdef class Impact:
    cdef double share  # of the price, of an order of `notional`
    cdef double notional  # in the quote currency
    cdef double exponent
    cdef double half_life_ns  # 0: an order meets only its own impact
    cdef double pressed  # what this order, or this account, has taken, in the quote currency; bought is positive
    cdef int64_t pressed_ns
    cdef int order  # the order that took it

    cdef int64_t cost(self, int order, int side, wide_t notional, wide_t scale, int64_t now_ns) noexcept nogil

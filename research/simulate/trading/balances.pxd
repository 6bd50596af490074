"""The compiled face of an account's balances."""

from cython cimport final
from libc.stdint cimport int64_t

from engine.model.wide cimport wide_t
from research.simulate.matching.orders cimport Order

cdef struct Amount:  # of one asset, in the decimals of the run
    wide_t free
    wide_t locked  # by open orders

cdef struct Units:  # of one instrument
    int base  # places of its assets
    int quote
    wide_t scale  # one unit of the quote currency, in the decimals of price * size
    wide_t notional_by  # each brings a number to the decimals of its asset
    wide_t fee_by
    wide_t size_by


@final
cdef class Balances:
    cdef Amount *amounts
    cdef Units *units  # by place of the instrument
    cdef int count
    cdef int64_t rate  # the highest of fees, of 1e-8

    cdef Amount *pays(self, const Order *order) noexcept nogil
    cdef wide_t needed(self, const Order *order, int64_t size) noexcept nogil
    cdef bint reserve(self, const Order *order) noexcept nogil
    cdef bint pays_for(self, const Order *order, int64_t price, int64_t size) noexcept nogil
    cdef void release(self, const Order *order, int64_t size) noexcept nogil
    cdef int fill(self, const Order *order, int64_t price, int64_t size, int64_t fee) except -1
    cdef int change(self, Amount *amount, int sign, wide_t number, wide_t by) except -1

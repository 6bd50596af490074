"""The compiled face of one instrument at its venue."""

from libc.stdint cimport int32_t, int64_t, uint32_t

from engine.book.book cimport Book
from engine.book.place_in_queue cimport QueueModel
from engine.book.table cimport Table
from engine.model.wide cimport wide_t
from research.simulate.event cimport Event
from research.simulate.schedule cimport Schedule
from research.simulate.session cimport Order, Session

cdef class VenueMarket:
    cdef Book book
    cdef Session session
    cdef Schedule schedule
    cdef QueueModel queue
    cdef wide_t scale  # one unit of the quote currency, in the decimals of price * size
    cdef Table taken  # by side and price: the size that our orders took from a level
    cdef int64_t *took
    cdef int32_t[2] heads  # our resting orders: bids, asks; best price first, oldest first
    cdef bint returns  # a level that our orders took from is whole again at its next change
    cdef bint whole  # a print beyond our price fills all of an order

    cdef int apply(self, const Event *event) except -1
    cdef int change(self, int side, int64_t price, int64_t size, int64_t now_ns) except -1
    cdef int64_t not_taken(self, int side, int64_t price, int64_t size) except -1
    cdef int remember_taken(self, int side, int64_t price, int64_t size) except -1
    cdef int follow_queue(self, int side, int64_t price, int64_t before, int64_t after) except -1
    cdef int meet(self, int side, int64_t price, int64_t size, int64_t now_ns) except -1
    cdef int trade(self, int side, int64_t price, int64_t size, int64_t now_ns) except -1
    cdef int arrive(self, int32_t number, int64_t now_ns) except -1
    cdef bint reaches_own(self, const Order *order) noexcept
    cdef bint crosses(self, const Order *order) noexcept
    cdef int64_t available(self, const Order *order) noexcept
    cdef int match(self, int32_t number, int64_t now_ns) except -1
    cdef int rest(self, int32_t number, int64_t now_ns) except -1
    cdef int64_t level_size(self, int side, int64_t price) noexcept
    cdef int fill(self, int32_t number, int64_t price, int64_t size, bint maker, int64_t now_ns) except -1
    cdef int end(self, int32_t number, int state, int64_t now_ns, int kind=*) except -1
    cdef int cancel(self, int32_t number, int64_t now_ns) except -1
    cdef int amend(self, int32_t number, int64_t size, int64_t now_ns) except -1
    cdef int replace(self, int32_t number, int32_t old, int64_t now_ns) except -1
    cdef void link(self, int32_t number) noexcept
    cdef void unlink(self, int32_t number) noexcept

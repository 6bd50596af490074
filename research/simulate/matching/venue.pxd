"""The compiled face of one instrument at its venue: the recorded book, and each portfolio's orders in it."""

from cython cimport final
from libc.stdint cimport int32_t, int64_t

from engine.book.book cimport Book
from engine.book.place_in_queue cimport QueueModel
from engine.book.side cimport Side
from engine.book.table cimport Table
from engine.model.wide cimport wide_t
from research.simulate.data.event cimport Event
from research.simulate.matching.impact cimport Impact
from research.simulate.matching.orders cimport Order, Orders
from research.simulate.trading.session cimport Session


@final
cdef class VenueMarket:
    cdef Book book  # as the data has it, without our orders
    cdef list all  # every portfolio's orders
    cdef void **active  # those that the next event may touch
    cdef int count
    cdef int64_t last  # the price of the last print; 0: none yet
    cdef int64_t middle2  # twice the last middle, of a run with perpetuals; 0: none yet

    cdef int apply(self, const Event *event) except -1
    cdef void wake(self, OwnOrders own) noexcept
    cdef void sleep(self, OwnOrders own) noexcept


@final
cdef class OwnOrders:
    cdef VenueMarket market
    cdef Book book  # the market's
    cdef int active_at  # place among the market's active; -1: not active
    cdef Orders table
    cdef list sessions  # by strategy
    cdef QueueModel queue
    cdef wide_t scale  # one unit of the quote currency, in the decimals of price * size
    cdef Impact impact  # None: what our orders take costs nothing beside its price
    cdef Table taken  # by side and price: the size that our orders took from a level
    cdef int64_t *took
    cdef int32_t waiting  # our native orders that wait for their trigger, the newest first
    cdef int64_t slippage  # of stops, a share of 1e-8
    cdef int32_t[2] heads  # our resting orders: bids, asks; best price first, oldest first
    cdef bint returns  # a level that our orders took from is whole again at its next change
    cdef bint whole  # a print beyond our price fills all of an order
    cdef bint returns_empty  # a level that the data removes has nothing before our order when it is shown again
    cdef bint unseen_empty  # nor has a price that the data has not shown
    cdef bint twice  # a decrease and the print that explains it both move our order forward

    cdef int change(self, int side, int64_t price, int64_t before, int64_t size, int64_t now_ns) except -1
    cdef int64_t took_from(self, int side, int64_t price) noexcept
    cdef int64_t follow_taken(self, int side, int64_t price, int64_t *before, int64_t size) noexcept
    cdef int remember_taken(self, int side, int64_t price, int64_t size) except -1
    cdef int follow_queue(self, int side, int64_t price, int64_t before, int64_t after, bint shown,
                          int64_t now_ns) except -1
    cdef void move_forward(self, Order *order, int64_t before, int64_t after, int64_t now_ns) noexcept
    cdef int meet(self, int side, int64_t price, int64_t size, int64_t now_ns) except -1
    cdef int trade(self, int side, int64_t price, int64_t size, int64_t now_ns) except -1
    cdef int trigger(self, int64_t price, int64_t now_ns) except -1
    cdef int work_stop(self, int32_t number, int64_t now_ns) except -1
    cdef int64_t serve_queue(self, Order *order, int64_t left) noexcept
    cdef int arrive(self, int32_t number, int64_t now_ns) except -1
    cdef bint is_rejected(self, Order *order, Session session) noexcept
    cdef bint reaches_own(self, const Order *order) noexcept
    cdef bint crosses(self, const Order *order) noexcept
    cdef int64_t available(self, const Order *order) noexcept
    cdef int match(self, int32_t number, int64_t now_ns) except -1
    cdef bint is_paid(self, const Order *order, int64_t price, int64_t size) noexcept
    cdef int rest(self, int32_t number, int64_t now_ns) except -1
    cdef int wait_for_trigger(self, int32_t number, int64_t now_ns) except -1
    cdef bint is_shown(self, int side, int64_t price) noexcept
    cdef int64_t level_size(self, int side, int64_t price) noexcept
    cdef int fill(self, int32_t number, int64_t price, int64_t size, bint maker, int64_t now_ns) except -1
    cdef int end(self, int32_t number, int state, int64_t now_ns, int kind=*) except -1
    cdef Session session_of(self, int32_t number)
    cdef int cancel(self, int32_t number, int64_t now_ns) except -1
    cdef int amend(self, int32_t number, int64_t size, int64_t now_ns) except -1
    cdef int replace(self, int32_t number, int32_t old, int64_t now_ns) except -1
    cdef void link(self, int32_t number) noexcept
    cdef void unlink(self, int32_t number) noexcept

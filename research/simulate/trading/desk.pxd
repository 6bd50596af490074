"""The compiled face of one instrument as the strategy sees it."""

from cython cimport final
from libc.stdint cimport int64_t, uint32_t

from engine.model.wide cimport wide_t
from research.simulate.trading.received cimport Received


@final
cdef class Held:
    cdef int64_t position, open_buy, open_sell


@final
cdef class Desk:
    cdef readonly object instrument
    cdef readonly uint32_t number  # its id
    cdef readonly int place  # among the run's instruments
    cdef readonly Received received  # the book
    cdef object client  # whose it is
    cdef int portfolio  # of the client
    cdef readonly int64_t position
    cdef readonly int64_t open_buy  # sizes of orders that may still fill, as the strategy knows
    cdef readonly int64_t open_sell
    cdef Held account  # the same of every strategy of the account
    cdef int64_t price_step, size_step, size_min, size_max, price_min, price_max, position_max
    cdef int64_t bid_up, bid_down, ask_up, ask_down
    cdef wide_t notional_min, notional_max
    cdef wide_t order_cap, position_cap  # in the decimals of price * size; 0: none
    cdef wide_t unit  # one dollar in these decimals
    cdef object caps
    cdef int64_t collar_bps, exit_collar_bps, spread_bps  # 0: none
    cdef object found, limit  # of the last refusal

    cdef void add_open(self, int side, int64_t size) noexcept nogil
    cdef void add_position(self, int64_t size) noexcept nogil
    cdef bint best(self, int64_t *bid, int64_t *ask) noexcept nogil
    cdef int64_t middle2(self) noexcept nogil
    cdef bint is_exit(self, int side, int64_t size) noexcept nogil
    cdef int64_t protective_price(self, int side, int64_t size, int64_t limit) except -1
    cdef int refuse(self, int reason, object found, object limit) except -1
    cdef int check(self, int side, int64_t size, int64_t price) except -1
    cdef int check_book(self) except -1
    cdef int check_steps(self, int64_t size, int64_t price) except -1
    cdef int check_collar(self, int side, int64_t price, bint is_exit) except -1
    cdef int check_venue(self, int side, int64_t size, int64_t price) except -1
    cdef int check_caps(self, int side, int64_t size, int64_t price) except -1

"""The compiled face of an account that trades perpetuals."""

from cython cimport final
from libc.stdint cimport int32_t, int64_t, uint8_t

from engine.model.wide cimport wide_t
from research.simulate.matching.orders cimport Order

cdef struct Line:  # of a list of margin brackets: maintenance = (rate * notional - amount) / 1e9
    int64_t rate  # of 1e-9
    wide_t amount  # of 1e-9 of a millionth
    int64_t cap  # the notional up to which `leverage` is allowed, in millionths
    int64_t leverage

cdef struct Held:  # of one instrument
    int64_t position
    int64_t open_buy  # what open orders can still buy, as the venue has them
    int64_t open_sell
    int64_t middle2  # twice the last middle of the venue's book; 0: none yet
    wide_t cash  # what was sold less what was bought, in the decimals of price * size
    wide_t scale  # one unit of the quote currency in these decimals
    wide_t by  # to the decimals of the account
    Line *lines
    int count  # of lines

cdef struct Due:  # a time of funding
    int64_t at_ns
    int64_t rate
    int64_t mark  # 0: the middle of the venue's book
    int32_t market
    uint8_t[4] spare


@final
cdef class MarginAccount:
    cdef Held *held
    cdef int markets
    cdef wide_t wallet  # in the decimals of the account
    cdef wide_t charged  # fees and funding, of 1e-8
    cdef wide_t fee_by  # to the decimals of the account
    cdef wide_t unit  # one unit of the quote currency in the decimals of the account
    cdef int64_t leverage  # of the account; 0: no balance is checked
    cdef const unsigned char[::1] data  # of the times of funding
    cdef Py_ssize_t next_due, due_count
    cdef list payments
    cdef list symbols

    cdef int64_t next_ns(self) noexcept nogil
    cdef const Due *due(self) noexcept nogil
    cdef int pay_due(self, int64_t now_ns) except -1
    cdef int set_middle(self, int market, int64_t middle2, int64_t now_ns) except -1
    cdef int check(self, int64_t now_ns) except -1
    cdef wide_t equity_micro(self) noexcept nogil
    cdef int64_t maintenance(self, const Held *one, wide_t notional) noexcept nogil
    cdef int64_t initial(self, const Held *one, wide_t notional) noexcept nogil
    cdef bint reserve(self, const Order *order) noexcept nogil
    cdef bint bears(self, const Order *order) noexcept nogil
    cdef void release(self, const Order *order, int64_t size) noexcept nogil
    cdef int fill(self, const Order *order, int64_t price, int64_t size, int64_t fee) except -1

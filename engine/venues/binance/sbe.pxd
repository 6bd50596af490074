"""The compiled face of Binance's binary market data."""

from libc.stdint cimport int64_t

from engine.venues.binance.scan cimport BinanceMarket
from engine.venues.market cimport Message

cdef struct Scale:
    int64_t factor
    int64_t divisor  # 1: multiply; 0: only zero can be held

cdef struct Group:
    const char *start
    Py_ssize_t block
    Py_ssize_t count

cdef struct Root:
    const char *start  # of the message's own fields
    const char *rest  # after them: the groups
    const char *end
    Py_ssize_t block

cdef class BinanceSbeMarket(BinanceMarket):
    cdef readonly int64_t unknown  # messages of templates that are not read here

    cdef int read_trades(self, Root *root) noexcept nogil
    cdef bint read_trade(self, Root *root, const char *at, int index, Message *message) noexcept nogil
    cdef int read_best_bid_ask(self, Root *root) noexcept nogil
    cdef int read_depth_snapshot(self, Root *root) noexcept nogil
    cdef int read_depth_diff(self, Root *root) noexcept nogil
    cdef bint read_sides(self, Root *root, const char *exponents, Message *message) noexcept nogil
    cdef bint read_side(
        self, Group *group, Scale *price, Scale *size, Py_ssize_t *start, Py_ssize_t *count
    ) noexcept nogil
    cdef bint read_tops(self, Message *message) noexcept nogil
    cdef bint in_order(self, Py_ssize_t start, Py_ssize_t count, int side) noexcept nogil
    cdef bint name(self, const char *at, const char *end, int *index) noexcept nogil

"""The compiled face of the further caps."""

from libc.stdint cimport int64_t, uint64_t

from engine.risk.market cimport Top

cdef struct Repeat:
    uint64_t key
    int64_t decided_ns

cdef class Line:
    cdef readonly object number
    cdef int64_t id
    cdef bint quick
    cdef Top top
    cdef double unit
    cdef double buy, sell, up, down, worst
    cdef double most_rise, most_fall  # of the days in use
    cdef double money_unit, net  # the net at this book after so many fills
    cdef int64_t bid, ask
    cdef int64_t size_second
    cdef object size_most  # in that second at least
    cdef object exposure, fill_count

cdef class Order:
    cdef object strategy, instrument, proposed
    cdef int side
    cdef int64_t now_ns, price, size, decided_ns, ttl_ns, id

    cdef tuple fields(self)

cdef class Repeats:
    cdef Repeat *slots
    cdef object newest_orders, last
    cdef int64_t window_ns, slack_ns, crowded_ns

    cdef int follow(self) except -1
    cdef int note(self, uint64_t key, int64_t decided_ns) noexcept
    cdef bint has(self, uint64_t key, int64_t decided_ns) noexcept

cdef class CapTable:
    cdef readonly object account
    cdef object sight
    cdef dict exposures
    cdef int64_t book_age_ns
    cdef list lines, sectors, checks
    cdef double capital, gross_most, net_most, share_most, own_share_most, var_most
    cdef readonly int64_t var_window_days
    cdef bint needs_lines, needs_equity
    cdef int64_t open_most, days_least, days_old_most
    cdef object self_trade, repeated, size_most_of
    cdef Repeats repeats
    cdef object past, reached  # the days in use, and of which instruments
    cdef int64_t past_today, past_version
    cdef Py_ssize_t days
    cdef double[:, :] rises
    cdef double[:, :] falls

    cdef bint allows(self, Order order) except -1
    cdef bint size_allows(self, Order order) except -1
    cdef bint orders_allow(self, Order order) except -1
    cdef bint positions_allow(self, Order order) except -1
    cdef bint fill_lines(self, Order order) except -1
    cdef bint sums_allow(self, Order order) except -1
    cdef double equity_at_least(self, int64_t now_ns) except? -1
    cdef bint update_net(self, Line line, object exposure) except -1
    cdef bint var_allows(self, Order order) except -1
    cdef int use_days(self, list reached, int64_t today) except -1
    cdef bint asks(self, object cap, Order order) except -1

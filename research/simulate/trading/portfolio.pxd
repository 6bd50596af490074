"""The compiled face of one portfolio: its accounts' sessions, its strategies, its orders at each market."""

from cython cimport final
from libc.stdint cimport int64_t

from research.simulate.matching.agenda cimport Agenda
from research.simulate.trading.client cimport Client
from research.simulate.matching.orders cimport Orders
from research.simulate.trading.session cimport Letter


@final
cdef class Portfolio:
    cdef Agenda agenda
    cdef int place  # in the agenda
    cdef Orders table
    cdef readonly list sessions  # one an account
    cdef readonly list clients  # by number
    cdef list own  # OwnOrders by place of the instrument
    cdef int64_t at_ns, at_once

    cdef int start(self, int64_t now_ns) except -1
    cdef int64_t soonest(self) noexcept
    cdef int do_next(self, int64_t now_ns) except -1
    cdef int do_first(self, int64_t now_ns) except -1
    cdef int bring(self, Letter letter) except -1

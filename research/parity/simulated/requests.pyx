# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""A strategy's side of a simulation that sends recorded requests at given times, whatever the answers are.

    orders      side, size, price, time in force, type        one row each; its number + 1 is the simulated intent id
    requests    time, kind, order, size                       in the order of their times

So each recorded order has exactly one simulated order, and both are compared without a guess. Risk is not asked again:
it has approved these orders.
"""

from libc.stdint cimport INT64_MAX, int32_t, int64_t

from research.simulate.trading.client cimport Client
from research.simulate.trading.desk cimport Desk
from research.simulate.matching.orders cimport NO_ORDER, Order
from research.simulate.trading.session cimport PLACE


cdef class RecordedRequests(Client):
    """The requests of one instrument."""

    cdef const int64_t[:, ::1] orders, requests
    cdef int32_t[::1] numbers  # of each order in the session
    cdef Py_ssize_t next

    def __init__(self, orders, requests, numbers):
        """Send these requests; `numbers` has room for one number an order."""
        self.orders, self.requests, self.numbers = orders, requests, numbers

    cdef int on_start(self) except -1:
        self.scheduled_ns = self.next_ns()
        return 0

    cdef int64_t next_ns(self) noexcept:
        """When the next request is sent."""
        return self.requests[self.next, 0] if self.next < self.requests.shape[0] else INT64_MAX

    cdef int call_scheduled(self) except -1:
        """Send what is due."""
        while self.next_ns() <= self.now_ns:
            self.send(self.requests[self.next])
            self.next += 1
        self.scheduled_ns = self.next_ns()
        return 0

    cdef int send(self, const int64_t[::1] request) except -1:
        """Send one request."""
        cdef int kind = <int>request[1]
        cdef Py_ssize_t order = request[2]
        if kind == PLACE:
            self.numbers[order] = self.place_recorded(self.desks[0], order)
        return self.session.request(kind, self.numbers[order], request[3], self.now_ns)

    cdef int32_t place_recorded(self, Desk desk, Py_ssize_t row) except -2:
        """Add an order to the session; its number."""
        cdef int32_t number = self.table.new_order()
        cdef Order *order = &self.table.orders[number]
        order.intent_id, order.submit_ns = row + 1, self.now_ns
        order.side, order.size, order.price = <signed char>self.orders[row, 0], self.orders[row, 1], self.orders[row, 2]
        order.time_in_force, order.order_type = <unsigned char>self.orders[row, 3], <unsigned char>self.orders[row, 4]
        order.known_size, order.market, order.instrument = order.size, desk.place, desk.number
        order.next = order.previous = NO_ORDER
        return number

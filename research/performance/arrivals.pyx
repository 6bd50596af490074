# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The middle of the book that a strategy had received at given times: a client that looks and never trades."""

from libc.stdint cimport int32_t, int64_t

from research.simulate.trading.client cimport Client
from research.simulate.trading.desk cimport Desk
from research.simulate.data.event cimport Event


cdef class Arrivals(Client):
    """For each of `times`, in order, twice the middle of the desk in `places`; 0 without a good book."""

    cdef const int64_t[::1] times
    cdef const int32_t[::1] places
    cdef int64_t[::1] found, present
    cdef Py_ssize_t next

    def __init__(self, times, places, found, present):
        """Write to `found`; `present` has a zero for each desk."""
        self.times, self.places, self.found, self.present = times, places, found, present

    cdef int on_event(self, Desk desk, const Event *event) except -1:
        self.fill_until(self.now_ns)
        self.present[desk.place] = desk.middle2()
        return 0

    cdef void fill_until(self, int64_t before_ns) noexcept nogil:
        """Write the times before this one: what was received at a time itself was known at it."""
        while self.next < self.times.shape[0] and self.times[self.next] < before_ns:
            self.found[self.next] = self.present[self.places[self.next]]
            self.next += 1

    def end(self):
        """Write the rest: the data has ended."""
        self.fill_until(1 << 62)

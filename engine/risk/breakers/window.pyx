# cython: language_level=3
"""The highest and the lowest of the prices of the last nanoseconds.

    highest ◀─ falling: each higher than all later ones        lowest ◀─ rising: each lower than all later ones

A price replaces those after which it leaves no trace, so both queues are short. Prices are Python's numbers: twice the
middle of a book may need 65 bits.
"""

from libc.stdint cimport int64_t

from collections import deque


cdef class Window:
    """One instrument's prices."""

    cdef int64_t length_ns
    cdef object falling, rising

    def __init__(self, int64_t length_ns):
        """Begin empty."""
        self.length_ns = length_ns
        self.falling, self.rising = deque(), deque()

    def add(self, int64_t now_ns, price):
        """Add a price; the highest and the lowest, this one included."""
        newest = (now_ns, price)
        while self.falling and (<tuple>self.falling[-1])[1] <= price:
            self.falling.pop()
        while self.rising and (<tuple>self.rising[-1])[1] >= price:
            self.rising.pop()
        return self.head(self.falling, newest), self.head(self.rising, newest)

    cdef object head(self, queue, tuple newest):
        """The first price of a queue that is in the window, once the newest is in it."""
        cdef int64_t oldest_ns = <int64_t>newest[0] - self.length_ns
        queue.append(newest)
        while <int64_t>(<tuple>queue[0])[0] < oldest_ns:
            queue.popleft()
        return (<tuple>queue[0])[1]

# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""When something is due next: one time for each portfolio of a pass over the data, and the earliest of them."""

from cython cimport final
from libc.stdint cimport INT64_MAX, int64_t
from libc.stdlib cimport free, malloc


@final
cdef class Agenda:
    """The next time of every portfolio."""

    def __cinit__(self, int count):
        """Begin with nothing due."""
        cdef int place
        self.due = <int64_t *>malloc(count * sizeof(int64_t))
        if self.due == NULL:
            raise MemoryError
        self.count, self.soonest_ns = count, INT64_MAX
        for place in range(count):
            self.due[place] = INT64_MAX

    def __dealloc__(self):
        free(self.due)

    cdef void set_due(self, int place, int64_t at_ns) noexcept:
        """Set the next time of a portfolio, which may be later than before."""
        cdef int64_t soonest = at_ns
        cdef int one
        self.due[place] = at_ns
        for one in range(self.count):
            soonest = min(soonest, self.due[one])
        self.soonest_ns = soonest

    cdef int first(self) noexcept:
        """The first portfolio that is due at the earliest time."""
        cdef int place = 0
        while self.due[place] != self.soonest_ns:
            place += 1
        return place

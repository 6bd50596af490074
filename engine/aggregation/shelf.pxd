"""The compiled face of the shelf."""

from libc.stdint cimport int64_t, uint8_t

from engine.model.aggregates cimport Bar

cdef enum:
    PLACES = 3  # cells of a series
    LAST_CLOSED = 0
    EARLIER = 1
    CURRENT = 2
    BAR_SIZE = 192

cdef class Shelf:
    cdef readonly object instruments, intervals
    cdef object cells, storage, view, touched_storage
    cdef list kinds
    cdef dict places
    cdef Bar *bars
    cdef uint8_t *touched  # of each place
    cdef int64_t[64] interval
    cdef int interval_count
    cdef Py_ssize_t series_count

    cdef Bar *at(self, Py_ssize_t series, int which) noexcept nogil
    cdef object record_of(self, Py_ssize_t series, int which)
    cdef void label(self, Py_ssize_t series, Bar *bar, int64_t now_ns)
    cdef int publish_touched(self, int64_t now_ns) except -1
    cdef void restore(self, Py_ssize_t place, const Bar *bar)
    cdef void note_closed(self, const Bar *bar) noexcept
    cdef bint is_of(self, const Bar *bar, Py_ssize_t place)
    cdef int void(self, Py_ssize_t place, const Bar *shown) except -1

"""The class of all indicators for compiled code: `push` a row, read `out`."""

from libc.stdint cimport int64_t

cdef enum:
    ROW_MAX = 32

cdef class Indicator:
    cdef readonly dict parameters
    cdef readonly tuple inputs
    cdef readonly tuple outputs
    cdef readonly str output
    cdef readonly tuple key
    cdef int width
    cdef int count  # of outputs
    cdef int chosen
    cdef int time_at  # the column of a time, -1 without one
    cdef int missing
    cdef char *block  # out, state and memory: everything that changes
    cdef size_t size
    cdef double *out
    cdef double *memory

    cdef void *allocate(self, size_t state, int64_t numbers) except NULL
    cpdef prepare(self)
    cdef int push(self, const double *row) except -1
    cdef int advance(self, const double *row) except -1
    cdef void clear(self) noexcept nogil
    cdef void blank(self) noexcept nogil
    cdef int miss(self) noexcept nogil
    cdef outputs_over(self, tuple columns)
    cdef list arrays_of(self, tuple columns)
    cdef int run(self, list arrays, result, int64_t rows) except -1
    cdef bytes label(self)

cdef double time_of(object time_ns) except? -1

"""The compiled face of a line."""

from engine.feed.books.connection_sequence cimport ConnectionSequence
from engine.feed.books.pipeline cimport Pipeline
from libc.stdint cimport int64_t


cdef class Line:
    cdef readonly object port
    cdef readonly list pending  # frames of the last look that the next step takes; None: there are none
    cdef object look
    cdef readonly bint tells
    cdef readonly ConnectionSequence sequence
    cdef public int64_t heard_ns
    cdef public list rest
    cdef public bint has_gap

    cpdef Py_ssize_t take(self, Pipeline pipeline, object now_ns) except -2
    cdef list share(self, list frames)


cdef class Intake:
    cdef list lines
    cdef readonly bint eventful

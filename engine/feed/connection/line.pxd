"""The compiled face of a line."""

from engine.feed.books.connection_sequence cimport ConnectionSequence
from engine.feed.books.pipeline cimport Pipeline
from libc.stdint cimport int64_t, uint64_t


cdef class Line:
    cdef readonly object port
    cdef readonly list pending  # frames of the last read that the next step processes; None without such frames
    cdef object poll
    cdef readonly bint reports_quiet
    cdef readonly ConnectionSequence sequence
    cdef public int64_t received_ns
    cdef public list rest
    cdef public bint has_gap
    cdef uint64_t reads

    cpdef Py_ssize_t read(self, Pipeline pipeline, object now_ns) except -2
    cdef list first_frames(self, list frames)


cdef class LineReader:
    cdef list lines
    cdef readonly bint needs_attention

"""The compiled face of a rehearsal."""

from libc.stdint cimport int64_t

from engine.feed.books.pipeline cimport Pipeline
from engine.feed.books.track cimport Track
from engine.feed.connection.line cimport LineReader
from engine.venues.market cimport Market, Message


cdef class WarmTrack(Track):
    pass


cdef class Echo:
    cdef list frames
    cdef readonly int64_t receive_ns


cdef class Rehearsal:
    cdef Pipeline pipeline
    cdef WarmTrack track
    cdef Echo port
    cdef LineReader reader
    cdef int kind

    cdef int rehearse(self, Pipeline pipeline, bytes frame, object now_ns) except -1

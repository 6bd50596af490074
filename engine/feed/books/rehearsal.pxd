"""The compiled face of a rehearsal."""

from engine.feed.books.pipeline cimport Pipeline
from engine.feed.books.track cimport Track
from engine.venues.market cimport Market, Message


cdef class WarmTrack(Track):
    cdef int rehearse(self, Market market, Message *message, object now_ns) except -1


cdef class Rehearsal:
    cdef WarmTrack track
    cdef int kind

    cdef int rehearse(self, Pipeline pipeline, bytes frame, object now_ns) except -1

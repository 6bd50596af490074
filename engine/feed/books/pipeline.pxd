"""The compiled face of the pipeline."""

from libc.stdint cimport int64_t

from engine.feed.books.chain cimport Chain
from engine.feed.books.outbox cimport Outbox
from engine.feed.books.track cimport Track
from engine.venues.market cimport Market, Message

cdef enum:
    KINDS = 7  # of messages, and place 0 for none
    SAMPLE_MAX = 4096  # bytes of a frame kept to rehearse by

cdef class Pipeline:
    cdef readonly Market market
    cdef readonly Outbox outbox
    cdef readonly list tracks
    cdef readonly int64_t frames
    cdef readonly int64_t messages
    cdef readonly int64_t malformed
    cdef readonly int64_t strangers
    cdef readonly int64_t sequence
    cdef readonly int64_t holes  # of a connection's numbering or a book's, whether or not another one filled them
    cdef public object examine
    cdef public Chain chain  # of the connection whose frames are taken; None where nobody asks which lost what
    cdef list printers
    cdef list samples  # the last frame of each kind, for a rehearsal
    cdef bint holding

    cpdef list take(self, object frames, int64_t receive_ns, int64_t now_ns)
    cdef int take_one(self, bytes frame, int64_t receive_ns, int64_t now_ns) except -2
    cdef int dispatch(self, Message *message, object frame, int64_t receive_ns, int64_t now_ns) except -1
    cdef int take_delta(self, Track track, Message *message, object frame, int64_t receive_ns, int64_t now_ns) except -1
    cdef int retry(self, int64_t now_ns) except -1
    cdef int in_order(self, int64_t receive_ns, int64_t now_ns) except -1

"""The compiled face of the pipeline."""

from cython cimport final
from libc.stdint cimport int64_t

from engine.feed.books.connection_sequence cimport ConnectionSequence
from engine.feed.books.outbox cimport Outbox
from engine.feed.books.track cimport Track
from engine.venues.market cimport Market, Message

cdef enum:
    KINDS = 7  # of messages, and place 0 for none
    SAMPLE_MAX = 4096  # bytes of a frame that is kept for a rehearsal


@final
cdef class Pipeline:
    cdef readonly Market market
    cdef readonly Outbox outbox
    cdef readonly list tracks
    cdef readonly int64_t frames
    cdef readonly int64_t messages
    cdef readonly int64_t malformed
    cdef readonly int64_t strangers
    cdef readonly int64_t sequence  # of the connection's frames, where the venue numbers them
    cdef readonly int64_t gaps  # in a connection's numbers or a book's, whether or not another connection filled them
    cdef object spoilt_by
    cdef list print_tracks  # the tracks that publish this connection's prints
    cdef list samples  # the last frame of each kind, for a rehearsal
    cdef bint holding
    cdef bint recorded  # the frames that are processed have times of their own

    cpdef list process(
        self, object frames, int64_t receive_ns, int64_t now_ns, ConnectionSequence connection=*)
    cdef int process_one(
        self, bytes frame, int64_t receive_ns, int64_t now_ns, ConnectionSequence connection) except -2
    cdef void measure_frame(self, int64_t begin_ns, int64_t decoded_ns, int64_t receive_ns) noexcept nogil
    cdef int dispatch(
        self, Message *message, bytes frame, int64_t receive_ns, int64_t now_ns, ConnectionSequence connection
    ) except -1
    cdef int apply_delta(
        self, Track track, Message *message, bytes frame, int64_t receive_ns, int64_t now_ns,
        ConnectionSequence connection
    ) except -1
    cdef int retry(self, int64_t now_ns) except -1
    cdef int check_frame_number(self, int64_t receive_ns, int64_t now_ns) except -1

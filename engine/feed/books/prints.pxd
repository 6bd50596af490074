"""The compiled face of an instrument's prints."""

from cython cimport final
from libc.stdint cimport int64_t

from engine.feed.books.outbox cimport Outbox
from engine.venues.market cimport Message


@final
cdef class Prints:
    cdef readonly int64_t received  # on this connection
    cdef readonly int64_t published, gaps
    cdef bint has_second_source  # another connection may bring a missing print: later ones are held for a while
    cdef int instrument
    cdef Outbox outbox
    cdef int64_t received_id[2]  # the newest one of this connection, for each of the venue's numberings
    cdef int64_t published_id[2]  # the newest one published, from any connection
    cdef int64_t published_ns[2]  # the venue's time of this newest one
    cdef bint following  # prints were published, or could have been: past ones of the next subscription were missed
    cdef dict held
    cdef int64_t held_ns

    cdef bint count(self, Message *message) noexcept nogil
    cdef int add(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1
    cdef bint is_later(self, const Message *message, int64_t before) noexcept nogil
    cdef int hold(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1
    cdef int release(self, bint gaps, int64_t now_ns) except -1
    cdef int publish(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1
    cdef int expire(self, int64_t now_ns, int64_t hold_ns) except -1
    cdef int disconnect(self, int64_t now_ns) except -1
    cdef int replace(self, Prints before) except -1

"""The compiled face of an instrument's prints."""

from libc.stdint cimport int64_t

from engine.feed.books.outbox cimport Outbox
from engine.venues.market cimport Message

cdef class Prints:
    cdef readonly int64_t heard  # that this connection brought
    cdef readonly int64_t told, gaps
    cdef bint patient  # another connection may bring a missing one: what lies behind it is held for a while
    cdef int instrument
    cdef Outbox outbox
    cdef int64_t heard_id[2]  # of this connection's; told_id: of those told, whoever brought them
    cdef int64_t told_id[2]
    cdef int64_t told_ns[2]  # the venue's time of the last one told
    cdef bint followed  # prints were told or could have been: later ones that a subscription begins with were missed
    cdef dict held
    cdef int64_t held_ns

    cdef bint hear(self, Message *message) noexcept nogil
    cdef int take(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1
    cdef bint is_later(self, const Message *message, int64_t before) noexcept nogil
    cdef int hold(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1
    cdef int release(self, bint gaps, int64_t now_ns) except -1
    cdef int tell(self, Message *message, int64_t receive_ns, int64_t now_ns) except -1
    cdef int expire(self, int64_t now_ns, int64_t hold_ns) except -1
    cdef int disconnect(self, int64_t now_ns) except -1
    cdef int take_over(self, Prints before) except -1

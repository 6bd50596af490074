"""The compiled face of a connection's sequence."""

from cython cimport final
from libc.stdint cimport int64_t

from engine.venues.market cimport Message, Rule

cdef enum:
    IN_ORDER = 0
    LOST = 1  # this connection lost at least one message before this one
    RESTARTED = 2  # the venue restarted its numbering

cdef struct Received:
    int64_t last  # the newest number, -1 before the first
    int64_t books
    int64_t prints
    int64_t bests


@final
cdef class ConnectionSequence:
    cdef Received *received

    cdef void count(self, const Message *message) noexcept nogil
    cdef int follow(self, Message *message, Rule rule) noexcept nogil

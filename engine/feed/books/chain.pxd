"""The compiled face of a connection's chain."""

from libc.stdint cimport int64_t

from engine.venues.market cimport Message, Rule

cdef enum:
    IN_ORDER = 0
    HOLE = 1  # this connection lost what stood between
    BACK = 2  # the venue counts anew

cdef struct Said:
    int64_t last  # the number told last, -1 before any
    int64_t books
    int64_t prints
    int64_t bests

cdef class Chain:
    cdef Said *said

    cdef void hear(self, const Message *message) noexcept nogil
    cdef int follow(self, Message *message, Rule rule) noexcept nogil

cdef struct Mark:
    bint looked
    bint waiting
    int64_t seen  # where the other one stood at the last look
    int64_t number  # what is waited for
    int64_t since_ns

cdef class Pace:
    cdef Mark *marks

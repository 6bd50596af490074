# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The newest sequence number of each listing on one connection, and how many messages it delivered.

    ... 104 ─ 105 ─ 107      LOST: this connection lost 106, even if another connection brought 106 long before
    ... 104 ─ 105 ─ 3        RESTARTED: the venue restarted its numbering, so every later number would look old

A book that two connections feed shows a gap only if both of them lost the message. This class finds the loss of each
connection alone, so that a connection that loses messages is replaced before it is the only one. `ConnectionLag`
finds a connection that has stopped.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free

from engine.venues.market cimport BEST, DELTA, LISTINGS_MAX, PRINT, SNAPSHOT, TOP, Message, Rule


cdef class ConnectionSequence:
    """The newest sequence number of each listing on one connection, and the number of its messages."""

    def __cinit__(self):
        """Begin before the first message."""
        cdef int index
        self.received = <Received *>calloc(LISTINGS_MAX, sizeof(Received))
        if self.received == NULL:
            raise MemoryError(f"cannot allocate the sequence numbers of {LISTINGS_MAX} listings")
        for index in range(LISTINGS_MAX):
            self.received[index].last = -1

    def __dealloc__(self):
        free(self.received)

    def counts(self, int index):
        """Return how many messages came of a listing's book, its prints and its best prices."""
        assert 0 <= index < LISTINGS_MAX, "no listing has this index"
        return self.received[index].books, self.received[index].prints, self.received[index].bests

    cdef void count(self, const Message *message) noexcept nogil:
        """Count a message of a listing."""
        cdef Received *received = &self.received[message.index]
        received.books += message.kind == DELTA or message.kind == SNAPSHOT
        received.prints += message.kind == PRINT
        received.bests += message.kind == BEST or message.kind == TOP

    cdef int follow(self, Message *message, Rule rule) noexcept nogil:
        """Compare a delta's number with the one before it on this connection: IN_ORDER, LOST or RESTARTED."""
        cdef Received *received = &self.received[message.index]
        cdef int64_t before = received.last
        if not message.sequenced:
            return IN_ORDER
        received.last = message.last
        if before < 0 or message.last == before:
            return IN_ORDER
        if message.last < before:
            return RESTARTED
        return IN_ORDER if rule.follows(message, before) else LOST

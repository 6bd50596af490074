# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""One connection's own run of each book's numbers, whatever the book has from elsewhere.

    ... 104 ─ 105 ─ 107      a hole: this connection lost 106, though another one may have brought it long before
    ... 104 ─ 105 ─ 3        backwards: the venue counts anew, and every later number would pass for an old one

A book fed by two connections shows a hole only where both have one, or where the one ahead has it. So a connection that
loses messages and comes second would be found out on the day on which it is alone.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc

from engine.venues.market cimport LISTINGS_MAX, Message, Rule


cdef class Chain:
    """The number that a connection told last of each listing."""

    def __cinit__(self):
        """Nothing told."""
        cdef int index
        self.last = <int64_t *>malloc(LISTINGS_MAX * sizeof(int64_t))
        if self.last == NULL:
            raise MemoryError("no memory for a connection's numbers")
        for index in range(LISTINGS_MAX):
            self.last[index] = -1

    def __dealloc__(self):
        free(self.last)

    cdef int follow(self, Message *message, Rule rule) noexcept nogil:
        """Take the next change of a book: whether it follows the one before on this connection."""
        cdef int64_t before = self.last[message.index]
        if not message.sequenced:
            return IN_ORDER
        self.last[message.index] = message.last
        if before < 0 or message.last == before:
            return IN_ORDER
        if message.last < before:
            return BACK
        return IN_ORDER if rule.follows(message, before) else HOLE

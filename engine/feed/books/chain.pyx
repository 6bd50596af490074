# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""What one connection has said of each book, whatever the book has from elsewhere.

    ... 104 ─ 105 ─ 107      a hole: this connection lost 106, though another one may have brought it long before
    ... 104 ─ 105 ─ 3        backwards: the venue counts anew, and every later number would pass for an old one
    ... 104 ─ 105            and no more, while another connection is at 200: it has stopped

A book fed by two connections shows a hole only where both have one, or where the one ahead has it, and moves on while
either speaks. So a connection that loses messages, or says nothing, would be found out on the day on which it is alone.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free

from engine.venues.market cimport BEST, DELTA, LISTINGS_MAX, PRINT, SNAPSHOT, TOP, Message, Rule


cdef class Chain:
    """The number that a connection told last of each listing, and how often it has spoken of it."""

    def __cinit__(self):
        """Nothing told."""
        cdef int index
        self.said = <Said *>calloc(LISTINGS_MAX, sizeof(Said))
        if self.said == NULL:
            raise MemoryError("no memory for what a connection says")
        for index in range(LISTINGS_MAX):
            self.said[index].last = -1

    def __dealloc__(self):
        free(self.said)

    def spoken(self, int index):
        """How often of its book, its prints, its best prices."""
        assert 0 <= index < LISTINGS_MAX, "no listing has this index"
        return self.said[index].books, self.said[index].prints, self.said[index].bests

    cdef void hear(self, const Message *message) noexcept nogil:
        """Count a message of a listing."""
        cdef Said *said = &self.said[message.index]
        said.books += message.kind == DELTA or message.kind == SNAPSHOT
        said.prints += message.kind == PRINT
        said.bests += message.kind == BEST or message.kind == TOP

    cdef int follow(self, Message *message, Rule rule) noexcept nogil:
        """Take the next change of a book: whether it follows the one before on this connection."""
        cdef Said *said = &self.said[message.index]
        cdef int64_t before = said.last
        if not message.sequenced:
            return IN_ORDER
        said.last = message.last
        if before < 0 or message.last == before:
            return IN_ORDER
        if message.last < before:
            return BACK
        return IN_ORDER if rule.follows(message, before) else HOLE


cdef class Pace:
    """How far a connection is behind another one in what it tells of the same books, in time."""

    def __cinit__(self):
        """Nothing to reach."""
        self.marks = <Mark *>calloc(LISTINGS_MAX, sizeof(Mark))
        if self.marks == NULL:
            raise MemoryError("no memory for how connections keep up")

    def __dealloc__(self):
        free(self.marks)

    def lag_ns(self, Chain own, Chain other, int count, int64_t now_ns):
        """For how long `own` owes what `other` has told since the first look; of the first `count` books the worst."""
        cdef int index
        cdef int64_t worst = 0
        assert 0 <= count <= LISTINGS_MAX, "more books than there can be listings"
        for index in range(count):
            worst = max(worst, waited_ns(&self.marks[index], own.said[index].last, other.said[index].last, now_ns))
        return worst


cdef int64_t waited_ns(Mark *mark, int64_t own, int64_t other, int64_t now_ns) noexcept nogil:
    """Look at one book: what the other told is waited for until it is reached, or the other goes back behind it."""
    if mark.waiting and (own >= mark.number or other < mark.number):
        mark.waiting = False
    if not mark.waiting and mark.looked and other > mark.seen and other > own:
        mark.waiting, mark.number, mark.since_ns = True, other, now_ns
    mark.looked, mark.seen = True, other
    return now_ns - mark.since_ns if mark.waiting else 0

# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""How long one connection has not delivered what another connection of the same books delivered.

    own    ... 104 ─ 105
    other  ... 104 ─ 105 ─ … ─ 200     own must reach 200; the lag is the time since the other connection reached it
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free

from engine.feed.books.connection_sequence cimport ConnectionSequence
from engine.venues.market cimport LISTINGS_MAX


cdef class ConnectionLag:
    """The lag of one connection, compared with one other."""

    def __cinit__(self):
        """Begin without a number to reach."""
        self.targets = <Target *>calloc(LISTINGS_MAX, sizeof(Target))
        if self.targets == NULL:
            raise MemoryError(f"cannot allocate the lags of {LISTINGS_MAX} listings")

    def __dealloc__(self):
        free(self.targets)

    def lag_ns(self, ConnectionSequence own, ConnectionSequence other, int count, int64_t now_ns):
        """Return the longest lag of the first `count` listings; messages from before the first call do not count."""
        cdef int index
        cdef int64_t worst = 0
        assert 0 <= count <= LISTINGS_MAX, "more books than listings"
        for index in range(count):
            worst = max(worst, lag_of(
                &self.targets[index], own.received[index].last, other.received[index].last, now_ns))
        return worst


cdef int64_t lag_of(Target *target, int64_t own, int64_t other, int64_t now_ns) noexcept nogil:
    """Compare one listing. A number is due until it is reached, or until the other connection restarts below it."""
    if target.pending and (own >= target.number or other < target.number):
        target.pending = False
    if not target.pending and target.compared and other > target.seen and other > own:
        target.pending, target.number, target.since_ns = True, other, now_ns
    target.compared, target.seen = True, other
    return now_ns - target.since_ns if target.pending else 0

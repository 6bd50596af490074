# cython: language_level=3
"""What risk knows of the books: the newest top of each instrument, as the feed published it."""

from libc.math cimport NAN
from libc.stdint cimport int64_t

from engine.book.measures cimport spread_bps_of

from engine.model.words import BookState

GOOD = int(BookState.GOOD)

cdef enum:
    C_EMPTY = 0
    C_GOOD = 1

assert (BookState.EMPTY, BookState.GOOD) == (C_EMPTY, C_GOOD)


cdef class Top:
    """One instrument's newest top."""

    def __init__(self):
        """Begin knowing nothing."""
        self.state = C_EMPTY
        self.spread_bps = NAN

    @property
    def middle2(self):
        """Bid + ask, twice the middle, so that no half is lost; 0 when a side is empty. A sum may need 65 bits."""
        return <object>self.bid + <object>self.ask if self.two_sided else 0

    cpdef int update(self, int state, int64_t bid, int64_t ask, int64_t receive_ns) except -1:
        """Take over a published top; one with an empty side has no middle and is not good."""
        self.bid = bid
        self.ask = ask
        self.receive_ns = receive_ns
        self.two_sided = bid > 0 and ask > 0
        self.state = C_EMPTY if state == C_GOOD and not self.two_sided else state
        self.spread_bps = spread_bps_of(bid, ask) if self.state == C_GOOD else NAN  # the one that the feed publishes
        return 0

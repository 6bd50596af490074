# cython: language_level=3
"""What risk knows of the books: the newest top of each instrument, as the feed published it."""

from libc.math cimport NAN
from libc.stdint cimport int64_t

from engine.book.measures cimport spread_bps_of
from engine.model.words cimport BOOK_CROSSED, BOOK_EMPTY, BOOK_GOOD

from engine.model.words import BookState

GOOD = int(BookState.GOOD)


cdef class Top:
    """One instrument's newest top."""

    def __init__(self):
        """Begin knowing nothing."""
        self.state = BOOK_EMPTY
        self.spread_bps = self.imbalance = NAN

    @property
    def middle2(self):
        """Bid + ask, twice the middle, so that no half is lost; 0 when a side is empty. A sum may need 65 bits."""
        return <object>self.bid + <object>self.ask if self.two_sided else 0

    @property
    def good_middle2(self):
        """The middle, doubled, of the last good book; 0 before the first one. Exits are compared with it."""
        return <object>self.good_bid + <object>self.good_ask

    def takes(self, int side, price):
        """Whether an order at this price reaches the other side of the last good book."""
        return price >= <object>self.good_ask if side > 0 else price <= <object>self.good_bid

    cpdef int forget(self) except -1:
        """Know nothing of the book as it is now; the last good prices stay what they were."""
        return self.update(BOOK_EMPTY, 0, 0, 0)

    cpdef int update(self, int state, int64_t bid, int64_t ask, int64_t receive_ns) except -1:
        """Store a published top. One with an empty side has no middle, and one whose bid reaches the ask is wrong.

        In one venue's book a bid at the ask is a trade, so a locked book is as impossible as a crossed one.
        """
        self.bid = bid
        self.ask = ask
        self.receive_ns = receive_ns
        self.two_sided = bid > 0 and ask > 0
        if state == BOOK_GOOD:
            state = BOOK_EMPTY if not self.two_sided else BOOK_CROSSED if bid >= ask else BOOK_GOOD
        self.state = state
        self.spread_bps = NAN
        if state == BOOK_GOOD:
            self.good_bid, self.good_ask = bid, ask
            self.spread_bps = spread_bps_of(bid, ask)  # the one that the feed publishes
        return 0

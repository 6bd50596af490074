# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The book of one instrument as it is received, which all strategies of a pass share: no order of ours changes it."""

from cython cimport final
from libc.stdint cimport int64_t

from engine.book.book cimport Book
from engine.model.words cimport (
    BOOK_CROSSED, BOOK_EMPTY, BOOK_GOOD, FLAG_LAST, FLAG_RESET, TICK_LEVEL, TICK_STATE,
)
from research.simulate.data.event cimport Event


@final
cdef class Received:
    """One instrument's."""

    def __init__(self, number):
        """Begin with an empty book; `number` is the instrument's id."""
        self.number, self.book, self.state, self.feed_state = number, Book(), BOOK_EMPTY, BOOK_GOOD

    cdef int apply(self, const Event *event) except -1:
        """Apply one event that the strategy receives."""
        if event.flags & FLAG_RESET:
            self.book.empty()
            self.state, self.changed = BOOK_EMPTY, True
        if event.kind == TICK_LEVEL:
            self.book.put(event.side, event.price, event.size)
            self.changed = True
        elif event.kind == TICK_STATE:
            self.changed = True
            self.feed_state = <int>event.size
        if event.flags & FLAG_LAST:
            self.judge_book()
        return 0

    cdef void judge_book(self) noexcept nogil:
        """The state of the book at the end of a message."""
        cdef int64_t bid, ask
        if not best_prices(self.book, &bid, &ask):
            self.state = self.feed_state
        elif bid >= ask:
            self.state = BOOK_CROSSED
        else:
            self.state = self.feed_state
            if self.state == BOOK_GOOD:
                self.good_middle2 = bid + ask

    cdef int64_t middle2(self) noexcept nogil:
        """Twice the middle of a good book with two sides; 0 otherwise."""
        cdef int64_t bid, ask
        return bid + ask if self.state == BOOK_GOOD and best_prices(self.book, &bid, &ask) else 0

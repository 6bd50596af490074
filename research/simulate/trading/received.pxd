"""The compiled face of the book of one instrument as it is received."""

from cython cimport final
from libc.stdint cimport int64_t, uint32_t

from engine.book.book cimport Book
from engine.book.side cimport best_of
from research.simulate.data.event cimport Event


@final
cdef class Received:
    cdef readonly uint32_t number  # the instrument's id
    cdef readonly Book book
    cdef readonly int state  # BookState
    cdef bint changed  # since strategies were last shown the book
    cdef int feed_state  # what the data says of the book, GOOD unless a STATE says otherwise
    cdef int64_t good_middle2  # twice the middle of the last good book

    cdef int apply(self, const Event *event) except -1
    cdef void judge_book(self) noexcept nogil
    cdef int64_t middle2(self) noexcept nogil


cdef inline bint best_prices(Book book, int64_t *bid, int64_t *ask) noexcept nogil:
    """The best prices of a book; False without both."""
    cdef int64_t key, size
    if not best_of(&book.bids, bid, &size) or not best_of(&book.asks, &key, &size):
        return False
    ask[0] = -key
    return True

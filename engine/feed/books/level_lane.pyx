# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""One book at its full depth on the lane LEVELS: changes, whole books, and rounds for readers that join late.

    a change         LEVEL price, size, size before
    a new book       STATE RESYNCING + RESET, then every level + SNAPSHOT, best first, bids then asks
    a round          STATE + REFRESH, then every level + REFRESH, a few levels at each call

Every method adds records to the event that the outbox has begun; the caller begins it and ends it.
"""

from libc.stdint cimport INT64_MAX, int64_t

from engine.book.side cimport Cursor, Side, cursor_after, first, step_on
from engine.feed.books.outbox cimport Outbox
from engine.model.words cimport BOOK_RESYNCING, FLAG_REFRESH, FLAG_RESET, FLAG_SNAPSHOT, TICK_LEVEL, TICK_STATE

cdef enum:
    ROUND_NS = 1_000_000_000  # the least time between the beginnings of two rounds


cdef class LevelLane:
    """The levels of one book, where the system publishes them."""

    def __init__(self, Outbox outbox, bint enabled):
        """Write through this outbox; with `enabled` false the callers publish no levels."""
        self.outbox, self.enabled = outbox, enabled

    cdef void change(self, int side, int64_t price, int64_t size, int64_t before) noexcept nogil:
        """Add a level's change of size."""
        self.outbox.level(TICK_LEVEL, side, price, size, before, 0)

    cdef void remove_beyond(self, int side, const Side *levels, Py_ssize_t depth) noexcept nogil:
        """Add the removal of each level of a side beyond the depth."""
        cdef Cursor cursor = first(levels)
        cdef int64_t key, size
        cdef Py_ssize_t place = 0
        if levels.count <= depth:
            return
        while step_on(levels, &cursor, &key, &size):
            place += 1
            if place > depth:
                self.outbox.level(TICK_LEVEL, side, side * key, 0, size, 0)

    cdef void restart(self) noexcept nogil:
        """Add the beginning of a new book: readers drop the levels they hold. A round under way is over."""
        self.round_side = 0
        self.outbox.level(TICK_STATE, 0, 0, 0, BOOK_RESYNCING, FLAG_RESET | FLAG_SNAPSHOT)

    cdef void add_side(self, int side, const Side *levels) noexcept nogil:
        """Add every level of a side, best first."""
        cdef Cursor cursor = first(levels)
        cdef int64_t key, size
        while step_on(levels, &cursor, &key, &size):
            self.outbox.level(TICK_LEVEL, side, side * key, size, 0, FLAG_SNAPSHOT)

    cdef bint is_due(self, int64_t now_ns) noexcept nogil:
        """Whether a round is under way, or the next one may begin."""
        return self.enabled and (self.round_side != 0 or now_ns - self.round_ns >= ROUND_NS)

    cdef void add_round(
        self, int state, const Side *bids, const Side *asks, Py_ssize_t count, int64_t now_ns
    ) noexcept nogil:
        """Add the next `count` levels of the round; a round begins with the book's state."""
        if self.round_side == 0:
            self.round_ns = now_ns
            self.outbox.level(TICK_STATE, 0, 0, 0, state, FLAG_REFRESH)
            self.round_side, self.round_key = 1, INT64_MAX
        count -= self.add_from_key(bids if self.round_side > 0 else asks, count)
        if count > 0 and self.round_side > 0:
            self.round_side, self.round_key = -1, INT64_MAX
            count -= self.add_from_key(asks, count)
        if count > 0:
            self.round_side = 0

    cdef Py_ssize_t add_from_key(self, const Side *levels, Py_ssize_t count) noexcept nogil:
        """Add up to `count` levels after the key added last, best first; return how many there were."""
        cdef Cursor cursor = cursor_after(levels, self.round_key)
        cdef int64_t size
        cdef Py_ssize_t done = 0
        while done < count and step_on(levels, &cursor, &self.round_key, &size):
            self.outbox.level(TICK_LEVEL, self.round_side, self.round_side * self.round_key, size, size, FLAG_REFRESH)
            done += 1
        return done

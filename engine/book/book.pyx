# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""An order book of int64 prices and sizes: two sides (`side.pxd`), and the questions about both.

No Python object is made for a level. Memory is bounded: beyond `level_limit` levels a side, a level worse than all
others is refused and counted, and a better one replaces the worst. From then on, until it is emptied, the book is cut:
it accepts no level as bad as the best one that it lost or worse, and is hollow when half of its levels are gone.

It knows no venue: sequence rules, checksums and the state of the book (GOOD, SUSPECT, …) are in the feed.
"""

from libc.stdint cimport INT64_MIN, int64_t

from engine.book.side cimport (
    Cursor, Side, best_of, close_side, cut_side, empty_side, first, hollow, open_side, put_key, step_on,
)
from engine.model.wide cimport int_of, wide_t


cdef class Book:
    """One instrument's levels; side +1 is bids, -1 asks."""

    def __cinit__(self, Py_ssize_t level_limit=1 << 17):
        if level_limit < 1:
            raise ValueError(f"level_limit must be at least 1, was {level_limit}")
        self.level_limit = level_limit
        if not open_side(&self.bids, level_limit) or not open_side(&self.asks, level_limit):
            raise MemoryError("no memory for a book's first levels")

    def __dealloc__(self):
        close_side(&self.bids)
        close_side(&self.asks)

    cdef int64_t put(self, int side, int64_t price, int64_t size) noexcept nogil:
        """Set a level to an absolute size, 0 removes it; the size it had before."""
        if side > 0:
            return put_key(&self.bids, price, size, self.level_limit, &self.refused)
        return put_key(&self.asks, -price, size, self.level_limit, &self.refused)

    cdef void cut(self, Py_ssize_t depth) noexcept nogil:
        """Keep the best `depth` levels a side."""
        cut_side(&self.bids, depth)
        cut_side(&self.asks, depth)

    cdef void empty(self) noexcept nogil:
        """Forget every level."""
        empty_side(&self.bids)
        empty_side(&self.asks)

    cdef bint best_bid(self, int64_t *price, int64_t *size) noexcept nogil:
        """The best bid; False, and zeros, without a bid."""
        if best_of(&self.bids, price, size):
            return True
        price[0] = size[0] = 0
        return False

    cdef bint best_ask(self, int64_t *price, int64_t *size) noexcept nogil:
        """The best ask; False, and zeros, without an ask."""
        if best_of(&self.asks, price, size):
            price[0] = -price[0]
            return True
        price[0] = size[0] = 0
        return False

    cdef bint crossed(self) noexcept nogil:
        """Whether the best bid is at or over the best ask."""
        cdef int64_t bid, ask, size
        return best_of(&self.bids, &bid, &size) and best_of(&self.asks, &ask, &size) and bid >= -ask

    cdef bint is_hollow(self) noexcept nogil:
        """Whether levels were cut, and those left may soon not reach as far as they are needed."""
        return hollow(&self.bids, self.level_limit) or hollow(&self.asks, self.level_limit)

    cdef Py_ssize_t copy_top(self, int side, Py_ssize_t depth, int64_t *price, int64_t *size) noexcept nogil:
        """Write the best levels, best first; how many there were."""
        cdef Side *levels = &self.bids if side > 0 else &self.asks
        cdef int64_t sign = 1 if side > 0 else -1
        cdef Py_ssize_t count = min(depth, levels.count)
        cdef Cursor cursor = first(levels)
        cdef Py_ssize_t i
        for i in range(count):
            step_on(levels, &cursor, &price[i], &size[i])
            price[i] *= sign
        return count

    def set(self, int side, int64_t price, int64_t size):
        """Set a level to an absolute size; 0 removes it, and removing an unknown level is normal. The size before."""
        if side not in (1, -1):
            raise ValueError(f"side must be 1 or -1, was {side}")
        if size < 0:
            raise ValueError(f"size must not be negative, was {size}")
        if price == INT64_MIN:
            raise ValueError("price must be above -2^63")
        return self.put(side, price, size)

    def set_levels(self, const int64_t[:, ::1] levels):
        """Set many, in order: rows of side, price and absolute size; a row that `set` would refuse ends it."""
        cdef Py_ssize_t i
        if levels.shape[1] != 3:
            raise ValueError(f"a row must be side, price, size, had {levels.shape[1]} columns")
        for i in range(levels.shape[0]):
            if levels[i, 1] == INT64_MIN or levels[i, 2] < 0:
                raise ValueError(f"a row must have a price above -2^63 and a size of 0 or more, row {i} was "
                                 f"{levels[i, 0]}, {levels[i, 1]}, {levels[i, 2]}")
            self.put(1 if levels[i, 0] > 0 else -1, levels[i, 1], levels[i, 2])

    def truncate(self, Py_ssize_t depth):
        """Keep the best `depth` levels a side."""
        if depth < 0:
            raise ValueError(f"depth must not be negative, was {depth}")
        self.cut(depth)

    def clear(self):
        """Forget every level."""
        self.empty()

    def best(self, int side):
        """The best level of a side as (price, size), or None."""
        cdef int64_t price, size
        found = self.best_bid(&price, &size) if side > 0 else self.best_ask(&price, &size)
        return (price, size) if found else None

    def top(self, int side, Py_ssize_t depth):
        """The best `depth` levels of a side as (price, size), best first."""
        cdef Side *levels = &self.bids if side > 0 else &self.asks
        cdef int64_t sign = 1 if side > 0 else -1
        cdef Cursor cursor = first(levels)
        cdef int64_t key, size
        found = []
        while len(found) < depth and step_on(levels, &cursor, &key, &size):
            found.append((sign * key, size))
        return found

    def count(self, int side):
        """How many levels a side has."""
        return self.bids.count if side > 0 else self.asks.count

    def is_cut(self):
        """Whether levels were refused or pushed out since the book was emptied."""
        return self.bids.open_room < 0 or self.asks.open_room < 0

    def is_crossed(self):
        """Whether the best bid is at or over the best ask."""
        return self.crossed()

    def depth(self, int side, Py_ssize_t levels):
        """The total size of the best `levels` levels of a side."""
        cdef Side *source = &self.bids if side > 0 else &self.asks
        cdef Cursor cursor = first(source)
        cdef int64_t key, size
        cdef wide_t total = 0
        while levels > 0 and step_on(source, &cursor, &key, &size):
            total += size
            levels -= 1
        return int_of(total)

    def walk(self, int side, int64_t size):
        """The result of an order of `size` against a side: (size found, worst price, exact notional)."""
        cdef Side *source = &self.bids if side > 0 else &self.asks
        cdef Cursor cursor = first(source)
        cdef int64_t left = size, take = 0, key = 0, met = 0
        cdef wide_t notional = 0
        while left > 0 and step_on(source, &cursor, &key, &met):
            take = min(left, met)
            notional += <wide_t>key * take
            left -= take
        if left == size:
            return 0, None, 0
        return size - left, key if side > 0 else -key, int_of(notional if side > 0 else -notional)

# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""An order book of int64 prices and sizes: two flat sorted arrays, the best level last.

    bids   key = price     ┌ worst … … … … … best ┐   ascending keys; an insertion moves only
    asks   key = -price    └ worst … … … … … best ┘   the levels between it and the best

Changes cluster at the best price, so the search gallops from there: a change a few levels deep touches one or two
cache lines whatever the depth of the book. A tick array with a bitmap is a little faster while prices stay in its
window, but a real book has levels at a tenth and at ten times the price, and needs these arrays beside it anyway.

No Python object is made for a level. Memory is bounded: beyond `level_limit` levels a side, a level worse than all
others is refused and counted, a better one pushes the worst out.

It knows no venue: sequence rules, checksums and the question whether it may be believed live with their owners.
"""

from libc.stdint cimport INT64_MIN, int64_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memmove

cdef Py_ssize_t FIRST_ROOM = 1024


cdef inline Py_ssize_t find(Side *side, int64_t key) noexcept nogil:
    """The place of the first level whose key is not below `key`: gallop from the best, then halve."""
    cdef int64_t *keys = side.key
    cdef Py_ssize_t high = side.count - 1
    cdef Py_ssize_t low, step = 4, length, half
    if high < 0 or keys[high] < key:
        return high + 1
    low = high - step
    while low >= 0 and keys[low] >= key:
        high = low
        step <<= 1
        low = high - step
    low = 0 if low < 0 else low + 1
    length = high - low
    while length > 0:
        half = length >> 1
        if keys[low + half] < key:
            low += half + 1
            length -= half + 1
        else:
            length = half
    return low


cdef inline bint grow(Side *side, Py_ssize_t limit) noexcept nogil:
    """Make room for one more level; False at the limit or without memory."""
    cdef Py_ssize_t room
    cdef int64_t *key
    cdef int64_t *size
    if side.count < side.room:
        return True
    if side.room >= limit:
        return False
    room = min(side.room * 2, limit)
    key = <int64_t *>realloc(side.key, room * sizeof(int64_t))
    if key == NULL:
        return False
    side.key = key
    size = <int64_t *>realloc(side.size, room * sizeof(int64_t))
    if size == NULL:
        return False
    side.size = size
    side.room = room
    return True


cdef inline void move(Side *side, Py_ssize_t target, Py_ssize_t source, Py_ssize_t count) noexcept nogil:
    """Shift `count` levels."""
    memmove(side.key + target, side.key + source, count * sizeof(int64_t))
    memmove(side.size + target, side.size + source, count * sizeof(int64_t))


cdef inline int64_t put_key(Side *side, int64_t key, int64_t size, Py_ssize_t limit, int64_t *refused) noexcept nogil:
    """Set, insert or remove one level; the size it had before."""
    cdef Py_ssize_t place = find(side, key)
    cdef int64_t before
    if place < side.count and side.key[place] == key:
        before = side.size[place]
        if size:
            side.size[place] = size
        else:
            move(side, place, place + 1, side.count - place - 1)
            side.count -= 1
        return before
    if size == 0:
        return 0
    if grow(side, limit):
        move(side, place + 1, place, side.count - place)
        side.count += 1
    else:
        refused[0] += 1
        if place == 0:
            return 0
        place -= 1
        move(side, 0, 1, place)
    side.key[place] = key
    side.size[place] = size
    return 0


cdef inline void cut_side(Side *side, Py_ssize_t depth) noexcept nogil:
    """Keep the best `depth` levels."""
    cdef Py_ssize_t extra = side.count - depth
    if extra > 0:
        move(side, 0, extra, depth)
        side.count = depth


cdef inline bint make_room(Side *side, Py_ssize_t room) noexcept:
    """Reserve a side's first arrays."""
    side.count = 0
    side.room = room
    side.key = <int64_t *>malloc(room * sizeof(int64_t))
    side.size = <int64_t *>malloc(room * sizeof(int64_t))
    return side.key != NULL and side.size != NULL


cdef class Book:
    """One instrument's levels; side +1 is bids, -1 asks."""

    def __cinit__(self, Py_ssize_t level_limit=1 << 17):
        if level_limit < 1:
            raise ValueError(f"level_limit must be at least 1, was {level_limit}")
        self.level_limit = level_limit
        room = min(FIRST_ROOM, level_limit)
        if not make_room(&self.bids, room) or not make_room(&self.asks, room):
            raise MemoryError("no memory for a book's first levels")

    def __dealloc__(self):
        free(self.bids.key)
        free(self.bids.size)
        free(self.asks.key)
        free(self.asks.size)

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
        self.bids.count = 0
        self.asks.count = 0

    cdef bint best_bid(self, int64_t *price, int64_t *size) noexcept nogil:
        """The best bid; False, and zeros, when there is none."""
        if self.bids.count == 0:
            price[0] = size[0] = 0
            return False
        price[0] = self.bids.key[self.bids.count - 1]
        size[0] = self.bids.size[self.bids.count - 1]
        return True

    cdef bint best_ask(self, int64_t *price, int64_t *size) noexcept nogil:
        """The best ask; False, and zeros, when there is none."""
        if self.asks.count == 0:
            price[0] = size[0] = 0
            return False
        price[0] = -self.asks.key[self.asks.count - 1]
        size[0] = self.asks.size[self.asks.count - 1]
        return True

    cdef bint crossed(self) noexcept nogil:
        """Whether the best bid is at or over the best ask."""
        if self.bids.count == 0 or self.asks.count == 0:
            return False
        return self.bids.key[self.bids.count - 1] >= -self.asks.key[self.asks.count - 1]

    cdef Py_ssize_t copy_top(self, int side, Py_ssize_t depth, int64_t *price, int64_t *size) noexcept nogil:
        """Write the best levels, best first; how many there were."""
        cdef Side *levels = &self.bids if side > 0 else &self.asks
        cdef int64_t sign = 1 if side > 0 else -1
        cdef Py_ssize_t last = levels.count - 1
        cdef Py_ssize_t count = min(depth, levels.count)
        cdef Py_ssize_t i
        for i in range(count):
            price[i] = sign * levels.key[last - i]
            size[i] = levels.size[last - i]
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
        """Set many: rows of side, price and absolute size, taken as they are, in order."""
        cdef Py_ssize_t i
        if levels.shape[1] != 3:
            raise ValueError(f"a row must be side, price, size, had {levels.shape[1]} columns")
        for i in range(levels.shape[0]):
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
        cdef Py_ssize_t last = levels.count - 1
        cdef Py_ssize_t i
        return [(sign * levels.key[last - i], levels.size[last - i]) for i in range(min(depth, levels.count))]

    def count(self, int side):
        """How many levels a side has."""
        return self.bids.count if side > 0 else self.asks.count

    def is_crossed(self):
        """Whether the best bid is at or over the best ask."""
        return self.crossed()

    def depth(self, int side, Py_ssize_t levels):
        """The total size of the best `levels` levels of a side."""
        cdef Side *source = &self.bids if side > 0 else &self.asks
        cdef wide_t total = 0
        cdef Py_ssize_t i
        for i in range(min(levels, source.count)):
            total += source.size[source.count - 1 - i]
        return to_int(total)

    def walk(self, int side, int64_t size):
        """What taking `size` from a side would meet: (size found, worst price, exact notional)."""
        cdef Side *source = &self.bids if side > 0 else &self.asks
        cdef int64_t sign = 1 if side > 0 else -1
        cdef int64_t left = size, take = 0, price = 0
        cdef wide_t notional = 0
        cdef Py_ssize_t i = source.count - 1
        while i >= 0 and left > 0:
            price = sign * source.key[i]
            take = min(left, source.size[i])
            notional += <wide_t>price * take
            left -= take
            i -= 1
        return (size - left, price, to_int(notional)) if left < size else (0, None, 0)


cdef object to_int(wide_t value):
    """A 128-bit number as a Python int."""
    cdef int64_t high = <int64_t>(value >> 64)
    cdef uint64_t low = <uint64_t>value
    return (<object>high << 64) | <object>low

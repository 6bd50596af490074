# cython: language_level=3
"""How many requests left in the last minute: a sliding window, not a bucket that refills at the full minute.

The marks lie in blocks, oldest first. A block whose marks have left the window is used again, so the memory is that of
the most marks that a window has held, and no order waits while marks are copied into a larger place.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc


cdef class SlidingRate:
    """At most `limit` marks in any `window_ns`."""

    def __init__(self, int64_t limit, int64_t window_ns):
        """Begin with an empty window."""
        assert self.oldest == NULL, "initialised once"
        self.limit = limit
        self.window_ns = window_ns
        self.oldest = self.newest = self.allocate()

    def __dealloc__(self):
        """Give the blocks back."""
        cdef Block *block = self.oldest
        if block == NULL:
            return  # there was no memory for the first one
        self.clear()
        block.following = self.spare
        while block != NULL:
            following = block.following
            free(block)
            block = following

    cpdef Py_ssize_t count(self, int64_t now_ns):
        """Marks still inside the window that ends at this time."""
        cdef int64_t edge = now_ns - self.window_ns
        if self.held and self.newest.marks[self.after - 1] <= edge:
            self.clear()
        while self.held and self.oldest.marks[self.first] <= edge:
            self.first += 1
            self.held -= 1
            if self.first == MARKS:
                self.release()
        return self.held

    cpdef int mark(self, int64_t now_ns) except -1:
        """One more request left."""
        if self.after == MARKS:
            self.newest.following = self.allocate()
            self.newest, self.after = self.newest.following, 0
        self.newest.marks[self.after] = now_ns
        self.after += 1
        self.held += 1
        return 0

    cdef void clear(self) noexcept:
        """Forget every mark in one step, however many there are after a pause."""
        if self.oldest != self.newest:
            self.newest.following, self.spare = self.spare, self.oldest.following
            self.newest = self.oldest
        self.first = self.after = self.held = 0

    cdef void release(self) noexcept:
        """Keep the oldest block to be used again, and begin at the next one."""
        cdef Block *block = self.oldest
        self.oldest, self.first = block.following, 0
        block.following, self.spare = self.spare, block

    cdef Block *allocate(self) except NULL:
        """A block for the next marks."""
        cdef Block *block = self.spare
        if block != NULL:
            self.spare = block.following
        else:
            block = <Block *>malloc(sizeof(Block))
            self.blocks += 1
        if block == NULL:
            raise MemoryError
        block.following = NULL
        return block


cdef class SharedRate:
    """One part of the account's rate, and the bound on one strategy's use of it."""

    def __init__(self, int64_t limit, int64_t strategy_limit, int64_t window_ns):
        """Begin with nothing used."""
        self.account = SlidingRate(limit, window_ns)
        self.strategy_limit = strategy_limit
        self.strategies = {}

    cpdef SlidingRate full(self, int64_t now_ns, object strategy):
        """The bound that one more request would exceed, the account's before the strategy's; None: both have room."""
        cdef SlidingRate own
        if self.account.count(now_ns) >= self.account.limit:
            return self.account
        own = self.strategies.get(strategy)
        if own is not None and own.count(now_ns) >= own.limit:
            return own
        return None

    def half_full(self, int64_t now_ns, object strategy):
        """The same against half of each bound, rounded down."""
        cdef SlidingRate own = self.own(strategy)
        if self.account.count(now_ns) >= self.account.limit // 2:
            return self.account
        return own if own.count(now_ns) >= own.limit // 2 else None

    cpdef int mark(self, int64_t now_ns, object strategy) except -1:
        """One more request of this strategy left."""
        self.account.mark(now_ns)
        return self.own(strategy).mark(now_ns)

    cpdef int set_limits(self, int64_t account, int64_t strategy) except -1:
        """Bound the account and each strategy anew; the marks of the last minute still count."""
        cdef SlidingRate own
        self.account.limit, self.strategy_limit = account, strategy
        for own in self.strategies.values():
            own.limit = strategy
        return 0

    cdef SlidingRate own(self, object strategy):
        """One strategy's use."""
        cdef SlidingRate own = self.strategies.get(strategy)
        if own is None:
            own = self.strategies[strategy] = SlidingRate(self.strategy_limit, self.account.window_ns)
        return own

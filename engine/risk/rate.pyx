# cython: language_level=3
"""How many requests left in the last minute: a sliding window, not a bucket that refills at the full minute.

The marks lie in a circle with room for the limit, so that no order waits for it to grow. It doubles when it is full,
after a limit was raised.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc

cdef enum:
    FIRST_CAPACITY = 64  # a power of two, as every later one
    CAPACITY_MOST = 1 << 20  # of a circle at its begin: memory that no mark uses is never touched


cdef class SlidingRate:
    """At most `limit` marks in any `window_ns`."""

    def __init__(self, int64_t limit, int64_t window_ns):
        """Begin with an empty window."""
        assert self.marks == NULL, "initialised once"
        self.limit = limit
        self.window_ns = window_ns
        self.capacity = FIRST_CAPACITY
        while self.capacity < min(limit, CAPACITY_MOST):
            self.capacity *= 2
        self.marks = <int64_t *>malloc(self.capacity * sizeof(int64_t))
        if self.marks == NULL:
            raise MemoryError

    def __dealloc__(self):
        """Give the circle back."""
        free(self.marks)

    cpdef Py_ssize_t count(self, int64_t now_ns):
        """Marks still inside the window that ends at this time."""
        cdef int64_t edge = now_ns - self.window_ns
        if self.held and self.marks[(self.first + self.held - 1) & (self.capacity - 1)] <= edge:
            self.held = 0  # none is left after a pause, however many there were
        while self.held and self.marks[self.first] <= edge:
            self.first = (self.first + 1) & (self.capacity - 1)
            self.held -= 1
        return self.held

    cpdef int mark(self, int64_t now_ns) except -1:
        """One more request left."""
        if self.held == self.capacity:
            self.grow()
        self.marks[(self.first + self.held) & (self.capacity - 1)] = now_ns
        self.held += 1
        return 0

    cdef int grow(self) except -1:
        """Twice the room, the oldest mark first."""
        cdef int64_t *wider = <int64_t *>malloc(2 * self.capacity * sizeof(int64_t))
        cdef Py_ssize_t index
        if wider == NULL:
            raise MemoryError
        for index in range(self.held):
            wider[index] = self.marks[(self.first + index) & (self.capacity - 1)]
        free(self.marks)
        self.marks, self.first, self.capacity = wider, 0, 2 * self.capacity
        return 0


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

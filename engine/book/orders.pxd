"""The compiled face of a book of orders."""

from libc.stdint cimport int32_t, int64_t, uint64_t

from engine.book.book cimport Book
from engine.book.side cimport Side
from engine.book.table cimport Table

cdef struct Resting:
    int64_t price
    int64_t size
    int64_t stamp_ns  # of its place in the queue, where the venue sends it
    int32_t level
    int32_t before  # the neighbour ahead in the queue
    int32_t after
    int side

cdef struct Queue:
    int64_t total
    int32_t first
    int32_t last
    int32_t count

cdef struct LevelChange:
    int side
    int64_t price
    int64_t size
    int64_t before

cdef class OrderBook:
    cdef Table ids
    cdef Table prices
    cdef Resting *orders
    cdef Queue *queues
    cdef readonly Book levels
    cdef readonly Py_ssize_t order_limit
    cdef LevelChange[2] changes  # what the last change did to levels
    cdef int change_count

    cdef bint enter(
        self, uint64_t high, uint64_t low, int side, int64_t price, int64_t size, int64_t stamp_ns
    ) noexcept nogil
    cdef bint reduce(self, uint64_t high, uint64_t low, int64_t size) noexcept nogil
    cdef bint alter(
        self, uint64_t high, uint64_t low, int64_t price, int64_t size, int64_t stamp_ns
    ) noexcept nogil
    cdef bint drop(self, uint64_t high, uint64_t low) noexcept nogil
    cdef const Resting *find(self, uint64_t high, uint64_t low) noexcept nogil
    cdef void empty(self) noexcept nogil
    cdef void cut(self, Py_ssize_t depth) noexcept nogil
    cdef void cut_side(self, int side, const Side *levels, Py_ssize_t depth) noexcept nogil
    cdef void drop_queue(self, int32_t level) noexcept nogil
    cdef int32_t front(self, int side, int64_t price) noexcept nogil
    cdef bint fits(self, int side, int64_t price, int64_t size) noexcept nogil
    cdef bint order_room(self) noexcept nogil
    cdef bint level_room(self) noexcept nogil
    cdef void join(self, int32_t entry) noexcept nogil
    cdef void link(self, Queue *queue, int32_t entry) noexcept nogil
    cdef void part(self, int32_t entry) noexcept nogil
    cdef void resize(self, int32_t level, int side, int64_t price, int64_t difference) noexcept nogil

"""The compiled face of what readers receive of a book."""

from cython cimport final
from libc.stdint cimport int64_t, uint64_t

from engine.book.book cimport Book
from engine.feed.books.best_price_audit cimport Best
from engine.feed.books.level_lane cimport LevelLane
from engine.feed.books.outbox cimport Outbox
from engine.venues.market cimport Rule


@final
cdef class PublishedBook:
    cdef int instrument
    cdef int cell
    cdef Book book
    cdef Rule rule
    cdef Outbox outbox
    cdef LevelLane levels
    cdef int state
    cdef bint silent_connection  # while STALE: the whole connection is silent, not this book alone
    cdef bint accepts_orders
    cdef Best best  # as published
    cdef uint64_t changes
    cdef readonly int64_t crossings
    cdef int64_t venue_ns

    cdef bint is_followed(self) noexcept nogil
    cdef int state_in_order(self) noexcept nogil
    cdef void begin(self, int64_t receive_ns, int64_t now_ns, int64_t venue_ns, int64_t sequence) noexcept nogil
    cdef int publish_change(self, Best *best, bint sequenced) except -1
    cdef int publish_newer_best(self, Best *best, int64_t receive_ns, int64_t now_ns, int64_t venue_ns) except -1
    cdef void add_best(self, Best *best, int flags) noexcept nogil
    cdef int set_state(self, int state, int64_t receive_ns, int64_t now_ns) except -1
    cdef int publish_state(self, int64_t receive_ns, int64_t now_ns) except -1
    cdef int publish_whole(self, int64_t receive_ns, int64_t now_ns) except -1
    cdef int stale_flags(self) noexcept nogil
    cdef int set_accepting_orders(self, bint accepting, int64_t now_ns) except -1
    cdef int mark_stale(self, int64_t now_ns, bint silent_connection) except -1
    cdef int clear_stale(self, int64_t now_ns) except -1
    cdef int republish_levels(self, int64_t now_ns, Py_ssize_t count) except -1
    cdef int replace(self, PublishedBook before) except -1
    cdef int announce(self, int state_before, int64_t now_ns) except -1

cdef Best best_of(Book book, int64_t sequence) noexcept nogil

"""The compiled face of the outbox."""

from cython cimport final
from libc.stdint cimport int64_t, uint32_t, uint64_t

from engine.book.book cimport Book
from engine.model.records cimport Tick, Top
from shm.protocol cimport sy_writer

cdef sy_writer *writer_of(object lane) except? NULL


@final
cdef class Outbox:
    cdef object ticks_lane
    cdef object books_lane
    cdef object levels_lane
    cdef object cells
    cdef object top_view
    cdef sy_writer *ticks
    cdef sy_writer *books
    cdef sy_writer *levels
    cdef Top *top
    cdef uint64_t count  # records of the event in TICKS that are not published yet
    cdef uint64_t level_count  # the same in LEVELS
    cdef int64_t clock_offset
    cdef bint stamping
    cdef bint mute
    cdef Tick head

    cdef int64_t publish_time(self, int64_t now_ns) noexcept nogil
    cdef void begin(
        self, uint32_t instrument, int64_t receive_ns, int64_t now_ns, int64_t venue_ns, int64_t sequence
    ) noexcept nogil
    cdef void tick(self, int kind, int side, int64_t price, int64_t size, int64_t detail, int flags) noexcept nogil
    cdef void level(self, int kind, int side, int64_t price, int64_t size, int64_t detail, int flags) noexcept nogil
    cdef uint64_t put(
        self, sy_writer *ring, uint64_t count, int kind, int side, int64_t price, int64_t size, int64_t detail,
        int flags
    ) noexcept nogil
    cdef void publish(self, sy_writer *ring, uint64_t count) noexcept nogil
    cdef void close(self, sy_writer *ring, uint64_t count) noexcept nogil
    cdef void end(self) noexcept nogil
    cdef int publish_top(self, Book book, int cell, int state, int flags, uint64_t change_count) except -1

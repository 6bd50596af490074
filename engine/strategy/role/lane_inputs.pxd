"""The compiled face of a role's inputs."""

from libc.stdint cimport uint64_t

from engine.model.records cimport Tick
from engine.strategy.role.counts cimport Counts
from shm.protocol cimport sy_reader

cdef enum:
    MOST = 64  # READ_LIMIT

cdef enum:  # the kinds of lanes, in the order of a STEP's cursors
    TICKS, BOOKS, VERDICTS, ORDERS, FILLS, COMMANDS, OWN_INTENTS, BARS, GLOBAL_BOOKS, OPPORTUNITIES, KINDS

cdef enum:
    LANES_MOST = 64

cdef class LaneInputs:
    cdef Counts counts
    cdef object strategy, decode_book, decode_tick
    cdef tuple readers, reads  # by place among a STEP's cursors, as everything below
    cdef int first[KINDS + 1]  # the place of each kind's first lane; its last one is before the next kind's first
    cdef sy_reader *rings[LANES_MOST]  # NULL for a lane that is read by its reader's methods
    cdef uint64_t lapped
    cdef bint reads_prints

    cdef object read(self, int index, int limit)
    cdef object read_kind(self, int kind, int limit)
    cdef uint64_t lag(self) noexcept
    cdef bint is_still(self, int index) noexcept
    cdef bint is_kind_still(self, int kind) noexcept
    cdef uint64_t lapped_of(self, int kind) noexcept
    cdef int lap(self, int index) except -1
    cdef int lap_of(self, int index) except -1
    cdef int ticks_in_place(self, int index, Tick *batch) except -1
    cdef object row_of(self, Tick *tick)
    cdef list newest_in_place(self, int index, int *work)
    cdef list copy_newest(self, sy_reader *ring, uint64_t count)
    cdef int gather(self, int index, object reader, object read, dict newest) except -1

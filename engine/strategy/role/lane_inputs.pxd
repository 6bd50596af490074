"""The compiled face of a role's inputs."""

from libc.stdint cimport uint64_t

from engine.model.records cimport Tick
from engine.strategy.role.counts cimport Counts
from shm.protocol cimport sy_reader

cdef enum:
    MOST = 64  # READ_LIMIT

cdef enum:  # a lane's place among a STEP's cursors
    TICKS, BOOKS, VERDICTS, ORDERS, FILLS, COMMANDS, OWN_INTENTS, BARS, GLOBAL_BOOKS, OPPORTUNITIES, LANES

cdef class LaneInputs:
    cdef Counts counts
    cdef object strategy, read_book, decode_book, decode_tick
    cdef tuple readers, reads
    cdef sy_reader *rings[LANES]  # NULL for a lane that is read by its reader's methods
    cdef int lapped
    cdef bint reads_prints

    cdef object read(self, int index, int limit)
    cdef uint64_t lag(self) noexcept
    cdef bint is_still(self, int index) noexcept
    cdef int lap(self, int index) except -1
    cdef int lap_of(self, int index) except -1
    cdef int ticks_in_place(self, Tick *batch) except -1
    cdef object row_of(self, Tick *tick)
    cdef list newest_in_place(self, int *work)
    cdef list copy_newest(self, sy_reader *ring, uint64_t count)
    cdef int gather(self, int index, object reader, object read, dict newest) except -1

"""The compiled face of a role's steps."""

from libc.stdint cimport int64_t, uint64_t

from engine.model.records cimport Step
from engine.strategy.role.counts cimport Counts
from engine.strategy.role.lane_inputs cimport LaneInputs
from engine.strategy.api.intents cimport Intents
from shm.protocol cimport sy_writer

cdef class Steps:
    cdef Counts counts
    cdef LaneInputs inputs
    cdef Intents intents
    cdef object publish_bytes
    cdef sy_writer *lane  # NULL for one that is written by its method
    cdef uint64_t number
    cdef int64_t clock_offset_ns
    cdef uint64_t version  # of the strategy's code and parameters
    cdef public int64_t loaded_ns  # of the saved state with which this life began; 0: none

    cdef void begin(self, Step *step, int64_t now_ns, int work, int marks) noexcept
    cdef int write(self, int64_t now_ns, int work, int marks) except -1
    cdef uint64_t cursor_of(self, int index) except? 0

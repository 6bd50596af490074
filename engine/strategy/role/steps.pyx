# cython: language_level=3
"""Publishes each working step of a strategy role: its time, the cursor of every lane, and which lanes were lapped.

A replay needs no more (see `replay`). A step with more cursors than a record has room for is several records, published
as one batch (see `engine/model/step.py`).
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy, memset

from engine.model.records cimport STEP_CURSORS as CURSORS, Step
from engine.strategy.role.counts cimport Counts
from engine.strategy.role.lane_inputs cimport KINDS, LANES_MOST, OWN_INTENTS, LaneInputs
from engine.strategy.api.intents cimport Intents
from shm.protocol cimport sy_begin, sy_publish, sy_slot, writer_of

from engine.model.records import STEP, STEP_CURSORS

cdef enum:
    RECORDS_MOST = 5

assert STEP.size == sizeof(Step) and STEP_CURSORS == CURSORS and RECORDS_MOST * CURSORS >= LANES_MOST


cdef class Steps:
    """One strategy's STEPS lane."""

    def __init__(
        self, Counts counts not None, number, LaneInputs inputs not None, Intents intents not None, lane,
        clock_offset_ns, version
    ):
        """Publish for the strategy of this number and version, with the cursors of its inputs and its intents."""
        self.counts, self.number, self.inputs, self.intents = counts, number, inputs, intents
        self.publish_bytes, self.lane = lane.publish_bytes, writer_of(lane)
        self.clock_offset_ns, self.version = clock_offset_ns, version

    cdef int write(self, int64_t now_ns, int work, int marks) except -1:
        """Publish one step, with the cursor of every lane."""
        cdef Step records[RECORDS_MOST]
        cdef int index, lanes = self.inputs.first[KINDS]
        cdef int count = (lanes + CURSORS - 1) // CURSORS
        memset(records, 0, count * sizeof(Step))
        for index in range(count):
            self.begin(&records[index], now_ns, work, marks)
            records[index].first = index * CURSORS
        for index in range(lanes):
            records[index // CURSORS].cursors[index % CURSORS] = self.cursor_of(index)
        if self.lane == NULL:
            self.publish_bytes(PyBytes_FromStringAndSize(<char *>records, count * sizeof(Step)))
            return 0
        sy_begin(self.lane)
        for index in range(count):
            memcpy(sy_slot(self.lane, index), &records[index], sizeof(Step))
        sy_publish(self.lane, count)
        return 0

    cdef void begin(self, Step *step, int64_t now_ns, int work, int marks) noexcept:
        """Fill a record, except for its cursors."""
        step.now_ns, step.monotonic_ns = now_ns, now_ns - self.clock_offset_ns
        step.work, step.role, step.step = work, self.number, self.counts.steps
        step.inputs = self.inputs.first[KINDS]
        step.cells[0], step.cells[1], step.cells[2] = self.inputs.lapped, marks, self.loaded_ns
        step.cells[3] = self.version

    cdef uint64_t cursor_of(self, int index) except? 0:
        """The cursor to which a lane was read; for the strategy's own intents: written."""
        cdef int own
        if self.inputs.rings[index] != NULL:
            return self.inputs.rings[index].next
        own = index - self.inputs.first[OWN_INTENTS]
        if 0 <= own < self.intents.count_of_lanes and self.intents.lanes[own] != NULL:
            return self.intents.lanes[own].next
        reader = self.inputs.readers[index]
        return 0 if reader is None else reader.cursor

# cython: language_level=3
"""Publishes each working step of a strategy role: its time, the cursor of every lane, and which lanes were lapped.

A replay needs no more (see `replay`).
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy, memset

from engine.model.records cimport STEP_CURSORS as CURSORS, Step
from engine.strategy.role.counts cimport Counts
from engine.strategy.role.lane_inputs cimport LANES, OWN_INTENTS, LaneInputs
from engine.strategy.api.intents cimport Intents
from shm.protocol cimport sy_begin, sy_publish, sy_slot, writer_of

from engine.model.records import STEP, STEP_CURSORS

assert STEP.size == sizeof(Step) and STEP_CURSORS == CURSORS >= LANES


cdef class Steps:
    """One strategy's STEPS lane."""

    def __init__(
        self, Counts counts not None, number, LaneInputs inputs not None, Intents intents not None, lane,
        clock_offset_ns
    ):
        """Publish for the strategy of this number, with the cursors of its inputs and its intents."""
        self.counts, self.number, self.inputs, self.intents = counts, number, inputs, intents
        self.publish_step, self.lane = lane.publish, writer_of(lane)
        self.clock_offset_ns = clock_offset_ns

    cdef int write(self, int64_t now_ns, int work, int marks) except -1:
        """Publish one STEP record, with the cursor of every lane."""
        cdef Step step
        cdef int index
        memset(&step, 0, sizeof(Step))
        step.now_ns, step.monotonic_ns = now_ns, now_ns - self.clock_offset_ns
        step.work, step.role, step.step = work, self.number, self.counts.steps
        step.inputs = LANES
        for index in range(LANES):
            step.cursors[index] = self.cursor_of(index)
        step.cells[0], step.cells[1] = self.inputs.lapped, marks
        if self.lane == NULL:
            self.publish_step(
                step.now_ns, step.monotonic_ns, step.work, step.role, step.step, step.first, step.inputs,
                tuple(step.cursors), tuple(step.cells),
            )
            return 0
        sy_begin(self.lane)
        memcpy(sy_slot(self.lane, 0), &step, sizeof(Step))
        sy_publish(self.lane, 1)
        return 0

    cdef uint64_t cursor_of(self, int index) except? 0:
        """The cursor to which a lane was read; for the strategy's own intents: written."""
        if self.inputs.rings[index] != NULL:
            return self.inputs.rings[index].next
        if index == OWN_INTENTS and self.intents.lane != NULL:
            return self.intents.lane.next
        reader = self.inputs.readers[index]
        return 0 if reader is None else reader.cursor

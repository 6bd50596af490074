# cython: language_level=3
"""What a strategy role writes down of each working step: time, how far every lane was read, and which were lapped.

That is all a replay needs (see `replay`).
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy, memset

from engine.model.records cimport STEP_CURSORS as CURSORS, Step
from engine.strategy.role.counts cimport Counts
from engine.strategy.role.ears cimport LANES, OWN_INTENTS, Ears
from engine.strategy.api.intents cimport Intents
from shm.protocol cimport sy_begin, sy_publish, sy_slot, writer_of

from engine.model.records import STEP, STEP_CURSORS

assert STEP.size == sizeof(Step) and STEP_CURSORS == CURSORS >= LANES


cdef class Steps:
    """One strategy's STEPS lane."""

    def __init__(
        self, Counts counts not None, number, Ears ears not None, Intents intents not None, lane, clock_offset_ns
    ):
        """Write for the strategy of this number, whose cursors are with its ears and its intents."""
        self.counts, self.number, self.ears, self.intents = counts, number, ears, intents
        self.publish_step, self.lane = lane.publish, writer_of(lane)
        self.clock_offset_ns = clock_offset_ns

    cdef int write(self, int64_t now_ns, int work, int marks) except -1:
        """One STEP record, with how far every lane was read."""
        cdef Step step
        cdef int index
        memset(&step, 0, sizeof(Step))
        step.now_ns, step.monotonic_ns = now_ns, now_ns - self.clock_offset_ns
        step.work, step.role, step.step = work, self.number, self.counts.steps
        step.inputs = LANES
        for index in range(LANES):
            step.cursors[index] = self.cursor_of(index)
        step.cells[0], step.cells[1] = self.ears.lapped, marks
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
        """How far a lane was read; of our own intents: written."""
        if self.ears.rings[index] != NULL:
            return self.ears.rings[index].next
        if index == OWN_INTENTS and self.intents.lane != NULL:
            return self.intents.lane.next
        reader = self.ears.readers[index]
        return 0 if reader is None else reader.cursor

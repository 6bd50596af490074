# cython: language_level=3
"""Runs the way from a book to an intent without an effect, for a process that spins: no hook is called.

Records are read and stay unread on their lanes, an understudy submits an order instead of the strategy, and its intent
is written to private memory. The strategy's own code is only prefetched.
"""

from libc.stdint cimport int64_t, uint64_t

from engine.model.records cimport Intent, Step, Tick, Top
from engine.strategy.api.book cimport Book
from engine.strategy.role.lane_inputs cimport BOOKS, TICKS, LaneInputs
from engine.strategy.api.intents cimport Intents
from engine.strategy.role.steps cimport Steps
from engine.strategy.api.intent_api cimport IntentApi
from shm.protocol cimport (
    expect_slots,
    rehearsal_of,
    sy_copy,
    sy_prefetch,
    sy_read_slot,
    sy_reader,
    sy_word,
    sy_writer,
)

from engine.model.records import BOOK_TOP
from engine.strategy.role.footprint import footprint

assert BOOK_TOP.size == sizeof(Top)


cdef class Rehearsal:
    """The rehearsal of one strategy."""

    def __init__(self, strategy, LaneInputs inputs not None, Intents intents not None, Steps steps not None):
        """Rehearse with the role's inputs, intents and steps; a rehearsal does not change them."""
        self.strategy, self.inputs, self.intents, self.steps = strategy, inputs, intents, steps
        self.extents, self.understudy, self.spare_book = footprint(strategy), IntentApi(), Book(None)

    cdef int run(self, int64_t now_ns) except -1:
        """Rehearse once, between two steps, if no order waits for the ledger and the lanes are in shared memory."""
        cdef Intent submitted
        cdef Step written
        cdef sy_word cursors[2]
        cdef int place = self.place()
        cdef sy_writer *intents = self.intents.lanes[place]
        cdef sy_writer *steps = self.steps.lane
        cdef sy_writer stage, notes
        cdef uint64_t count = self.intents.count, submitted_count = self.intents.counts.intents
        if intents == NULL or steps == NULL or self.intents.begun_count:
            return 0
        stage = rehearsal_of(<char *>&submitted, &cursors[0], sizeof(Intent))
        notes = rehearsal_of(<char *>&written, &cursors[1], sizeof(Step))
        expect_slots(intents, 1)
        expect_slots(steps, 1)
        self.prefetch_code()
        self.read_records()
        self.intents.lanes[place], self.steps.lane, self.intents.full = &stage, &notes, 0
        try:
            self.rehearse(now_ns)
        finally:
            self.intents.lanes[place], self.steps.lane, self.intents.begun_count = intents, steps, 0
            self.intents.count, self.intents.counts.intents, self.intents.full = count, submitted_count, 0
        return 0

    cdef int place(self) except -1:
        """The place of the execution that trades the understudy's instrument."""
        for instrument in self.strategy.instruments:
            return self.intents.place_of(instrument)
        return 0

    cdef int rehearse(self, int64_t now_ns) except -1:
        """Submit an order of the understudy, and write the step."""
        self.understudy.bind(self.intents, self.intents.ledger)
        for instrument in self.strategy.instruments.values():
            self.understudy.enter(instrument, 1, 1, 1, signal=0.0)
            break
        self.steps.write(now_ns, 0, 0)
        return 0

    cdef int prefetch_code(self) except -1:
        """Prefetch the memory of the strategy's code, and touch its attributes."""
        cdef uint64_t address, size, at
        for address, size in self.extents:
            for at in range(0, size, 64):
                sy_prefetch(<const void *><size_t>(address + at))
        held = list(vars(self.strategy).values())
        return len(held) and 0

    cdef int read_records(self) except -1:
        """Read the newest book and tick of the first feed again, as a step reads them."""
        cdef sy_reader *ring = self.inputs.rings[self.inputs.first[BOOKS]]
        cdef Tick tick
        if ring != NULL and ring.next:
            sy_copy(self.spare_book.incoming, sy_read_slot(ring, ring.next - 1), sizeof(Top))
            self.spare_book.apply_incoming(None)
        ring = self.inputs.rings[self.inputs.first[TICKS]]
        if ring != NULL and ring.next and self.inputs.reads_prints:
            sy_copy(<char *>&tick, sy_read_slot(ring, ring.next - 1), sizeof(Tick))
            self.inputs.row_of(&tick)
        return 0

# cython: language_level=3
"""The way of a book to an intent without a trace, for a process that spins: no hook is called.

Records are looked at and not taken, an understudy speaks instead of the strategy, and what it says is written to
private memory. The strategy's own code is only asked for.
"""

from libc.stdint cimport int64_t, uint64_t

from engine.model.records cimport Intent, Step, Tick, Top
from engine.strategy.api.book cimport Book
from engine.strategy.role.ears cimport BOOKS, TICKS, Ears
from engine.strategy.api.intents cimport Intents
from engine.strategy.role.steps cimport Steps
from engine.strategy.api.voice cimport Voice
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
    """One strategy's."""

    def __init__(self, strategy, Ears ears not None, Intents intents not None, Steps steps not None):
        """With what the role hears, says and writes down by, which all stay as they are."""
        self.strategy, self.ears, self.intents, self.steps = strategy, ears, intents, steps
        self.extents, self.understudy, self.prompt_book = footprint(strategy), Voice(), Book(None)

    cdef int go(self, int64_t now_ns) except -1:
        """Rehearse once, between two steps; not while orders wait for the ledger, nor on lanes written by a method."""
        cdef Intent said
        cdef Step noted
        cdef sy_word cursors[2]
        cdef sy_writer *intents = self.intents.lane
        cdef sy_writer *steps = self.steps.lane
        cdef sy_writer stage, notes
        cdef uint64_t count = self.intents.count, said_count = self.intents.counts.intents
        if intents == NULL or steps == NULL or self.intents.begun_count:
            return 0
        stage = rehearsal_of(<char *>&said, &cursors[0], sizeof(Intent))
        notes = rehearsal_of(<char *>&noted, &cursors[1], sizeof(Step))
        expect_slots(intents, 1)
        expect_slots(steps, 1)
        self.ask_for_code()
        self.look_at_records()
        self.intents.lane, self.steps.lane, self.intents.full = &stage, &notes, False
        try:
            self.rehearse(now_ns)
        finally:
            self.intents.lane, self.steps.lane, self.intents.begun_count = intents, steps, 0
            self.intents.count, self.intents.counts.intents, self.intents.full = count, said_count, False
        return 0

    cdef int rehearse(self, int64_t now_ns) except -1:
        """Have the understudy say an order, and note the step."""
        self.understudy.bind(self.intents, self.intents.ledger)
        for instrument in self.strategy.instruments.values():
            self.understudy.enter(instrument, 1, 1, 1, signal=0.0)
            break
        self.steps.write(now_ns, 0, 0)
        return 0

    cdef int ask_for_code(self) except -1:
        """The lines of the strategy's code and of what it holds."""
        cdef uint64_t address, size, at
        for address, size in self.extents:
            for at in range(0, size, 64):
                sy_prefetch(<const void *><size_t>(address + at))
        held = list(vars(self.strategy).values())
        return len(held) and 0

    cdef int look_at_records(self) except -1:
        """The newest book and tick that were read, once more: as they would be taken."""
        cdef sy_reader *ring = self.ears.rings[BOOKS]
        cdef Tick tick
        if ring != NULL and ring.next:
            sy_copy(self.prompt_book.incoming, sy_read_slot(ring, ring.next - 1), sizeof(Top))
            self.prompt_book.take_incoming(None)
        ring = self.ears.rings[TICKS]
        if ring != NULL and ring.next and self.ears.hears_prints:
            sy_copy(<char *>&tick, sy_read_slot(ring, ring.next - 1), sizeof(Tick))
            self.ears.row_of(&tick)
        return 0

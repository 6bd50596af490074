"""The compiled face of a role's rehearsal."""

from engine.model.records cimport Intent, Placed, Step, Tick, Top
from engine.strategy.role.lane_inputs cimport LaneInputs
from engine.strategy.api.intents cimport Intents
from engine.strategy.role.steps cimport Steps
from engine.strategy.api.intent_api cimport IntentApi
from shm.protocol cimport sy_reader, sy_word, sy_writer

cdef enum:
    ANSWERS = 2  # orders that the understudy submits: one at a print, one at a book

cdef class Rehearsal:
    cdef LaneInputs inputs
    cdef Intents intents
    cdef Steps steps
    cdef object strategy
    cdef list extents  # of the strategy's own code
    cdef IntentApi understudy
    cdef object ledger  # the understudy's; `kept_ledger` is the strategy's while a rehearsal runs, as the others below
    cdef set good
    cdef Tick tick
    cdef Top top
    cdef Placed answers[ANSWERS]
    cdef Intent submitted
    cdef Step written
    cdef sy_word cursors[5]
    cdef sy_reader ticks, books, orders, *kept_ticks, *kept_books, *kept_orders
    cdef sy_writer intents_lane, steps_lane, *kept_intents, *kept_steps
    cdef object kept_ledger
    cdef unsigned long long kept_count, kept_submitted
    cdef int place

    cdef bint begin(self) except -1
    cdef int end(self) except -1
    cdef int stage(self) except -1
    cdef int prefetch_code(self) except -1

"""The compiled face of a role's rehearsal."""

from libc.stdint cimport int64_t

from engine.strategy.api.book cimport Book
from engine.strategy.role.lane_inputs cimport LaneInputs
from engine.strategy.api.intents cimport Intents
from engine.strategy.role.steps cimport Steps
from engine.strategy.api.intent_api cimport IntentApi

cdef class Rehearsal:
    cdef LaneInputs inputs
    cdef Intents intents
    cdef Steps steps
    cdef object strategy
    cdef list extents  # of the strategy's own code
    cdef IntentApi understudy
    cdef Book spare_book

    cdef int run(self, int64_t now_ns) except -1
    cdef int place(self) except -1
    cdef int rehearse(self, int64_t now_ns) except -1
    cdef int prefetch_code(self) except -1
    cdef int read_records(self) except -1

"""The compiled face of a role's rehearsal."""

from libc.stdint cimport int64_t

from engine.strategy.api.book cimport Book
from engine.strategy.role.ears cimport Ears
from engine.strategy.api.intents cimport Intents
from engine.strategy.role.steps cimport Steps
from engine.strategy.api.voice cimport Voice

cdef class Rehearsal:
    cdef Ears ears
    cdef Intents intents
    cdef Steps steps
    cdef object strategy
    cdef list extents  # of the strategy's own code
    cdef Voice understudy
    cdef Book prompt_book

    cdef int go(self, int64_t now_ns) except -1
    cdef int rehearse(self, int64_t now_ns) except -1
    cdef int ask_for_code(self) except -1
    cdef int look_at_records(self) except -1

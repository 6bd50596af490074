"""The compiled face of a role's intents."""

from libc.stdint cimport int8_t, int64_t, uint32_t, uint64_t

from engine.model.records cimport Intent
from engine.strategy.role.counts cimport Counts
from engine.strategy.api.intent_api cimport IntentSink, IntentApi
from shm.protocol cimport sy_writer

cdef enum:
    KEPT = 64  # as many orders wait for the ledger before it is asked in between

cdef struct Begun:
    uint64_t intent_id
    int64_t price
    int64_t size
    uint32_t instrument
    int8_t side

cdef class Intents(IntentSink):
    cdef Counts counts
    cdef IntentApi api
    cdef object ledger, publish_intent
    cdef sy_writer *lane  # NULL for one that is written by its method
    cdef uint64_t number, count
    cdef uint64_t tick_sequence  # this and below: of the event that is being told
    cdef int64_t receive_ns
    cdef bint full
    cdef int begun_count
    cdef Begun begun[KEPT]  # orders wanted, but not in the ledger yet: whoever looks there settles them first

    cdef bint publish(self, Intent *intent) except -1
    cdef int begin_order(self, Intent *intent) except -1

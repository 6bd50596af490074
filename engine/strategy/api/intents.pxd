"""The compiled face of a role's intents."""

from libc.stdint cimport int8_t, int64_t, uint32_t, uint64_t

from engine.model.records cimport Intent
from engine.strategy.role.counts cimport Counts
from engine.strategy.api.intent_api cimport IntentSink, IntentApi
from shm.protocol cimport sy_writer

cdef enum:
    EXECUTIONS_MOST = 16
    ROUTED_KEPT = 1024  # ids that are kept before those of intents that have ended are dropped
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
    cdef object ledger
    cdef dict routes  # by instrument: the place of the execution that trades it; 0 for an instrument that is not there
    cdef tuple publish_intent  # by place: the method that writes a lane
    cdef int router  # the place of the router's lane; -1: the system has no router
    cdef set routed  # the intents that the router has
    cdef sy_writer *lanes[EXECUTIONS_MOST]  # by place: NULL for one that is written by its method
    cdef int count_of_lanes
    cdef uint64_t number, count
    cdef uint64_t tick_sequence  # this and below: of the event whose hook is being called
    cdef int64_t receive_ns
    cdef uint64_t full  # a bit for each lane that was full in this step
    cdef int begun_count
    cdef Begun begun[KEPT]  # orders submitted, but not in the ledger yet: a reader of the ledger settles them first

    cdef int place_of(self, object instrument) except -1
    cdef int place_for(self, Intent *intent) except -1
    cdef bint is_for_router(self, Intent *intent) except -1
    cdef int cancel_routes(self, Intent *intent) except -1
    cdef int remember_routed(self, object intent_id) except -1
    cdef int number_and_stamp(self, Intent *intent) except -1
    cdef bint publish(self, int place, Intent *intent) except -1
    cdef int begin_order(self, Intent *intent) except -1

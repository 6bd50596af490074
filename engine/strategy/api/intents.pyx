# cython: language_level=3
"""Publishes a strategy's intents: numbers and stamps each, writes it to the intents lane, and adds it to the ledger.

An intent is published first: the data of a new order is kept, and added to the ledger when there is time or when the
ledger is read. If the lane is full, `submit` gives None from there to the end of the step.
"""

from libc.string cimport memcpy

from engine.model.intent_id cimport COUNT_BITS
from engine.model.records cimport Intent
from engine.model.words cimport INTENT_PLACE
from engine.strategy.role.counts cimport Counts
from engine.strategy.api.intent_api cimport IntentSink, IntentApi
from shm.protocol cimport sy_begin, sy_publish, sy_has_room, sy_slot, writer_of

from engine.model.records import INTENT

INTENT_ROW = INTENT.row


cdef class Intents(IntentSink):
    """One strategy's. Lanes in shared memory are written in place, others (a replay's history) by their method."""

    def __init__(self, Counts counts not None, number, IntentApi api not None, lane):
        """Speak for the strategy of this number; the ledger is the role's to give, at every recovery."""
        self.counts, self.number, self.api = counts, number, api
        self.publish_intent, self.lane = lane.publish, writer_of(lane)

    def settle(self):
        """Add the submitted orders to the ledger: an intent is published first, and added when there is time."""
        cdef int index, count = self.begun_count
        cdef Begun *one
        self.begun_count = 0
        for index in range(count):
            one = &self.begun[index]
            self.ledger.begin(one.intent_id, one.instrument, one.side, one.price, one.size)

    cdef object submit(self, Intent *intent):
        """Number, stamp and publish an intent; its id, or None when the lane is full."""
        intent.intent_id = self.number << COUNT_BITS | (self.count + 1)
        intent.now_ns, intent.strategy = self.api.now_ns, self.number
        intent.tick_sequence, intent.receive_ns = self.tick_sequence, self.receive_ns
        if self.full or not self.publish(intent):
            self.full = True
            self.counts.intents_refused_full += 1
            return None
        self.count += 1
        self.counts.intents += 1
        if intent.kind == INTENT_PLACE:
            self.begin_order(intent)
        else:
            self.ledger.intend(row_of(intent))
        return intent.intent_id

    cdef bint publish(self, Intent *intent) except -1:
        """Put a record on the lane; False when it is full."""
        if self.lane == NULL:
            return self.publish_intent(*row_of(intent))
        if not sy_has_room(self.lane, 1):
            return False
        sy_begin(self.lane)
        memcpy(sy_slot(self.lane, 0), intent, sizeof(Intent))
        sy_publish(self.lane, 1)
        return True

    cdef int begin_order(self, Intent *intent) except -1:
        """Keep the data of a new order that the ledger needs."""
        if self.begun_count == KEPT:
            self.settle()
        self.begun[self.begun_count] = Begun(
            intent.intent_id, intent.price, intent.size, intent.instrument, intent.side)
        self.begun_count += 1
        return 0


cdef object row_of(Intent *intent):
    """A record as its row."""
    return INTENT_ROW(
        intent.intent_id, intent.target_id, intent.now_ns, intent.ttl_ns, intent.tick_sequence, intent.receive_ns,
        intent.price, intent.size, intent.timeout_ns, intent.strategy, intent.instrument, intent.kind, intent.side,
        intent.order_type, intent.time_in_force, intent.algorithm, intent.signal, tuple(intent.parameters),
    )

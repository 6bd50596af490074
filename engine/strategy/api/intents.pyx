# cython: language_level=3
"""Where a strategy's wishes go: numbered, stamped and published on its intents lane, then taken up in its ledger.

An intent leaves first: what the ledger must know of a new order is kept beside, and entered when there is time or when
somebody looks. A full lane refuses: `say` gives None from there to the end of the step.
"""

from libc.string cimport memcpy

from engine.model.intent_id cimport COUNT_BITS
from engine.model.records cimport Intent
from engine.model.words cimport INTENT_PLACE
from engine.strategy.role.counts cimport Counts
from engine.strategy.api.voice cimport Outlet, Voice
from shm.protocol cimport sy_begin, sy_publish, sy_has_room, sy_slot, writer_of

from engine.model.records import INTENT

INTENT_ROW = INTENT.row


cdef class Intents(Outlet):
    """One strategy's. Lanes in shared memory are written in place, others (a replay's history) by their method."""

    def __init__(self, Counts counts not None, number, Voice voice not None, lane):
        """Speak for the strategy of this number; the ledger is the role's to give, at every recovery."""
        self.counts, self.number, self.voice = counts, number, voice
        self.publish_intent, self.lane = lane.publish, writer_of(lane)

    def settle(self):
        """Take up in the ledger what was wanted since: an intent leaves first, and is entered when there is time."""
        cdef int index, count = self.begun_count
        cdef Begun *one
        self.begun_count = 0
        for index in range(count):
            one = &self.begun[index]
            self.ledger.begin(one.intent_id, one.instrument, one.side, one.price, one.size)

    cdef object say(self, Intent *wish):
        """Publish an intent; its id, or None when the lane is full."""
        wish.intent_id = self.number << COUNT_BITS | (self.count + 1)
        wish.now_ns, wish.strategy = self.voice.now_ns, self.number
        wish.tick_sequence, wish.receive_ns = self.tick_sequence, self.receive_ns
        if self.full or not self.publish(wish):
            self.full = True
            self.counts.intents_refused_full += 1
            return None
        self.count += 1
        self.counts.intents += 1
        if wish.kind == INTENT_PLACE:
            self.begin_order(wish)
        else:
            self.ledger.intend(row_of(wish))
        return wish.intent_id

    cdef bint publish(self, Intent *wish) except -1:
        """Put a record on the lane; False when it is full."""
        if self.lane == NULL:
            return self.publish_intent(*row_of(wish))
        if not sy_has_room(self.lane, 1):
            return False
        sy_begin(self.lane)
        memcpy(sy_slot(self.lane, 0), wish, sizeof(Intent))
        sy_publish(self.lane, 1)
        return True

    cdef int begin_order(self, Intent *wish) except -1:
        """Keep what the ledger must know of a new order."""
        if self.begun_count == KEPT:
            self.settle()
        self.begun[self.begun_count] = Begun(wish.intent_id, wish.price, wish.size, wish.instrument, wish.side)
        self.begun_count += 1
        return 0


cdef object row_of(Intent *wish):
    """A record as its row."""
    return INTENT_ROW(
        wish.intent_id, wish.target_id, wish.now_ns, wish.ttl_ns, wish.tick_sequence, wish.receive_ns, wish.price,
        wish.size, wish.timeout_ns, wish.strategy, wish.instrument, wish.kind, wish.side, wish.order_type,
        wish.time_in_force, wish.algorithm, wish.signal, tuple(wish.parameters),
    )

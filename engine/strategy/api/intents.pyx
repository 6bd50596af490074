# cython: language_level=3
"""Publishes a strategy's intents: numbers and stamps each, writes it to its lane, and adds it to the ledger.

    submit ─▶ routes: the execution of the intent's instrument ─▶ its lane ─▶ the ledger, later
              └─▶ the router, of an intent with the algorithm "route" and of what cancels it

An intent is published first: the data of a new order is kept, and added to the ledger when there is time or when the
ledger is read. If a lane is full, `submit` gives None for its instruments from there to the end of the step.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from engine.meters.current cimport CLOCK_OFFSET, count_up, observe_ns, sy_meter_clock
from engine.model.intent_id cimport COUNT_BITS
from engine.model.records cimport Intent
from engine.model.words cimport INTENT_CANCEL_ALL, INTENT_PLACE
from engine.strategy.role.counts cimport Counts
from engine.strategy.api.intent_api cimport IntentSink, IntentApi
from shm.protocol cimport sy_begin, sy_publish, sy_has_room, sy_slot, writer_of

from engine.meters import table
from engine.model import algorithms
from engine.model.records import INTENT

INTENT_ROW = INTENT.row
cdef Py_ssize_t INTENTS = table.place_of("intents")
cdef Py_ssize_t INTENT_HOP = table.place_of("intent")
cdef int ROUTE = algorithms.ROUTE
cdef frozenset CLOSING = frozenset(one.number for one in algorithms.REGISTRY if one.closes)


cdef class Intents(IntentSink):
    """One strategy's. Lanes in shared memory are written in place, others (a replay's history) by their method."""

    def __init__(
        self, Counts counts not None, number, IntentApi api not None, tuple lanes not None, dict routes, int router=-1
    ):
        """Publish for the strategy of this number; the role sets the ledger at every recovery.

        `routes` has the place of an instrument's execution among the `lanes`, `router` is the place of the router's.
        """
        self.router, self.routed = router, set()
        if len(lanes) > EXECUTIONS_MOST:
            raise ValueError(f"a strategy submits to at most {EXECUTIONS_MOST} executions, was {len(lanes)}")
        self.counts, self.number, self.api, self.routes = counts, number, api, routes
        self.publish_intent, self.count_of_lanes = tuple(lane.publish for lane in lanes), len(lanes)
        for place, lane in enumerate(lanes):
            self.lanes[place] = writer_of(lane)

    def close(self):
        """Forget the lanes: they are closed next."""
        for place in range(self.count_of_lanes):
            self.lanes[place] = NULL

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
        cdef int place
        place = self.place_for(intent) if self.count_of_lanes > 1 else 0
        if self.router >= 0 and (intent.kind == INTENT_CANCEL_ALL or intent.algorithm in CLOSING):
            self.cancel_routes(intent)
        self.number_and_stamp(intent)
        if self.full >> place & 1 or not self.publish(place, intent):
            self.full |= <uint64_t>1 << place
            self.counts.intents_refused_full += 1
            return None
        self.count += 1
        self.counts.intents += 1
        count_up(INTENTS, 1)
        if self.receive_ns:
            observe_ns(INTENT_HOP, sy_meter_clock() + CLOCK_OFFSET - self.receive_ns)
        if place == self.router:
            self.remember_routed(intent.intent_id)
        if intent.kind == INTENT_PLACE:
            self.begin_order(intent)
        else:
            self.ledger.intend(row_of(intent))
        return intent.intent_id

    cdef int number_and_stamp(self, Intent *intent) except -1:
        """Set the next id, the time and the tick of an intent."""
        intent.intent_id = self.number << COUNT_BITS | (self.count + 1)
        intent.now_ns, intent.strategy = self.api.now_ns, self.number
        intent.tick_sequence, intent.receive_ns = self.tick_sequence, self.receive_ns
        return 0

    cdef int place_of(self, object instrument) except -1:
        """The place of the execution that trades an instrument."""
        return self.routes.get(instrument, 0)

    cdef int place_for(self, Intent *intent) except -1:
        """The place of the router, or of the execution that trades the intent's instrument."""
        return self.router if self.is_for_router(intent) else self.place_of(intent.instrument)

    cdef bint is_for_router(self, Intent *intent) except -1:
        """Whether the router works an intent, or the order that the intent means."""
        if self.router < 0:
            return False
        return intent.algorithm == ROUTE if intent.kind == INTENT_PLACE else intent.target_id in self.routed

    cdef int cancel_routes(self, Intent *intent) except -1:
        """Have the router cancel what it works for this strategy on an instrument."""
        cdef Intent every = intent[0]
        every.kind, every.algorithm = INTENT_CANCEL_ALL, 0
        self.number_and_stamp(&every)
        if self.full >> self.router & 1 or not self.publish(self.router, &every):
            self.full |= <uint64_t>1 << self.router
            return 0
        self.count += 1
        self.counts.intents += 1
        return 0

    cdef int remember_routed(self, object intent_id) except -1:
        """Keep the id of an intent that the router has; of the ended ones it is dropped in time."""
        if len(self.routed) >= ROUTED_KEPT:
            self.routed.intersection_update(self.ledger.working)
        self.routed.add(intent_id)
        return 0

    cdef bint publish(self, int place, Intent *intent) except -1:
        """Put a record on a lane; False when it is full."""
        cdef sy_writer *lane = self.lanes[place]
        if lane == NULL:
            return self.publish_intent[place](*row_of(intent))
        if not sy_has_room(lane, 1):
            return False
        sy_begin(lane)
        memcpy(sy_slot(lane, 0), intent, sizeof(Intent))
        sy_publish(lane, 1)
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
        intent.order_type, intent.time_in_force, intent.algorithm, intent.flags, intent.signal,
        tuple(intent.parameters),
    )

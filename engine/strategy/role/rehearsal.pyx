# cython: language_level=3
"""Runs the way from a tick to an intent without an effect, for a process that spins: no hook of the strategy is called.

    private records ─▶ the role's own code: prints, books, hooks, intents, orders, STEP ─▶ private records
                                            └─ an understudy with a ledger of its own, instead of the strategy

While `begin` to `end` last, the role's lanes are private memory and its strategy is the understudy, whose hooks are
plain Python as the strategy's are. The strategy's own code is only prefetched.
"""

from libc.stdint cimport uint64_t

from engine.model.intent_id cimport COUNT_BITS
from engine.model.words cimport BOOK_GOOD, BUY, ORDER_STATE_EXPIRED, TICK_PRINT
from engine.strategy.role.lane_inputs cimport BOOKS, ORDERS, TICKS, LaneInputs
from engine.strategy.api.intents cimport Intents
from engine.strategy.role.steps cimport Steps
from shm.protocol cimport expect_slots, rehearsal_of, stage_of, sy_prefetch

from engine.strategy.api.ledger import Ledger
from engine.strategy.role.footprint import footprint
from engine.strategy.role.understudy import Understudy

PRICE = 1_000


cdef class Rehearsal:
    """The rehearsal of one strategy."""

    def __init__(self, strategy, LaneInputs inputs not None, Intents intents not None, Steps steps not None):
        """Rehearse with the role's inputs, intents and steps; a rehearsal does not change them."""
        self.strategy, self.inputs, self.intents, self.steps = strategy, inputs, intents, steps
        self.extents, self.good = footprint(strategy), set()
        one = next(iter(strategy.instruments.values()), None)
        self.understudy = Understudy(() if one is None else (one,), None)
        self.ledger = Ledger(0, self.understudy.instruments, intents.settle)
        self.understudy.bind(intents, self.ledger)
        if one is not None:
            self.place = intents.place_of(one.id)
            self.tick.instrument = self.top.instrument = one.id
        self.tick.kind, self.tick.side, self.tick.price = TICK_PRINT, BUY, PRICE
        self.top.state, self.top.bids, self.top.asks = BOOK_GOOD, 1, 1
        self.top.bid_price[0], self.top.ask_price[0] = PRICE, PRICE + 1

    cdef bint begin(self) except -1:
        """Put private lanes in the place of the role's; False, without an effect, where that cannot be done now."""
        cdef LaneInputs inputs = self.inputs
        cdef Intents intents = self.intents
        self.kept_ticks, self.kept_books = inputs.rings[inputs.first[TICKS]], inputs.rings[inputs.first[BOOKS]]
        self.kept_orders, self.kept_intents = inputs.rings[inputs.first[ORDERS]], intents.lanes[self.place]
        self.kept_steps = self.steps.lane
        if self.kept_ticks == NULL or self.kept_books == NULL or self.kept_orders == NULL:
            return False
        if self.kept_intents == NULL or self.kept_steps == NULL or intents.begun_count or not self.understudy.books:
            return False
        self.prefetch_code()
        expect_slots(self.kept_intents, 1)
        expect_slots(self.kept_steps, 1)
        self.kept_ledger, self.kept_count, self.kept_submitted = intents.ledger, intents.count, intents.counts.intents
        self.stage()
        intents.ledger, intents.full = self.ledger, 0
        return True

    cdef int stage(self) except -1:
        """Make the private lanes, and the answers to the orders that the understudy will submit."""
        cdef LaneInputs inputs = self.inputs
        cdef int index
        for index in range(ANSWERS):
            self.answers[index].strategy, self.answers[index].state = self.intents.number, ORDER_STATE_EXPIRED
            self.answers[index].intent_id = self.intents.number << COUNT_BITS | (self.kept_count + index + 1)
        self.cursors[0] = self.cursors[1] = 1
        self.cursors[2] = ANSWERS
        self.cursors[3] = self.cursors[4] = 0
        self.ticks = stage_of(<char *>&self.tick, &self.cursors[0], sizeof(self.tick))
        self.books = stage_of(<char *>&self.top, &self.cursors[1], sizeof(self.top))
        self.orders = stage_of(<char *>self.answers, &self.cursors[2], sizeof(self.answers[0]))
        self.intents_lane = rehearsal_of(<char *>&self.submitted, &self.cursors[3], sizeof(self.submitted))
        self.steps_lane = rehearsal_of(<char *>&self.written, &self.cursors[4], sizeof(self.written))
        inputs.rings[inputs.first[TICKS]], inputs.rings[inputs.first[BOOKS]] = &self.ticks, &self.books
        inputs.rings[inputs.first[ORDERS]], self.steps.lane = &self.orders, &self.steps_lane
        self.intents.lanes[self.place] = &self.intents_lane
        return 0

    cdef int end(self) except -1:
        """Put everything back."""
        cdef LaneInputs inputs = self.inputs
        cdef Intents intents = self.intents
        inputs.rings[inputs.first[TICKS]], inputs.rings[inputs.first[BOOKS]] = self.kept_ticks, self.kept_books
        inputs.rings[inputs.first[ORDERS]], intents.lanes[self.place] = self.kept_orders, self.kept_intents
        self.steps.lane = self.kept_steps
        intents.ledger, intents.count, intents.counts.intents = self.kept_ledger, self.kept_count, self.kept_submitted
        intents.begun_count = 0
        intents.full = 0
        self.kept_ledger = None
        return 0

    cdef int prefetch_code(self) except -1:
        """Prefetch the memory of the strategy's code, and touch its attributes."""
        cdef uint64_t address, size, at
        for address, size in self.extents:
            for at in range(0, size, 64):
                sy_prefetch(<const void *><size_t>(address + at))
        held = list(vars(self.strategy).values())
        return len(held) and 0

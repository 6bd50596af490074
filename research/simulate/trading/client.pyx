# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""A strategy's side of a run: its calls become requests, the answers change what it knows.

A compiled strategy overrides the hooks and calls `place`, `cancel` and `amend`; `StrategyClient` drives a class of
`engine.strategy` by the same calls.
"""

import heapq

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport INT64_MAX, int32_t, int64_t
from libc.string cimport memset

from engine.model.records cimport Intent
from engine.model.words cimport INTENT_AMEND, INTENT_CANCEL, INTENT_PLACE, ORDER_TYPE_LIMIT, TICK_STATE
from research.simulate.trading.desk cimport Desk
from research.simulate.data.event cimport Event
from research.simulate.matching.agenda cimport bring_forward
from research.simulate.matching.orders cimport NO_ORDER, Order
from research.simulate.trading.session cimport AMEND, CANCEL, CANCEL_SENT, CANCEL_WAITS, PLACE, Letter, Session

from engine.model.records import TICK
from engine.model.words import DONE_STATES

cdef enum:
    STATES = 16

cdef bint[STATES] DONE = [state in DONE_STATES for state in range(STATES)]
TICK_ROW = TICK.row
cdef int64_t MOST = 1 << 61  # of a price or a size: twice its product with another fits 128 bits


cdef object tick_of(const Event *event):
    """An event as the engine's lane has it: a state's word is its detail."""
    cdef int64_t detail = event.size if event.kind == TICK_STATE else 0
    return TICK_ROW(
        event.receive_ns, event.receive_ns, event.venue_ns, 0, event.price, event.size if not detail else 0, detail,
        event.instrument, event.kind, event.side, event.flags)


cdef class Client:
    """Base of compiled strategies: every hook does nothing."""

    def __cinit__(self, *_, **__):
        self.deadline_ns, self.scheduled_ns, self.timer_at_ns, self.deadlines = INT64_MAX, INT64_MAX, INT64_MAX, []

    def attach(self, Session session not None, list desks not None, int number):
        """Begin a run, as this strategy of a portfolio; a client has one run."""
        cdef Desk desk
        if self.session is not None:
            raise ValueError("this strategy object has had its run: make another one for the next, or pass its class")
        self.session, self.table, self.desks, self.number = session, session.table, desks, number
        for desk in desks:
            if desk is not None:
                desk.client, desk.portfolio = self, session.place

    def log_to(self, bytearray intents):
        """Append every intent, with the time of its decision, as a record `intent`."""
        self.intents = intents

    def refused_each(self):
        """How many orders risk refused, of each strategy that this client drives."""
        return (self.refused,)

    def close(self):
        """Release what the run has held."""

    cdef int on_start(self) except -1:
        """The start: no book is known yet."""
        return 0

    cdef int on_event(self, Desk desk, const Event *event) except -1:
        """A print arrived, or an event that changed the book; with `called="message"` only the last of a message."""
        return 0

    cdef int on_answer(self, Desk desk, int32_t order, int32_t fill) except -1:
        """The state of an order changed; `fill` is the number of its fill, or NO_ORDER."""
        return 0

    cdef int on_timer(self) except -1:
        """`timer_ns` has passed."""
        return 0

    cdef int on_refusals(self) except -1:
        """Risk refused orders since the last event."""
        return 0

    cdef int call_scheduled(self) except -1:
        """Call the methods of a schedule that are due; `scheduled_ns` is set to the next time."""
        self.scheduled_ns = INT64_MAX
        return 0

    cdef int32_t place(self, Desk desk, int side, int64_t size, int64_t price, int time_in_force,
                       int order_type=ORDER_TYPE_LIMIT, int64_t timeout_ns=0, int64_t intent_id=0) except -2:
        """Submit an order; its number, or NO_ORDER when risk refuses it (`reason`)."""
        cdef int32_t number
        cdef Order *order
        if size <= 0 or size > MOST or price > MOST:
            raise ValueError(f"place: found size {size} and price {price}, expected 1 to 2^61")
        if self.intents is not None:
            self.log_place(desk, side, size, price, time_in_force, order_type, timeout_ns)
        self.reason = desk.check(side, size, price)
        if self.reason:
            self.refused += 1
            return NO_ORDER
        number = self.table.new_order()
        order = &self.table.orders[number]
        order.intent_id, order.submit_ns = intent_id if intent_id else number + 1, self.now_ns
        order.price, order.size, order.known_size, order.side = price, size, size, <signed char>side
        order.market, order.instrument, order.strategy = desk.place, desk.number, self.number
        order.order_type, order.time_in_force = <unsigned char>order_type, <unsigned char>time_in_force
        order.next = order.previous = NO_ORDER
        desk.add_open(side, size)
        self.session.request(PLACE, number, size, self.now_ns)
        if timeout_ns > 0:
            heapq.heappush(self.deadlines, (self.now_ns + timeout_ns, number))
            self.deadline_ns = self.deadlines[0][0]
            bring_forward(self.session.agenda, self.session.place, self.deadline_ns)
        return number

    cdef int cancel(self, int32_t order) except -1:
        """Request the end of an order; one that is done or being cancelled stays as it is.

        Of an order that the venue has not answered yet the request leaves when the answer arrives, as execution does.
        """
        if not self.is_open(order):
            return 0
        if self.intents is not None:
            self.log(INTENT_CANCEL, order, 0)
        if not self.table.orders[order].known:
            self.table.orders[order].cancelling = CANCEL_WAITS
            return 0
        self.table.orders[order].cancelling = CANCEL_SENT
        return self.session.request(CANCEL, order, 0, self.now_ns)

    cdef int amend(self, int32_t order, int64_t size) except -1:
        """Request that an order gets smaller and keeps its place in the queue, unless such a request is under way."""
        if not self.is_open(order):
            return 0
        if self.intents is not None:
            self.log(INTENT_AMEND, order, size)
        if self.table.orders[order].amending:
            return 0
        self.table.orders[order].amending = True
        return self.session.request(AMEND, order, size, self.now_ns)

    cdef bint is_open(self, int32_t order) noexcept:
        """Whether an order may still fill, as the strategy knows, and is not being cancelled."""
        return not (DONE[self.table.orders[order].known] or self.table.orders[order].cancelling)

    cdef int log_place(self, Desk desk, int side, int64_t size, int64_t price, int time_in_force, int order_type,
                       int64_t timeout_ns) except -1:
        """Log an order that is about to be judged by risk."""
        cdef Intent intent
        memset(&intent, 0, sizeof(Intent))
        intent.kind, intent.instrument, intent.side = INTENT_PLACE, desk.number, <signed char>side
        intent.size, intent.price, intent.timeout_ns = size, price, timeout_ns
        intent.order_type, intent.time_in_force = <unsigned char>order_type, <unsigned char>time_in_force
        return self.log_intent(&intent)

    cdef int log(self, int kind, int32_t order, int64_t size) except -1:
        """Log a request about an order."""
        cdef Intent intent
        memset(&intent, 0, sizeof(Intent))
        intent.kind, intent.instrument = <unsigned char>kind, self.table.orders[order].instrument
        intent.target_id, intent.size = self.table.orders[order].intent_id, size
        return self.log_intent(&intent)

    cdef int log_intent(self, Intent *intent) except -1:
        """Append a record at this time."""
        intent.now_ns = self.now_ns
        self.intents += PyBytes_FromStringAndSize(<char *>intent, sizeof(Intent))
        return 0

    # What the loop calls.

    cdef int begin(self, int64_t now_ns) except -1:
        """Set the strategy's time; what risk refused before comes first."""
        self.now_ns, self.session.agenda.seat = now_ns, self.number
        if self.has_refusals:
            self.session.agenda.refusals -= 1
            self.on_refusals()
        return 0

    cdef int start(self, int64_t now_ns) except -1:
        """Begin the run."""
        self.now_ns, self.session.agenda.seat = now_ns, self.number
        self.on_start()
        if self.timer_ns:
            self.timer_at_ns = now_ns + self.timer_ns
        return 0

    cdef int64_t soonest(self) noexcept:
        """When a deadline ends, or the timer or a method of the schedule is due."""
        return min(min(self.deadline_ns, self.timer_at_ns), self.scheduled_ns)

    cdef int do_next(self, int64_t now_ns) except -1:
        """Do what is due at this time: the timer, or the scheduled methods, or one ended deadline."""
        self.begin(now_ns)
        if self.timer_at_ns <= now_ns:
            self.timer_at_ns += self.timer_ns
            return self.on_timer()
        return self.call_scheduled() if self.scheduled_ns <= now_ns else self.end_due()

    cdef int receive_answer(self, Letter letter) except -1:
        """Apply an answer to what the strategy knows, then call its hook."""
        cdef Order *order = &self.table.orders[letter.order]
        cdef Desk desk = self.desks[order.market]
        cdef int64_t part = 0, change = letter.size - order.known_size
        cdef bint is_first = not order.known
        if letter.kind == AMEND:
            order.amending = False
        if letter.refused:
            return 0
        if letter.fill != NO_ORDER:
            part = self.table.fills[letter.fill].size
        order.seen += part
        desk.add_position(order.side * part)
        order.known, order.known_size = letter.state, letter.size
        change -= part
        if DONE[letter.state]:
            change -= order.known_size - order.seen
        desk.add_open(order.side, change)
        if is_first and order.cancelling and not DONE[letter.state]:
            self.session.request(CANCEL, letter.order, 0, self.now_ns)
            self.on_answer(desk, letter.order, letter.fill)
            self.table.orders[letter.order].cancelling = CANCEL_SENT
            return 0
        return self.on_answer(desk, letter.order, letter.fill)

    cdef int end_due(self) except -1:
        """Cancel the order whose time has ended."""
        order = heapq.heappop(self.deadlines)[1]
        self.deadline_ns = self.deadlines[0][0] if self.deadlines else INT64_MAX
        return self.cancel(order)

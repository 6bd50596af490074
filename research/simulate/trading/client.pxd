"""The compiled face of a strategy's side of a run; a compiled strategy is a subclass of `Client`.

    cdef class Mine(Client):
        cdef int on_event(self, Desk desk, const Event *event) except -1:
            if desk.best(&bid, &ask) ...: self.place(desk, BUY, size, bid, TIME_IN_FORCE_POST_ONLY)
            return 0
"""

from libc.stdint cimport int32_t, int64_t

from engine.model.records cimport Intent
from research.simulate.trading.desk cimport Desk
from research.simulate.data.event cimport Event
from research.simulate.matching.orders cimport Order, Orders
from research.simulate.trading.session cimport Letter, Session

cdef object tick_of(const Event *event)

cdef class Client:
    cdef Session session  # of its account
    cdef Orders table
    cdef int number  # among the strategies of its portfolio
    cdef readonly list desks  # by place; None for an instrument that it does not trade
    cdef readonly int64_t now_ns
    cdef int64_t timer_ns  # how often `on_timer` is called; 0: never
    cdef int64_t timer_at_ns  # when it is due next
    cdef int64_t deadline_ns  # the next end of an order that has one
    cdef int64_t scheduled_ns  # when the next method of a schedule is due
    cdef list deadlines  # a heap of (when, order)
    cdef bint each  # the book is shown after every event, not after every message
    cdef readonly int64_t refused  # orders that risk refused
    cdef int reason  # of the last refusal
    cdef bint has_refusals  # the strategy has refusals to read before its next event
    cdef bytearray intents  # every intent is appended as its record; None: they are not logged

    cdef int on_start(self) except -1
    cdef int on_event(self, Desk desk, const Event *event) except -1
    cdef int on_answer(self, Desk desk, int32_t order, int32_t fill) except -1
    cdef int on_timer(self) except -1
    cdef int on_refusals(self) except -1
    cdef int call_scheduled(self) except -1

    cdef int32_t place(self, Desk desk, int side, int64_t size, int64_t price, int time_in_force, int order_type=*,
                       int64_t timeout_ns=*, int64_t intent_id=*) except -2
    cdef int cancel(self, int32_t order) except -1
    cdef int amend(self, int32_t order, int64_t size) except -1
    cdef bint is_open(self, int32_t order) noexcept
    cdef int log_place(self, Desk desk, int side, int64_t size, int64_t price, int time_in_force, int order_type,
                       int64_t timeout_ns) except -1
    cdef int log(self, int kind, int32_t order, int64_t size) except -1
    cdef int log_intent(self, Intent *intent) except -1

    cdef int begin(self, int64_t now_ns) except -1
    cdef int start(self, int64_t now_ns) except -1
    cdef int64_t soonest(self) noexcept
    cdef int do_next(self, int64_t now_ns) except -1
    cdef int receive_answer(self, Letter letter) except -1
    cdef int end_due(self) except -1

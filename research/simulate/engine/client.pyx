# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Drives the real roles by the loop of a `fast` run: each acts at the moment at which the loop calls the client.

    event            the desk's book as the feed publishes it ─▶ strategy.step ─▶ execution.step, if intents wait
    answer           execution.step, which passes it on ─▶ strategy.step ─▶ execution.step, if intents wait
    order's deadline execution.step                        timer, schedule, bar ─▶ strategy.step ─▶ the same

No simulated time passes between two roles. Execution also steps at each event while an algorithm works or a breaker
watches, at an algorithm's own times, and before the lane BOOKS would overtake it; it reads every book in order.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint64_t

from engine.feed.books.outbox cimport Outbox
from engine.model.intent_id cimport COUNT_BITS
from engine.model.words cimport FLAG_LAST, FLAG_RESET, TICK_LEVEL, TICK_PRINT
from research.simulate.matching.agenda cimport bring_forward
from research.simulate.trading.client cimport Client, tick_of
from research.simulate.trading.desk cimport Desk
from research.simulate.engine.venue_session cimport ModelSession
from research.simulate.data.event cimport Event
from research.simulate.trading.received cimport Received
from research.simulate.trading.session cimport Letter
from shm.protocol cimport reader_of, sy_reader, sy_unread

from engine.execution.role import GRAIN_NS
from engine.model.words import VerdictFlag
from engine.strategy.api.strategy import defines, reads_of
from research.simulate.trading.strategy_client import check_intervals

cdef enum:
    BOOKS_MOST = 1024  # unread by execution: an eighth of the lane
    STRATEGIES_MOST = 64  # of one run
    STARTS = 16  # steps within which execution has asked the venue about everything

cdef int OF_CHILD = VerdictFlag.CHILD
cdef int64_t GRAIN = GRAIN_NS


cdef class EngineClient(Client):
    """The roles of one run."""

    cdef list roles, strategies, steps
    cdef list timers  # when the timer of each strategy is due; INT64_MAX: it has none
    cdef list refused_of  # how many orders of each strategy risk refused
    cdef object execution, step_execution
    cdef ModelSession venue
    cdef Outbox outbox
    cdef object readers  # they keep the C readers alive
    cdef sy_reader *waiting[STRATEGIES_MOST]  # intents of each strategy that execution has not read
    cdef sy_reader *books  # books that execution has not read
    cdef sy_reader *judged
    cdef bint watches, eager
    cdef int64_t stepped_ns  # when execution last stepped
    cdef uint64_t books_count
    cdef object closers, logged, bars, publish_bar

    def __init__(
        self, list roles not None, list strategies not None, execution, lanes, logged, verdicts, feed, closers, *,
        watches, bars=None, bars_lane=None
    ):
        """Drive the roles of these strategies; `lanes` are execution's.

        `logged` reads INTENTS where there is one strategy, `verdicts` VERDICTS: readers of their own. `closers` are
        called in turn at the end. With `watches` execution steps at each event, for its breakers. `bars` is where the
        bars of the lane `bars_lane` come from; None: the strategy reads none.
        """
        if len(roles) > STRATEGIES_MOST:
            raise ValueError(f"strategies: found {len(roles)}, expected at most {STRATEGIES_MOST} in one run")
        self.roles, self.strategies, self.execution, self.closers = roles, strategies, execution, closers
        self.steps, self.step_execution = [role.step for role in roles], execution.step
        self.venue, self.outbox = execution.session, feed
        (books,), intents = lanes.books, list(lanes.intents.values())
        self.readers = (intents, books, logged, verdicts)
        for place, reader in enumerate(intents):
            self.waiting[<Py_ssize_t>place] = reader_of(reader)
        self.books, self.judged = reader_of(books), reader_of(verdicts)
        self.timers, self.refused_of = [INT64_MAX] * len(roles), [0] * len(roles)
        self.watches = self.eager = watches
        self.bars, self.publish_bar = bars, None if bars is None else bars_lane.publish

    def attach(self, session, desks, number):
        """Begin a run."""
        Client.attach(self, session, desks, number)
        self.venue.attach(session, self.execution.parents.algorithms)

    def log_to(self, bytearray intents):
        """Append every intent as the strategy submits it; there is one strategy."""
        assert self.readers[2] is not None, "several strategies have no common log of intents"
        self.logged = intents

    def close(self):
        """Close the roles and the lanes."""
        for close in self.closers:
            close()

    # What the loop calls.

    cdef int on_start(self) except -1:
        """Bring execution up, then start the strategy."""
        for _ in range(STARTS):
            self.step_execution(self.now_ns)
            if self.execution.recovery.complete:
                break
        else:
            raise RuntimeError(f"execution has open questions after {STARTS} steps, expected none: report this")
        self.step_execution(self.now_ns)  # the switches of the gate follow at the end of a step
        for step in self.steps:
            step(self.now_ns)  # its recovery
        self.decide()
        for place, strategy in enumerate(self.strategies):
            if self.bars is None or reads_of(type(strategy)):
                check_intervals(strategy, self.bars)
            if defines(type(strategy), "on_timer") and strategy.timer_ns:
                self.timers[place] = self.now_ns + strategy.timer_ns
        self.timer_at_ns = min(self.timers)
        return 0

    cdef int on_event(self, Desk desk, const Event *event) except -1:
        """Publish what the event shows, and let the strategy decide."""
        cdef Received book
        if event.kind == TICK_PRINT:
            self.outbox.begin(event.instrument, event.receive_ns, self.now_ns, event.venue_ns, 0)
            self.outbox.tick(event.kind, event.side, event.price, event.size, 0, 0)
            self.outbox.end()
        book = desk.received
        if book.changed and event.flags & FLAG_LAST:
            self.books_count += 1
            self.outbox.begin(event.instrument, event.receive_ns, self.now_ns, event.venue_ns, 0)
            self.outbox.publish_top(book.book, 0, book.state, event.flags & FLAG_RESET, self.books_count)
        self.decide()
        if self.bars is not None and event.kind != TICK_LEVEL:
            self.bars.add(tick_of(event))
            self.schedule_next()
        if self.eager or sy_unread(self.books) >= BOOKS_MOST:
            self.act()
        bring_forward(self.session.agenda, self.session.place, self.soonest())
        return 0

    cdef int receive_answer(self, Letter letter) except -1:
        """Pass an answer of the venue to execution, and let its strategy follow."""
        cdef int place = <int>(self.table.orders[letter.order].intent_id >> COUNT_BITS) - 1
        self.venue.deliver(letter)
        self.act()
        return self.decide_one(place)

    cdef int end_due(self) except -1:
        """The time of an order or of an algorithm has come."""
        overdue = {(intent_id >> COUNT_BITS) - 1 for intent_id in self.execution.desk.overdue(self.now_ns)}
        for place in sorted(overdue) or (0,):  # an algorithm waits for a time
            self.decide_one(place)
        self.act()
        if self.deadline_ns <= self.now_ns:  # it waits for something else
            self.deadline_ns = self.now_ns + GRAIN
        return 0

    cdef int on_timer(self) except -1:
        for place, at_ns in enumerate(self.timers):
            if at_ns <= self.now_ns:
                self.timers[place] = at_ns + self.strategies[place].timer_ns
                self.timer_at_ns = min(self.timers)
                return self.decide_one(place)
        return 0

    cdef int call_scheduled(self) except -1:
        if self.bars is not None and self.bars.next_ns <= self.now_ns:
            for bar in self.bars.due(self.now_ns):
                self.publish_bar(*bar)
            return self.decide()
        for place, role in enumerate(self.roles):
            if role.scheduled_ns <= self.now_ns:
                return self.decide_one(place)
        return 0

    cdef int schedule_next(self) except -1:
        """Set when the next bar or scheduled method is due."""
        self.scheduled_ns = min([role.scheduled_ns for role in self.roles])
        if self.bars is not None:
            self.scheduled_ns = min(self.scheduled_ns, <int64_t>self.bars.next_ns)
        return 0

    # The roles.

    cdef int decide(self) except -1:
        """Let each strategy decide, in turn."""
        cdef int place
        for place in range(<int>len(self.steps)):
            self.decide_one(place)
        return 0

    cdef int decide_one(self, int place) except -1:
        """Step a strategy, and execution as long as its intents wait."""
        self.steps[place](self.now_ns)
        self.schedule_next()
        if sy_unread(self.waiting[place]) and self.logged is not None:
            self.log_intents()
        while sy_unread(self.waiting[place]):
            self.act()
        return 0

    cdef int act(self) except -1:
        """Step execution, and note when it must step again."""
        cdef int64_t due_ns
        self.step_execution(self.now_ns)
        self.stepped_ns = self.now_ns
        self.eager = self.watches or self.execution.busy
        due_ns = self.execution.parents.due_ns
        due_ns = max(due_ns, self.stepped_ns + GRAIN) if due_ns != INT64_MAX else due_ns
        self.deadline_ns = min(due_ns, <int64_t>self.execution.desk.deadline_ns)
        if sy_unread(self.judged):
            self.count_refusals()
        return 0

    def count_refusals(self):
        """Count the verdicts since the last call that refuse an intent."""
        read = self.readers[3].read
        while (row := read()) is not None:
            if row.reason != 0 and not row.flags & OF_CHILD:
                self.refused += 1
                self.refused_of[row.strategy - 1] += 1

    def refused_each(self):
        """How many orders risk refused, of each strategy."""
        return tuple(self.refused_of)

    def log_intents(self):
        """Append the intents that wait for execution."""
        read = self.readers[2].read_bytes
        while (record := read()) is not None:
            self.logged += record

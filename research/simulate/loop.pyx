# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The loop of a `fast` run: events, requests, answers and timers in the order of their times.

    data ──venue_ns────▶ venue's book, our resting orders           docs/research/simulate.md has a time line
         ──receive_ns──▶ the strategy's book and hooks

At equal times: events at the venue, then requests at the venue, the timer, scheduled methods, ended deadlines, answers,
and last the event that the strategy receives. So a strategy never acts on an event before its order meets everything
that the venue did up to that moment.
"""

from libc.stdint cimport INT64_MAX, int32_t, int64_t

from engine.model.words cimport FLAG_LAST, TICK_PRINT
from research.simulate.client cimport Client
from research.simulate.desk cimport Desk
from research.simulate.event cimport Event
from research.simulate.session cimport CANCEL, PLACE, REPLACE, Letter, Session, next_ns, receive
from research.simulate.venue cimport VenueMarket

cdef enum:
    AT_ONCE = 100_000  # messages in one nanosecond: a strategy that answers every answer, without latency


cdef class Loop:
    """One run over one array of events."""

    cdef const unsigned char[::1] data
    cdef const Event *events
    cdef Py_ssize_t count
    cdef Py_ssize_t venue  # the next event at the venue
    cdef readonly Py_ssize_t event  # the next event that the strategy receives
    cdef const int32_t[::1] places  # by instrument
    cdef list markets, desks
    cdef Session session
    cdef Client client
    cdef bint each  # the hook is called for every event, not for every message
    cdef int64_t timer_ns, mark_ns, next_mark_ns, at_ns
    cdef int64_t at_once
    cdef readonly list marks  # (when, instrument, twice the middle)

    def __init__(self, data, places, Session session not None, list markets not None, list desks not None,
                 Client client not None, *, bint each, int64_t mark_ns):
        """Run over the bytes of checked events; `places` has the place of each instrument's id."""
        self.data, self.places = data, places
        self.count = self.data.shape[0] // sizeof(Event)
        self.events = <const Event *>&self.data[0]
        self.session, self.markets, self.desks, self.client = session, markets, desks, client
        self.each = self.client.each = each
        self.mark_ns, self.marks = mark_ns, []
        self.timer_ns = INT64_MAX
        self.next_mark_ns = self.events[0].receive_ns

    def run(self):
        """Run to the end of the data."""
        self.client.now_ns = self.events[0].receive_ns
        self.client.on_start()
        if self.client.timer_ns:
            self.timer_ns = self.client.now_ns + self.client.timer_ns
        while self.event < self.count:
            self.advance_to(self.events[self.event].receive_ns)
            self.receive_event(&self.events[self.event])
            self.event += 1
        self.advance_to(self.client.now_ns)
        self.mark(self.client.now_ns)

    cdef int advance_to(self, int64_t upto_ns) except -1:
        """Do everything that comes before an event which the strategy receives at this time."""
        cdef int64_t next_at = self.reach(min(upto_ns, self.soonest()))
        while self.soonest() <= upto_ns:
            self.do_next(next_at)
            next_at = self.reach(min(upto_ns, self.soonest()))
        return 0

    cdef inline int64_t soonest(self) noexcept:
        """When the next message arrives, deadline ends or timer is due."""
        cdef int64_t timed_ns = min(self.client.scheduled_ns, self.timer_ns)
        return min(min(self.session.soonest_ns, self.client.deadline_ns), timed_ns)

    cdef inline int64_t reach(self, int64_t upto_ns) except -1:
        """Apply the venue's events up to a time, or to the answer that one of them causes; that time."""
        cdef const Event *event
        while self.venue < self.count and self.events[self.venue].venue_ns <= upto_ns:
            event = &self.events[self.venue]
            (<VenueMarket>self.markets[self.places[event.instrument]]).apply(event)
            self.venue += 1
            upto_ns = min(upto_ns, self.session.soonest_ns)
        return upto_ns

    cdef int do_next(self, int64_t now_ns) except -1:
        """Do what is due next at this time."""
        cdef Session session = self.session
        self.at_once = self.at_once + 1 if now_ns == self.at_ns else 0
        self.at_ns = now_ns
        if self.at_once > AT_ONCE:
            raise ValueError(f"the strategy has sent {AT_ONCE} messages at {now_ns}: it answers every answer, and "
                             "without latency no time passes: give the run a latency")
        if next_ns(&session.requests) <= now_ns:
            return self.bring(receive(session, &session.requests))
        self.begin(now_ns)
        if self.timer_ns <= now_ns:
            self.timer_ns += self.client.timer_ns
            return self.client.on_timer()
        if self.client.scheduled_ns <= now_ns:
            return self.client.call_scheduled()
        if self.client.deadline_ns <= now_ns:
            return self.client.end_due()
        return self.client.receive_answer(receive(session, &session.answers))

    cdef int bring(self, Letter letter) except -1:
        """A request arrives at the venue."""
        cdef VenueMarket market = self.markets[self.session.orders[letter.order].market]
        if letter.kind == PLACE:
            return market.arrive(letter.order, letter.at_ns)
        if letter.kind == CANCEL:
            return market.cancel(letter.order, letter.at_ns)
        if letter.kind == REPLACE:
            return market.replace(letter.order, <int32_t>letter.size, letter.at_ns)
        return market.amend(letter.order, letter.size, letter.at_ns)

    cdef inline int begin(self, int64_t now_ns) except -1:
        """Set the strategy's time; what risk refused before comes first."""
        self.client.now_ns = now_ns
        if self.client.has_refusals:
            self.client.on_refusals()
        return 0

    cdef int receive_event(self, const Event *event) except -1:
        """The strategy receives an event."""
        cdef Desk desk = self.desks[self.places[event.instrument]]
        if event.receive_ns >= self.next_mark_ns:
            self.mark(event.receive_ns)
        self.begin(event.receive_ns)
        desk.apply(event)
        if self.each or event.flags & FLAG_LAST or event.kind == TICK_PRINT:
            self.client.on_event(desk, event)
        return 0

    cdef int mark(self, int64_t now_ns) except -1:
        """Note the middle of every book."""
        cdef Desk desk
        for desk in self.desks:
            self.marks.append((now_ns, desk.number, desk.middle2()))
        self.next_mark_ns = now_ns + self.mark_ns - now_ns % self.mark_ns
        return 0

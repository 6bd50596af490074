# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The loop of a `fast` pass: events, requests, answers and timers in the order of their times.

    data ──venue_ns────▶ each market's book, our resting orders     docs/research/simulate.md has a time line
         ──receive_ns──▶ the received books, the strategies' hooks

At equal times: events at the venue, then requests at the venue, the timer, scheduled methods, ended deadlines, answers,
and last the event that the strategies receive. So a strategy never acts on an event before its order meets everything
that the venue did up to that moment. Portfolios share the pass over the data, and nothing that one of them does reaches
another: each has the fills that it would have alone.
"""

from libc.stdint cimport int32_t, int64_t

from engine.model.words cimport FLAG_LAST, TICK_PRINT
from research.simulate.matching.agenda cimport Agenda
from research.simulate.trading.client cimport Client
from research.simulate.trading.desk cimport Desk
from research.simulate.data.event cimport Event
from research.simulate.trading.portfolio cimport Portfolio
from research.simulate.trading.received cimport Received, best_prices
from research.simulate.trading.session cimport Session
from research.simulate.matching.venue cimport VenueMarket


cdef class Loop:
    """One pass over one array of events."""

    cdef const unsigned char[::1] data
    cdef const Event *events
    cdef Py_ssize_t count
    cdef Py_ssize_t venue  # the next event at the venue
    cdef readonly Py_ssize_t event  # the next event that the strategies receive
    cdef readonly int64_t now_ns  # of the strategies
    cdef readonly int portfolio  # the one that is called
    cdef const int32_t[::1] places  # by instrument
    cdef list markets, books, portfolios
    cdef list desks  # of all strategies, by the instrument's place
    cdef Agenda agenda
    cdef bint each  # the hook is called for every event, not for every message
    cdef bint margined  # accounts have perpetuals: the venue's middles are their marks
    cdef int64_t mark_ns, next_mark_ns
    cdef readonly list marks  # (when, instrument, twice the middle)

    def __init__(self, data, places, Agenda agenda not None, list markets not None, list books not None,
                 list portfolios not None, *, bint each, int64_t mark_ns, bint margined=False):
        """Run over the bytes of checked events; `places` has the place of each instrument's id."""
        cdef Portfolio portfolio
        cdef Client client
        self.data, self.places = data, places
        self.count = self.data.shape[0] // sizeof(Event)
        self.events = <const Event *>&self.data[0]
        self.agenda, self.markets, self.books, self.portfolios = agenda, markets, books, portfolios
        self.each, self.mark_ns, self.marks, self.margined = each, mark_ns, [], margined
        self.next_mark_ns = self.events[0].receive_ns
        self.desks = [[] for _ in markets]
        for portfolio in portfolios:
            for client in portfolio.clients:
                client.each = each
                for desk in client.desks:
                    if desk is not None:
                        self.desks[desk.place].append(desk)

    def run(self):
        """Run to the end of the data."""
        cdef Portfolio portfolio
        self.now_ns = self.events[0].receive_ns
        for portfolio in self.portfolios:
            self.portfolio = portfolio.place
            portfolio.start(self.now_ns)
        while self.event < self.count:
            self.advance_to(self.events[self.event].receive_ns)
            self.receive_event(&self.events[self.event])
            self.event += 1
        self.advance_to(self.now_ns)
        self.mark(self.now_ns)

    cdef int advance_to(self, int64_t upto_ns) except -1:
        """Do everything that comes before an event which the strategies receive at this time."""
        cdef int64_t next_at = self.reach(min(upto_ns, self.agenda.soonest_ns))
        while self.agenda.soonest_ns <= upto_ns:
            self.now_ns, self.portfolio = next_at, self.agenda.first()
            (<Portfolio>self.portfolios[self.portfolio]).do_next(next_at)
            next_at = self.reach(min(upto_ns, self.agenda.soonest_ns))
        return 0

    cdef inline int64_t reach(self, int64_t upto_ns) except -1:
        """Apply the venue's events up to a time, or to the answer that one of them causes; that time."""
        cdef const Event *event
        while self.venue < self.count and self.events[self.venue].venue_ns <= upto_ns:
            event = &self.events[self.venue]
            (<VenueMarket>self.markets[self.places[event.instrument]]).apply(event)
            self.venue += 1
            if self.margined and event.flags & FLAG_LAST:
                self.set_marks(self.places[event.instrument], event.venue_ns)
            upto_ns = min(upto_ns, self.agenda.soonest_ns)
        return upto_ns

    cdef int set_marks(self, int32_t place, int64_t now_ns) except -1:
        """Give every account the middle of an instrument's book at the venue, if it is another one."""
        cdef VenueMarket market = <VenueMarket>self.markets[place]
        cdef Portfolio portfolio
        cdef Session session
        cdef int64_t bid, ask
        if not best_prices(market.book, &bid, &ask) or bid >= ask or bid + ask == market.middle2:
            return 0
        market.middle2 = bid + ask
        for portfolio in self.portfolios:
            self.portfolio = portfolio.place
            for session in portfolio.sessions:
                if session.margin is not None:
                    session.margin.set_middle(place, market.middle2, now_ns)
        return 0

    cdef int receive_event(self, const Event *event) except -1:
        """The strategies receive an event."""
        cdef int32_t place = self.places[event.instrument]
        cdef Received book = <Received>self.books[place]
        cdef bint shown = self.each or event.flags & FLAG_LAST
        self.now_ns = event.receive_ns
        if event.receive_ns >= self.next_mark_ns:
            self.mark(event.receive_ns)
        if self.agenda.refusals:
            self.begin_all(event.receive_ns)
        book.apply(event)
        if shown or event.kind == TICK_PRINT:
            self.call_hooks(<list>self.desks[place], event)
        if shown:
            book.changed = False
        return 0

    cdef int begin_all(self, int64_t now_ns) except -1:
        """What risk refused reaches its strategy before the next event."""
        cdef Portfolio portfolio
        cdef Client client
        for portfolio in self.portfolios:
            self.portfolio = portfolio.place
            for client in portfolio.clients:
                client.begin(now_ns)
        return 0

    cdef int call_hooks(self, list desks, const Event *event) except -1:
        """Call the hook of every strategy that has the event's instrument."""
        cdef Py_ssize_t one
        cdef Desk desk
        cdef Client client
        for one in range(len(desks)):
            desk = <Desk>desks[one]
            client = <Client>desk.client
            self.portfolio, self.agenda.seat = desk.portfolio, client.number
            client.now_ns = event.receive_ns
            client.on_event(desk, event)
        return 0

    cdef int mark(self, int64_t now_ns) except -1:
        """Note the middle of every book."""
        cdef Received book
        for book in self.books:
            self.marks.append((now_ns, book.number, book.middle2()))
        self.next_mark_ns = now_ns + self.mark_ns - now_ns % self.mark_ns
        return 0

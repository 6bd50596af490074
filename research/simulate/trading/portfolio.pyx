# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""One portfolio: its strategies, the sessions of their accounts, and its orders at each market.

A single run is a portfolio of one strategy. Variants of a strategy are portfolios that share a pass over the data and
nothing else.
"""

from cython cimport final
from libc.stdint cimport INT64_MAX, int32_t, int64_t

from research.simulate.matching.agenda cimport Agenda
from research.simulate.trading.client cimport Client
from research.simulate.trading.session cimport CANCEL, PLACE, REPLACE, Letter, Session, next_ns, receive
from research.simulate.matching.venue cimport OwnOrders

cdef enum:
    AT_ONCE = 100_000  # messages in one nanosecond: a strategy that answers every answer, without latency


@final
cdef class Portfolio:
    """One run's."""

    def __init__(self, Agenda agenda not None, int place, list sessions not None, list clients not None,
                 list own not None):
        """Begin; `place` is its own in the agenda, `own` has its orders by instrument."""
        self.agenda, self.place, self.sessions, self.clients, self.own = agenda, place, sessions, clients, own
        self.table = (<Session>sessions[0]).table

    cdef int start(self, int64_t now_ns) except -1:
        """Start every strategy."""
        cdef Client client
        for client in self.clients:
            client.start(now_ns)
        self.agenda.set_due(self.place, self.soonest())
        return 0

    cdef int64_t soonest(self) noexcept:
        """When the next message arrives, deadline ends, or method is due."""
        cdef int64_t soonest_ns = INT64_MAX
        cdef Py_ssize_t one
        cdef Session session
        for one in range(len(self.sessions)):
            session = <Session>self.sessions[one]
            soonest_ns = min(soonest_ns, min(next_ns(&session.requests), next_ns(&session.answers)))
            if session.margin is not None:
                soonest_ns = min(soonest_ns, session.margin.next_ns())
        for one in range(len(self.clients)):
            soonest_ns = min(soonest_ns, (<Client>self.clients[one]).soonest())
        return soonest_ns

    cdef int do_next(self, int64_t now_ns) except -1:
        """Do what is due next at this time."""
        self.at_once = self.at_once + 1 if now_ns == self.at_ns else 0
        self.at_ns = now_ns
        if self.at_once > AT_ONCE:
            raise ValueError(f"the strategy has sent {AT_ONCE} messages at {now_ns}: it answers every answer, and "
                             "without latency no time passes: give the run a latency")
        self.do_first(now_ns)
        self.agenda.set_due(self.place, self.soonest())
        return 0

    cdef int do_first(self, int64_t now_ns) except -1:
        """Funding; without one a request at the venue; without one a strategy's own times; without one an answer."""
        cdef Py_ssize_t one
        cdef Session session
        cdef Client client
        cdef Letter letter
        for one in range(len(self.sessions)):
            session = <Session>self.sessions[one]
            if session.margin is not None and session.margin.next_ns() <= now_ns:
                return session.margin.pay_due(now_ns)
        for one in range(len(self.sessions)):
            session = <Session>self.sessions[one]
            if next_ns(&session.requests) <= now_ns:
                return self.bring(receive(&session.requests))
        for one in range(len(self.clients)):
            client = <Client>self.clients[one]
            if client.soonest() <= now_ns:
                return client.do_next(now_ns)
        for one in range(len(self.sessions)):
            session = <Session>self.sessions[one]
            if next_ns(&session.answers) <= now_ns:
                letter = receive(&session.answers)
                client = <Client>self.clients[self.table.orders[letter.order].strategy]
                client.begin(now_ns)
                return client.receive_answer(letter)
        return 0

    cdef int bring(self, Letter letter) except -1:
        """A request arrives at the venue."""
        cdef OwnOrders own = <OwnOrders>self.own[self.table.orders[letter.order].market]
        if letter.kind == PLACE:
            return own.arrive(letter.order, letter.at_ns)
        if letter.kind == CANCEL:
            return own.cancel(letter.order, letter.at_ns)
        if letter.kind == REPLACE:
            return own.replace(letter.order, <int32_t>letter.size, letter.at_ns)
        return own.amend(letter.order, letter.size, letter.at_ns)

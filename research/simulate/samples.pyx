# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Three compiled strategies: the patterns for an author, and what `bench/simulate.py` runs.

    Watcher(..)    reads the best prices at every event
    Quoter(..)     keeps one quote a side and moves it every `every` events: a cancel and an order each time
    Taker(..)      buys and sells in turn at once, every `every` events
"""

import time

from libc.stdint cimport int32_t, int64_t

from engine.model.words cimport BUY, SELL, TIME_IN_FORCE_IOC, TIME_IN_FORCE_POST_ONLY
from research.simulate.trading.client cimport Client
from research.simulate.trading.desk cimport Desk
from research.simulate.data.event cimport Event
from research.simulate.matching.orders cimport NO_ORDER


cdef class Watcher(Client):
    """Counts the events at which the spread was one price step."""

    cdef readonly int64_t narrow

    cdef int on_event(self, Desk desk, const Event *event) except -1:
        cdef int64_t bid, ask
        if desk.best(&bid, &ask):
            self.narrow += ask - bid == desk.price_step
        return 0


cdef class Quoter(Client):
    """Quotes the best bid and the best ask, first in one instrument's events, then in the next's."""

    cdef int64_t size, every, left
    cdef int32_t[2] quotes
    cdef int turn

    def __init__(self, size, every):
        """Move one quote of `size` every `every` events."""
        self.size = size
        self.every = self.left = every
        self.quotes[0] = self.quotes[1] = NO_ORDER

    cdef int on_event(self, Desk desk, const Event *event) except -1:
        cdef int64_t bid, ask
        if not desk.best(&bid, &ask):
            return 0
        self.left -= 1
        if self.left > 0:
            return 0
        self.left = self.every
        self.turn ^= 1
        if self.quotes[self.turn] != NO_ORDER:
            self.cancel(self.quotes[self.turn])
        self.quotes[self.turn] = self.place(
            desk, SELL if self.turn else BUY, self.size, ask if self.turn else bid, TIME_IN_FORCE_POST_ONLY)
        return 0


cdef class Taker(Client):
    """Takes the other side's best price; `stamps` has the processor's time at every `stamp_every` events."""

    cdef int64_t size, every, seen, stamp_every
    cdef readonly list stamps

    def __init__(self, size, every, stamp_every):
        """Take `size` every `every` events."""
        self.size, self.every, self.stamp_every, self.stamps = size, every, stamp_every, []

    cdef int on_event(self, Desk desk, const Event *event) except -1:
        cdef int64_t bid, ask
        if self.seen % self.stamp_every == 0:
            self.stamps.append(time.process_time_ns())
        self.seen += 1
        if self.seen % self.every or not desk.best(&bid, &ask):
            return 0
        if desk.position > 0:
            self.place(desk, SELL, self.size, bid, TIME_IN_FORCE_IOC)
        else:
            self.place(desk, BUY, self.size, ask, TIME_IN_FORCE_IOC)
        return 0

"""The compiled face of Coinbase's market data."""

from libc.stdint cimport int64_t

from engine.venues.market cimport Listing, Market, Message, Rule
from engine.venues.scan cimport Span

cdef class CoinbaseMarket(Market):
    cdef int read_events(self, const char *at, bint book, int64_t venue_ns) noexcept nogil
    cdef int read_book(self, Span *fields, bint snapshot, int64_t venue_ns, int count) noexcept nogil
    cdef bint read_side(
        self, const char *at, Listing *listing, bint bids, Py_ssize_t *start, Py_ssize_t *count
    ) noexcept nogil
    cdef int read_trades(self, Span *fields, bint snapshot, int count) noexcept nogil
    cdef bint read_trade(self, Span *fields, Message *message) noexcept nogil

cdef class CoinbaseRule(Rule):
    pass

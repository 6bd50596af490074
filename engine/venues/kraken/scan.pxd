"""The compiled face of Kraken's market data."""

from engine.venues.market cimport Listing, Market, Message, Rule
from engine.venues.scan cimport Span

cdef class KrakenMarket(Market):
    cdef int read_items(self, const char *at, bint book, bint snapshot) noexcept nogil
    cdef bint read_book(self, Span *fields, Message *message) noexcept nogil
    cdef bint read_levels(self, Span *span, Listing *listing, Py_ssize_t *start, Py_ssize_t *count) noexcept nogil
    cdef bint read_trade(self, Span *fields, Message *message, bint snapshot) noexcept nogil

cdef class KrakenRule(Rule):
    pass

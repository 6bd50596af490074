"""The compiled face of Kraken's market data."""

from libc.stdint cimport int64_t, uint32_t

from engine.venues.market cimport Listing, Market, Message, Rule
from engine.venues.scan cimport Span

cdef enum:
    SYMBOL = 0
    BIDS = 1
    ASKS = 2
    CHECKSUM = 3
    TIMESTAMP = 4
    SIDE = 5
    PRICE = 6
    QTY = 7
    TRADE_ID = 8
    CHANNEL = 9
    TYPE = 10
    DATA = 11
    FIELDS = 12
    CHECKED_LEVELS = 10  # the checksum covers ten levels a side, at every depth

cdef enum Topic:
    NEITHER = 0
    BOOKS = 1
    TRADES = 2

cdef uint32_t add_number(uint32_t crc, int64_t number) noexcept nogil

cdef class KrakenMarket(Market):
    cdef Topic topic(self, const Span *channel) noexcept nogil
    cdef int read_items(self, const char *at, bint book, bint snapshot) noexcept nogil
    cdef bint read_book(self, Span *fields, Message *message) noexcept nogil
    cdef bint read_levels(self, Span *span, Listing *listing, Py_ssize_t *start, Py_ssize_t *count) noexcept nogil
    cdef bint read_trade(self, Span *fields, Message *message, bint snapshot) noexcept nogil

cdef class KrakenRule(Rule):
    pass

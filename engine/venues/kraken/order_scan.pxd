"""The compiled face of Kraken's channel of orders."""

from engine.venues.kraken.scan cimport KrakenMarket
from engine.venues.market cimport Message, OrderEvent, Rule
from engine.venues.scan cimport Span

cdef class KrakenOrderMarket(KrakenMarket):
    cdef bint read_orders(self, Span *span, int side, Message *message) noexcept nogil
    cdef bint read_order(self, Span *fields, Message *message, OrderEvent *event) noexcept nogil

cdef class KrakenOrderRule(Rule):
    pass

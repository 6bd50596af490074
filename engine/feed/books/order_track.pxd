"""The compiled face of a track of orders."""

from engine.book.orders cimport OrderBook
from engine.feed.books.track cimport Track
from engine.venues.market cimport Identity, Level, Message, OrderEvent

cdef class OrderTrack(Track):
    cdef readonly OrderBook orders
    cdef readonly int contradictions

    cdef bint apply_order(self, Message *message) noexcept nogil
    cdef bint fill_side(self, int side, Level *rows, Identity *identities, Py_ssize_t count) noexcept nogil
    cdef bint apply_match(self, Message *message) noexcept nogil
    cdef bint apply_change(self, Message *message) noexcept nogil
    cdef bint apply_events(self, OrderEvent *events, Py_ssize_t count, bint levels) noexcept nogil
    cdef bint apply_event(self, OrderEvent *event, bint levels) noexcept nogil
    cdef bint touches(self, Message *message) noexcept nogil
    cdef void add_levels(self) noexcept nogil

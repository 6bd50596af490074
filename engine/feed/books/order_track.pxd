"""The compiled face of a track of orders."""

from engine.book.orders cimport OrderBook
from engine.feed.books.track cimport Track
from engine.venues.market cimport Identity, Level, Message, OrderEvent

cdef class OrderTrack(Track):
    cdef readonly OrderBook orders
    cdef readonly int contradictions

    cdef bint follow(self, Message *message) noexcept nogil
    cdef bint fill_side(self, int side, Level *levels, Identity *identities, Py_ssize_t count) noexcept nogil
    cdef bint take_match(self, Message *message) noexcept nogil
    cdef bint take_change(self, Message *message) noexcept nogil
    cdef bint follow_events(self, OrderEvent *events, Py_ssize_t count, bint telling) noexcept nogil
    cdef bint take_event(self, OrderEvent *event, bint telling) noexcept nogil
    cdef bint touches(self, Message *message) noexcept nogil
    cdef void tell_levels(self) noexcept nogil

# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The orders and fills of one portfolio: each keeps its place in its table, so nothing moves while a run grows."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cython cimport final
from libc.stdint cimport int32_t, int64_t, uint16_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset

cdef enum:
    FIRST_ROOM = 1024
    ROOM_MAX = 2_147_483_647  # an order's number has 32 bits


cdef Py_ssize_t more_room(Py_ssize_t room) except -1:
    """Twice the room of a table."""
    if room >= ROOM_MAX:
        raise MemoryError(f"no room for more than {room} orders or fills in one run: run shorter periods")
    return min(max(2 * room, <Py_ssize_t>FIRST_ROOM), <Py_ssize_t>ROOM_MAX)


@final
cdef class Orders:
    """Both tables."""

    def __dealloc__(self):
        free(self.orders)
        free(self.fills)

    cdef int32_t new_order(self) except -2:
        """The number of a new order, empty."""
        cdef Py_ssize_t room
        cdef Order *orders
        if self.order_count == self.order_room:
            room = more_room(self.order_room)
            orders = <Order *>realloc(self.orders, room * sizeof(Order))
            if orders == NULL:
                raise MemoryError(f"no memory for {room} orders: run shorter periods")
            self.orders, self.order_room = orders, room
        memset(&self.orders[self.order_count], 0, sizeof(Order))
        self.order_count += 1
        return <int32_t>(self.order_count - 1)

    cdef int32_t add_fill(self, int32_t order, int64_t now_ns, int64_t price, int64_t size, int64_t fee,
                          int64_t impact, bint maker) except -2:
        """Record a fill of an order; its number."""
        cdef Py_ssize_t room
        cdef Fill *fills
        cdef Order *one = &self.orders[order]
        if self.fill_count == self.fill_room:
            room = more_room(self.fill_room)
            fills = <Fill *>realloc(self.fills, room * sizeof(Fill))
            if fills == NULL:
                raise MemoryError(f"no memory for {room} fills: run shorter periods")
            self.fills, self.fill_room = fills, room
        fills = &self.fills[self.fill_count]
        memset(fills, 0, sizeof(Fill))
        fills.venue_ns, fills.intent_id, fills.price, fills.size = now_ns, one.intent_id, price, size
        fills.fee, fills.impact, fills.order = fee, impact, order
        fills.instrument, fills.side = one.instrument, one.side
        fills.maker, fills.strategy = maker, <uint16_t>one.strategy
        self.fill_count += 1
        return <int32_t>(self.fill_count - 1)

    def order_bytes(self):
        """Every order, as the bytes of its records."""
        return PyBytes_FromStringAndSize(<char *>self.orders, self.order_count * sizeof(Order))

    def fill_bytes(self):
        """Every fill, as the bytes of its records."""
        return PyBytes_FromStringAndSize(<char *>self.fills, self.fill_count * sizeof(Fill))

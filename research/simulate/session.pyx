# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""What is between a strategy and the venues: requests and answers on their way, and the table of orders and fills.

    strategy ── request ──▶ order latency  ──▶ venue
             ◀── answer ─── answer latency ◀──

One session keeps the order of its messages, as a TCP connection does: a message never arrives before an earlier one of
the same direction, whatever latency was drawn for it. An order and a fill keep their places in the tables, so nothing
is moved or looked up while a run grows.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memset

from research.simulate.delay cimport Delay

cdef enum:
    FIRST_ROOM = 1024
    ROOM_MAX = 2_147_483_647  # an order's number has 32 bits


cdef int open_post(Post *post) except -1:
    """Begin without a letter."""
    post.letters = <Letter *>malloc(FIRST_ROOM * sizeof(Letter))
    if post.letters == NULL:
        raise MemoryError
    post.mask, post.head, post.tail, post.last_ns = FIRST_ROOM - 1, 0, 0, 0
    return 0


cdef int grow_post(Post *post) except -1:
    """Twice the room; the letters on their way keep their order."""
    cdef uint64_t room = 2 * (post.mask + 1), one
    cdef Letter *letters = <Letter *>malloc(room * sizeof(Letter))
    if letters == NULL:
        raise MemoryError
    for one in range(post.head, post.tail):
        letters[one & (room - 1)] = post.letters[one & post.mask]
    free(post.letters)
    post.letters, post.mask = letters, room - 1
    return 0


cdef int send(Post *post, Letter letter) except -1:
    """Send a letter: it arrives no earlier than those that were sent before it."""
    if post.tail - post.head > post.mask:
        grow_post(post)
    letter.at_ns = post.last_ns = max(letter.at_ns, post.last_ns)
    post.letters[post.tail & post.mask] = letter
    post.tail += 1
    return 0


cdef class Session:
    """One strategy's session with the venues of its instruments."""

    def __cinit__(self, Delay order_delay not None, Delay answer_delay not None):
        """Begin without orders."""
        self.order_delay, self.answer_delay = order_delay, answer_delay
        self.soonest_ns = INT64_MAX
        open_post(&self.requests)
        open_post(&self.answers)

    def __dealloc__(self):
        free(self.requests.letters)
        free(self.answers.letters)
        free(self.orders)
        free(self.fills)

    cdef int32_t new_order(self) except -2:
        """The number of a new order, empty."""
        cdef Py_ssize_t room
        cdef Order *orders
        if self.order_count == self.order_room:
            room = min(max(2 * self.order_room, <Py_ssize_t>FIRST_ROOM), <Py_ssize_t>ROOM_MAX)
            orders = <Order *>realloc(self.orders, room * sizeof(Order)) if room > self.order_room else NULL
            if orders == NULL:
                raise MemoryError(f"no room for more than {self.order_room} orders in one run: run shorter periods")
            self.orders, self.order_room = orders, room
        memset(&self.orders[self.order_count], 0, sizeof(Order))
        self.order_count += 1
        return <int32_t>(self.order_count - 1)

    cdef int32_t add_fill(self, int32_t order, int64_t now_ns, int64_t price, int64_t size, int64_t fee,
                          bint maker) except -2:
        """Record a fill of an order; its number."""
        cdef Py_ssize_t room
        cdef Fill *fills
        cdef Order *one = &self.orders[order]
        if self.fill_count == self.fill_room:
            room = min(max(2 * self.fill_room, <Py_ssize_t>FIRST_ROOM), <Py_ssize_t>ROOM_MAX)
            fills = <Fill *>realloc(self.fills, room * sizeof(Fill)) if room > self.fill_room else NULL
            if fills == NULL:
                raise MemoryError(f"no room for more than {self.fill_room} fills in one run: run shorter periods")
            self.fills, self.fill_room = fills, room
        memset(&self.fills[self.fill_count], 0, sizeof(Fill))
        self.fills[self.fill_count].venue_ns, self.fills[self.fill_count].intent_id = now_ns, one.intent_id
        self.fills[self.fill_count].price, self.fills[self.fill_count].size = price, size
        self.fills[self.fill_count].fee, self.fills[self.fill_count].order = fee, order
        self.fills[self.fill_count].instrument, self.fills[self.fill_count].side = one.instrument, one.side
        self.fills[self.fill_count].maker = maker
        self.fill_count += 1
        return <int32_t>(self.fill_count - 1)

    cdef int request(self, int kind, int32_t order, int64_t size, int64_t now_ns) except -1:
        """Send a request to the venue."""
        cdef Letter letter
        letter.at_ns = now_ns + self.order_delay.at(now_ns)
        letter.kind, letter.order, letter.size, letter.fill = <uint8_t>kind, order, size, NO_ORDER
        letter.state = letter.refused = 0
        send(&self.requests, letter)
        self.soonest_ns = min(self.soonest_ns, self.requests.last_ns)
        return 0

    cdef int answer(self, int32_t order, int32_t fill, int64_t now_ns, int kind=0) except -1:
        """Send the state of an order to the strategy, with the fill that changed it, as the answer to a request."""
        return self.send_state(order, fill, now_ns, kind, False)

    cdef int refuse(self, int32_t order, int kind, int64_t now_ns) except -1:
        """Answer a cancel or an amend that changed nothing."""
        self.late_cancels += 1
        return self.send_state(order, NO_ORDER, now_ns, kind, True)

    cdef int send_state(self, int32_t order, int32_t fill, int64_t now_ns, int kind, bint refused) except -1:
        """Send the state of an order."""
        cdef Letter letter
        letter.at_ns = now_ns + self.answer_delay.at(now_ns)
        letter.kind, letter.order, letter.fill, letter.state = <uint8_t>kind, order, fill, self.orders[order].state
        letter.size, letter.refused = self.orders[order].size, refused
        send(&self.answers, letter)
        if fill != NO_ORDER:
            self.fills[fill].receive_ns = self.answers.last_ns
        self.soonest_ns = min(self.soonest_ns, self.answers.last_ns)
        return 0

    def order_bytes(self):
        """Every order, as the bytes of its records."""
        return PyBytes_FromStringAndSize(<char *>self.orders, self.order_count * sizeof(Order))

    def fill_bytes(self):
        """Every fill, as the bytes of its records."""
        return PyBytes_FromStringAndSize(<char *>self.fills, self.fill_count * sizeof(Fill))

    def in_flight(self):
        """How many requests and answers had not arrived."""
        return self.requests.tail - self.requests.head, self.answers.tail - self.answers.head

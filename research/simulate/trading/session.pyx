# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""What is between an account's strategies and its venue: requests and answers on their way.

    strategy ── request ──▶ order latency  ──▶ venue
             ◀── answer ─── answer latency ◀──

One session keeps the order of its messages, as a TCP connection does: a message never arrives before an earlier one of
the same direction, whatever latency was drawn for it.
"""

from cython cimport final
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc

from research.simulate.matching.agenda cimport Agenda, bring_forward
from research.simulate.trading.balances cimport Balances
from research.simulate.matching.chance cimport Chance
from research.simulate.matching.delay cimport Delay
from research.simulate.matching.margin cimport MarginAccount
from research.simulate.matching.orders cimport NO_ORDER, Orders
from research.simulate.matching.schedule cimport Schedule

cdef enum:
    FIRST_ROOM = 1024


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


@final
cdef class Session:
    """One account's session with its venue."""

    def __cinit__(self, Delay order_delay not None, Delay answer_delay not None, Orders table not None,
                  Schedule schedule not None, Agenda agenda not None, int place, Balances balances=None,
                  Chance rejects=None, MarginAccount margin=None):
        """Begin without messages; `place` is that of the portfolio in the agenda. Without balances none is checked."""
        self.order_delay, self.answer_delay, self.table, self.schedule = order_delay, answer_delay, table, schedule
        self.agenda, self.place, self.balances, self.rejects, self.margin = agenda, place, balances, rejects, margin
        open_post(&self.requests)
        open_post(&self.answers)

    def __dealloc__(self):
        free(self.requests.letters)
        free(self.answers.letters)

    cdef int request(self, int kind, int32_t order, int64_t size, int64_t now_ns) except -1:
        """Send a request to the venue."""
        cdef Letter letter
        letter.at_ns = now_ns + self.order_delay.at(now_ns)
        letter.kind, letter.order, letter.size, letter.fill = <uint8_t>kind, order, size, NO_ORDER
        letter.state = letter.refused = 0
        send(&self.requests, letter)
        bring_forward(self.agenda, self.place, self.requests.last_ns)
        return 0

    cdef int answer(self, int32_t order, int32_t fill, int64_t now_ns, int kind=0) except -1:
        """Send the state of an order to its strategy, with the fill that changed it, as the answer to a request."""
        return self.send_state(order, fill, now_ns, kind, False)

    cdef int refuse(self, int32_t order, int kind, int64_t now_ns) except -1:
        """Answer a cancel or an amend that changed nothing."""
        self.late_cancels += 1
        return self.send_state(order, NO_ORDER, now_ns, kind, True)

    cdef int send_state(self, int32_t order, int32_t fill, int64_t now_ns, int kind, bint refused) except -1:
        """Send the state of an order."""
        cdef Letter letter
        letter.at_ns = now_ns + self.answer_delay.at(now_ns)
        letter.kind, letter.order, letter.fill = <uint8_t>kind, order, fill
        letter.state, letter.size = self.table.orders[order].state, self.table.orders[order].size
        letter.refused = refused
        send(&self.answers, letter)
        if fill != NO_ORDER:
            self.table.fills[fill].receive_ns = self.answers.last_ns
        bring_forward(self.agenda, self.place, self.answers.last_ns)
        return 0

    def in_flight(self):
        """How many requests and answers had not arrived."""
        return self.requests.tail - self.requests.head, self.answers.tail - self.answers.head

"""The compiled face of the session between an account's strategies and its venue: what is on its way."""

from cython cimport final
from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint8_t, uint64_t

from research.simulate.matching.agenda cimport Agenda
from research.simulate.trading.balances cimport Balances
from research.simulate.matching.chance cimport Chance
from research.simulate.matching.delay cimport Delay
from research.simulate.matching.margin cimport MarginAccount
from research.simulate.matching.orders cimport Orders
from research.simulate.matching.schedule cimport Schedule

cdef enum:  # what a request asks for
    PLACE = 1
    CANCEL = 2
    AMEND = 3
    REPLACE = 4  # its `size` is the number of the order that ends

cdef enum:  # of an order that is to end
    CANCEL_WAITS = 1  # for the answer to its placement
    CANCEL_SENT = 2

cdef struct Letter:
    int64_t at_ns  # when it arrives
    int64_t size  # of an amend
    int32_t order
    int32_t fill  # the fill that an answer reports; NO_ORDER: none
    uint8_t kind  # of a request; of an answer: the request that it answers, 0: it is a report
    uint8_t state  # of an answer
    uint8_t refused  # of an answer: the request found its order done and changed nothing

cdef struct Post:  # first in, first out: a session keeps the order of its messages
    Letter *letters
    uint64_t mask
    uint64_t head
    uint64_t tail
    int64_t last_ns


@final
cdef class Session:
    cdef Post requests
    cdef Post answers
    cdef Delay order_delay
    cdef Delay answer_delay
    cdef readonly Orders table
    cdef Schedule schedule  # the account's fees
    cdef readonly Balances balances  # of the account; None: the venue checks none
    cdef readonly MarginAccount margin  # of an account of perpetuals; None: it has none
    cdef Chance rejects  # whether the venue rejects a submission at random; None: never
    cdef Agenda agenda
    cdef int place  # of its portfolio in the agenda
    cdef readonly int64_t late_cancels  # cancels and amends that found their order done

    cdef int request(self, int kind, int32_t order, int64_t size, int64_t now_ns) except -1
    cdef int answer(self, int32_t order, int32_t fill, int64_t now_ns, int kind=*) except -1
    cdef int refuse(self, int32_t order, int kind, int64_t now_ns) except -1
    cdef int send_state(self, int32_t order, int32_t fill, int64_t now_ns, int kind, bint refused) except -1


cdef inline int64_t next_ns(const Post *post) noexcept nogil:
    """When the next letter arrives."""
    return post.letters[post.head & post.mask].at_ns if post.head != post.tail else INT64_MAX


cdef inline Letter receive(Post *post) noexcept nogil:
    """The next letter."""
    cdef Letter letter = post.letters[post.head & post.mask]
    post.head += 1
    return letter

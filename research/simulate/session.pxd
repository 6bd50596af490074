"""The compiled face of the session between a strategy and the venues: what is on its way, every order, every fill."""

from libc.stdint cimport INT64_MAX, int8_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t

from research.simulate.delay cimport Delay

cdef enum:
    NO_ORDER = -1

cdef enum:  # what a request asks for
    PLACE = 1
    CANCEL = 2
    AMEND = 3
    REPLACE = 4  # its `size` is the number of the order that ends

cdef enum:  # of an order that is to end
    CANCEL_WAITS = 1  # for the answer to its placement
    CANCEL_SENT = 2

cdef struct Order:  # `result.py` has the same fields as a numpy record
    int64_t intent_id
    int64_t submit_ns  # when the strategy decided it
    int64_t arrive_ns  # at the venue; 0: not yet
    int64_t done_ns  # at the venue; 0: not yet
    int64_t price
    int64_t size
    int64_t filled  # at the venue
    int64_t seen  # of it, what the strategy knows
    int64_t known_size  # the size that the strategy knows
    int64_t ahead  # in the queue
    int64_t traded  # by prints at its price since the level's last change
    int32_t market  # which instrument, by place
    int32_t next  # the order that is filled after this one
    int32_t previous
    uint32_t instrument
    int8_t side
    uint8_t order_type
    uint8_t time_in_force
    uint8_t state  # at the venue
    uint8_t known  # the state that the strategy knows
    uint8_t cancelling  # the strategy has requested its end: CANCEL_WAITS, CANCEL_SENT
    uint8_t cause  # the Reason of a reject
    uint8_t amending  # an amend waits for its answer

cdef struct Fill:  # `result.py` has the same fields as a numpy record
    int64_t venue_ns
    int64_t receive_ns  # when the strategy learns of it
    int64_t intent_id
    int64_t price
    int64_t size
    int64_t fee  # in the quote currency, at FEE_DECIMALS
    int32_t order
    uint32_t instrument
    int8_t side
    uint8_t maker
    uint8_t[6] spare

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

cdef class Session:
    cdef Post requests
    cdef Post answers
    cdef Delay order_delay
    cdef Delay answer_delay
    cdef Order *orders
    cdef Fill *fills
    cdef Py_ssize_t order_count, order_room, fill_count, fill_room
    cdef readonly int64_t late_cancels  # cancels and amends that found their order done
    cdef int64_t soonest_ns  # the next arrival of a request or an answer

    cdef int32_t new_order(self) except -2
    cdef int request(self, int kind, int32_t order, int64_t size, int64_t now_ns) except -1
    cdef int answer(self, int32_t order, int32_t fill, int64_t now_ns, int kind=*) except -1
    cdef int refuse(self, int32_t order, int kind, int64_t now_ns) except -1
    cdef int send_state(self, int32_t order, int32_t fill, int64_t now_ns, int kind, bint refused) except -1
    cdef int32_t add_fill(self, int32_t order, int64_t now_ns, int64_t price, int64_t size, int64_t fee,
                          bint maker) except -2


cdef inline int64_t next_ns(const Post *post) noexcept nogil:
    """When the next letter arrives."""
    return post.letters[post.head & post.mask].at_ns if post.head != post.tail else INT64_MAX


cdef inline Letter receive(Session session, Post *post) noexcept:
    """The next letter."""
    cdef Letter letter = post.letters[post.head & post.mask]
    post.head += 1
    session.soonest_ns = min(next_ns(&session.requests), next_ns(&session.answers))
    return letter

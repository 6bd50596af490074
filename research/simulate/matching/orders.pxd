"""The compiled face of the orders and fills of one run."""

from cython cimport final
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t

cdef enum:
    NO_ORDER = -1

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
    int64_t moved  # forward, by the decrease of its level that a later print may explain
    int64_t moved_ns  # when
    int64_t stop_price  # of a native order: the price of a print that triggers it; 0: it waits for none
    int32_t market  # which instrument, by place
    int32_t next  # the order that is filled after this one
    int32_t previous
    uint32_t instrument
    uint32_t strategy  # of the portfolio, by place
    int8_t side
    uint8_t order_type
    uint8_t time_in_force
    uint8_t state  # at the venue
    uint8_t known  # the state that the strategy knows
    uint8_t cancelling  # the strategy has requested its end: CANCEL_WAITS, CANCEL_SENT
    uint8_t cause  # the Reason of a reject
    uint8_t amending  # an amend waits for its answer
    uint8_t unseen  # the data has not shown the size of its level yet
    uint8_t waits  # for its trigger
    uint8_t stopped  # a stop has sent it: a slippage is charged where it takes
    uint8_t[1] spare

cdef struct Fill:  # `result.py` has the same fields as a numpy record
    int64_t venue_ns
    int64_t receive_ns  # when the strategy learns of it
    int64_t intent_id
    int64_t price
    int64_t size
    int64_t fee  # in the quote currency, at FEE_DECIMALS: the venue's, `impact` and `slippage`
    int64_t impact  # of it, what `Impact` costs
    int64_t slippage  # of it, what the slippage of a stop costs
    int32_t order
    uint32_t instrument
    int8_t side
    uint8_t maker
    uint16_t strategy
    uint32_t spare


@final
cdef class Orders:
    cdef Order *orders
    cdef Fill *fills
    cdef Py_ssize_t order_count, order_room, fill_count, fill_room

    cdef int32_t new_order(self) except -2
    cdef int32_t add_fill(self, int32_t order, int64_t now_ns, int64_t price, int64_t size, int64_t fee,
                          int64_t impact, bint maker) except -2

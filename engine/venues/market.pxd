"""The compiled seam of market data: the messages that every venue's scanner makes.

A frame becomes zero or more messages; a message is a delta or snapshot of one book, a best bid and ask, or a print.
Its levels are in one arena shared by the frame's messages, bids from `bid_start`, asks from `ask_start`.
"""

from engine.book.book cimport Book
from engine.book.orders cimport OrderBook
from libc.stdint cimport int64_t, uint64_t

cdef enum Kind:
    DELTA = 1
    SNAPSHOT = 2
    BEST = 3
    PRINT = 4
    TOP = 5  # the best levels of a book, complete down to the last one
    BEAT = 6  # how far the venue is: `last`, without a change

cdef enum Action:
    LEVELS = 0  # the message is of levels
    NUMBERED = 1  # a number of the venue's, and nothing on the book
    OPENED = 2
    MATCHED = 3
    CHANGED = 4
    DONE = 5
    SEVERAL = 6  # events of many orders, in `events`; those of a snapshot are all OPENED

cdef enum Verdict:
    APPLY = 0  # the next change in order
    DROP = 1  # older than what the book holds
    WAIT = 2  # no snapshot yet: keep it
    GAP = 3  # something is missing: the book is wrong

cdef enum:
    OTHER = 0  # JSON, but no hot message
    MALFORMED = -1  # not what a venue may send, or not understood here
    SYMBOL_ROOM = 32
    LISTINGS_MAX = 1024

cdef struct Level:
    int64_t price
    int64_t size

cdef struct Identity:
    uint64_t high
    uint64_t low

cdef struct OrderEvent:
    Identity order
    int64_t price
    int64_t size
    int64_t stamp_ns  # of its place in the queue
    int side
    int action  # OPENED, CHANGED or DONE

cdef struct Message:
    int kind
    int action  # of one order, where the venue sends orders; a snapshot of orders is OPENED
    int index  # which listing; -1: the symbol has no listing
    int side
    int numbering  # which of the venue's print numberings
    bint ordinary  # a print between two traders, not an insurance fund's or the like
    bint past  # a print from before the subscription: published only if the print before it was
    bint sequenced  # first, last (and previous) are the venue's numbers
    int64_t venue_ns
    int64_t first
    int64_t last
    int64_t previous
    int64_t price
    int64_t size
    int64_t print_id
    int64_t bid_price
    int64_t bid_size
    int64_t ask_price
    int64_t ask_size
    int64_t checksum  # -1: none
    Identity order
    int64_t before  # the order's size at the venue before the event, -1 where the venue does not send it
    Py_ssize_t bid_start
    Py_ssize_t bid_count
    Py_ssize_t ask_start
    Py_ssize_t ask_count
    Py_ssize_t event_start
    Py_ssize_t event_count

cdef struct Listing:
    char text[SYMBOL_ROOM]
    int length
    int price_decimals
    int size_decimals

cdef class Market:
    cdef Message *messages
    cdef Py_ssize_t message_room
    cdef Level *levels
    cdef Py_ssize_t level_count
    cdef Py_ssize_t level_room
    cdef Identity *identities  # whose the levels are, where each is one order's; NULL where none is
    cdef Py_ssize_t identity_room
    cdef OrderEvent *events  # NULL where a message is of one order at most
    cdef Py_ssize_t event_count
    cdef Py_ssize_t event_room
    cdef Listing *listings
    cdef readonly int listing_count
    cdef short *slots
    cdef int64_t frame_sequence  # of the whole connection, -1 where the venue has none

    cdef int scan(self, const char *data, Py_ssize_t size) noexcept nogil
    cdef int scan_snapshot(self, const char *data, Py_ssize_t size, int index) noexcept nogil
    cdef int find(self, const char *text, Py_ssize_t length) noexcept nogil
    cdef Message *add_message(self, Py_ssize_t place) noexcept nogil
    cdef Level *add_level(self) noexcept nogil
    cdef Identity *add_identity(self) noexcept nogil
    cdef OrderEvent *add_event(self) noexcept nogil
    cdef list pairs(self, Py_ssize_t start, Py_ssize_t count)
    cdef list orders(self, Py_ssize_t start, Py_ssize_t count)
    cdef list happenings(self, Message *m)
    cdef dict sides(self, Message *m)
    cdef dict describe(self, Py_ssize_t place)

cdef class Rule:
    cdef readonly int64_t last  # the venue's number of the book's last change, -1 before a snapshot
    cdef bint bridged
    cdef bint keeps  # changes that come before a snapshot may go on from it
    cdef bint several  # more than one connection feeds the book: an event may begin before the book's number
    cdef bint prints_prove  # a print that is missing means that changes are, where changes have no numbers
    cdef int admit(self, Message *message) noexcept nogil
    cdef int seed(self, Message *message) noexcept nogil
    cdef bint follows(self, Message *message, int64_t before) noexcept nogil
    cdef bint holds(self, Book book, Message *message) noexcept nogil
    cdef bint holds_orders(self, OrderBook orders, Message *message) noexcept nogil
    cdef void reset(self) noexcept nogil

cdef class ContiguousRule(Rule):
    pass

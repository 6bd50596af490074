# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Kraken v2's channel of orders from bytes to int64, and the checksum over its queues.

    {"channel":"level3","type":"update","data":[{"symbol":"BTC/USD","checksum":N,"timestamp":T,"bids":[],"asks":[
        {"event":"delete","order_id":"OOZP53-FUXQT-BM3262","limit_price":75623.0,"order_qty":0.99200222,"timestamp":T},…]}]}

A snapshot's orders have no event. A message lists its events in order, and the checksum is of the book after the last
one: the digits of price and size of every single order of the ten best levels a side, in the order of the queue. So it
also shows that an order is at the wrong place of its queue.

An order's stamp is the time of its place: when a level comes back into the subscribed depth, its orders are sent as new
orders, not always in the order of the queue. An order that becomes smaller keeps its place, with any stamp, as after
a fill. Numbers have no trailing zeros, and small ones have an exponent.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from engine.book.orders cimport OrderBook, Resting
from engine.book.side cimport Cursor, Side, first, step_on
from engine.book.table cimport NOWHERE
from engine.venues.fields cimport Word, integer_of, read_fields, word
from engine.venues.kraken.scan cimport (
    ASKS, BIDS, BOOKS, CHECKED_LEVELS, CHECKSUM, NEITHER, TRADES, Topic, add_number,
)
from engine.venues.market cimport CHANGED, DONE, OPENED, SEVERAL, SNAPSHOT, Identity, Listing, Message, OrderEvent
from engine.venues.scan cimport (
    LIST, MAX_DECIMALS, NOTHING, NUMBER, SY_POWER, TEXT, Span, add_overflows, blank, is_digit, is_text,
    multiply_overflows, next_item, read_clock, read_fixed,
)

cdef enum:
    EVENT = 0
    ORDER_ID = 1
    LIMIT_PRICE = 2
    ORDER_QTY = 3
    STAMP = 4
    ORDER_FIELDS = 5
    ID_LENGTH_MAX = 21  # letters of six bits each
    EXPONENT_MAX = 99

cdef Word[ORDER_FIELDS] ORDER_WORDS
ORDER_WORDS[EVENT] = word(b"event")
ORDER_WORDS[ORDER_ID] = word(b"order_id")
ORDER_WORDS[LIMIT_PRICE] = word(b"limit_price")
ORDER_WORDS[ORDER_QTY] = word(b"order_qty")
ORDER_WORDS[STAMP] = word(b"timestamp")


cdef inline uint64_t code_of(char letter) noexcept nogil:
    """A letter of an id as 1 to 63; 0 for any other."""
    if c'A' <= letter <= c'Z':
        return letter - c'A' + 1
    if c'0' <= letter <= c'9':
        return letter - c'0' + 27
    if c'a' <= letter <= c'z':
        return letter - c'a' + 37
    return 63 if letter == c'-' else 0


cdef bint read_name(const Span *span, Identity *identity) noexcept nogil:
    """Read `OOZP53-FUXQT-BM3262`: no two ids are the same number."""
    cdef Py_ssize_t i
    cdef uint64_t code
    identity.high = identity.low = 0
    if span.kind != TEXT or not 0 < span.length <= ID_LENGTH_MAX:
        return False
    for i in range(span.length):
        code = code_of(span.start[i])
        if code == 0:
            return False
        identity.high = (identity.high << 6) | (identity.low >> 58)
        identity.low = (identity.low << 6) | code
    return True


cdef bint exact_of(const Span *span, int decimals, int64_t *value) noexcept nogil:
    """Read a number, in quotes or not, with an exponent or not, as fixed point; a digit that would be lost refuses."""
    if span.kind != NUMBER and span.kind != TEXT:
        return False
    if read_fixed(span.start, decimals, value) == span.start + span.length:
        return True
    return scaled_of(span.start, span.start + span.length, decimals, value)


cdef bint scaled_of(const char *at, const char *end, int decimals, int64_t *value) noexcept nogil:
    """Read `1.5e-05`."""
    cdef int64_t digits = 0
    cdef int power = decimals
    cdef int exponent = 0
    at = read_digits(at, &digits, NULL)
    if at != NULL and at[0] == c'.':
        at = read_digits(at + 1, &digits, &power)
    if at == NULL or (at[0] != c'e' and at[0] != c'E'):
        return False
    if read_exponent(at + 1, &exponent) != end:
        return False
    power += exponent
    while power < 0 and digits % 10 == 0 and digits > 0:
        digits //= 10
        power += 1
    if digits == 0:
        value[0] = 0
        return True
    return 0 <= power <= MAX_DECIMALS and not multiply_overflows(digits, SY_POWER[power], value)


cdef const char *read_digits(const char *at, int64_t *digits, int *power) noexcept nogil:
    """Read further digits of a number; each of them uses up one power of ten."""
    if not is_digit(at[0]) or (power == NULL and at[0] == c'0' and is_digit(at[1])):
        return NULL
    while is_digit(at[0]):
        if multiply_overflows(digits[0], 10, digits) or add_overflows(digits[0], at[0] - c'0', digits):
            return NULL
        if power != NULL:
            power[0] -= 1
        at += 1
    return at


cdef const char *read_exponent(const char *at, int *exponent) noexcept nogil:
    """Read the exponent after the `e`."""
    cdef int sign = -1 if at[0] == c'-' else 1
    if at[0] == c'-' or at[0] == c'+':
        at += 1
    if not is_digit(at[0]):
        return NULL
    while is_digit(at[0]):
        exponent[0] = exponent[0] * 10 + (at[0] - c'0')
        if exponent[0] > EXPONENT_MAX:
            return NULL
        at += 1
    exponent[0] *= sign
    return at


cdef inline int action_of(const Span *event) noexcept nogil:
    """What an event does to its order; 0 for one that is not known."""
    if is_text(event, b"add", 3):
        return OPENED
    if is_text(event, b"modify", 6):
        return CHANGED
    return DONE if is_text(event, b"delete", 6) else 0


cdef class KrakenOrderMarket(KrakenMarket):
    """Kraken's channel of orders, and trades where a connection brings both; levels have another scanner."""

    cdef Topic topic(self, const Span *channel) noexcept nogil:
        """What a channel brings."""
        if is_text(channel, b"level3", 6):
            return BOOKS
        return TRADES if is_text(channel, b"trade", 5) else NEITHER

    cdef bint read_book(self, Span *fields, Message *message) noexcept nogil:
        """The events of a book's orders, or all its orders."""
        if not integer_of(&fields[CHECKSUM], NUMBER, &message.checksum) or message.checksum > 0xFFFFFFFFLL:
            return False
        message.action = SEVERAL
        message.event_start = self.event_count
        if not (self.read_orders(&fields[BIDS], 1, message) and self.read_orders(&fields[ASKS], -1, message)):
            return False
        message.event_count = self.event_count - message.event_start
        return True

    cdef bint read_orders(self, Span *span, int side, Message *message) noexcept nogil:
        """One side; one that did not change may be missing."""
        cdef Span[ORDER_FIELDS] fields
        cdef const char *at
        cdef OrderEvent *event
        cdef bint done = False
        if span.kind == NOTHING:
            return True
        if span.kind != LIST:
            return False
        at = blank(span.start + 1)
        done = at[0] == c']'
        while not done:
            at = read_fields(at, fields, ORDER_WORDS, 0, ORDER_FIELDS)
            event = self.add_event()
            if at == NULL or event == NULL:
                return False
            event.side = side
            if not self.read_order(fields, message, event):
                return False
            at = next_item(at, c']', &done)
            if at == NULL:
                return False
        return True

    cdef bint read_order(self, Span *fields, Message *message, OrderEvent *event) noexcept nogil:
        """One order, with its event where the message is no snapshot; one that is gone is known by its id alone."""
        cdef Listing *listing = &self.listings[message.index]
        event.action = action_of(&fields[EVENT])
        if message.kind == SNAPSHOT and fields[EVENT].kind == NOTHING:
            event.action = OPENED
        if event.action == 0 or (message.kind == SNAPSHOT and event.action != OPENED):
            return False
        if not read_name(&fields[ORDER_ID], &event.order):
            return False
        event.price = event.size = event.stamp_ns = 0
        if event.action == DONE:
            return True
        return (read_clock(&fields[STAMP], &event.stamp_ns)
                and exact_of(&fields[LIMIT_PRICE], listing.price_decimals, &event.price) and event.price > 0
                and exact_of(&fields[ORDER_QTY], listing.size_decimals, &event.size))


cdef uint32_t add_side(OrderBook book, uint32_t crc, int side, const Side *levels) noexcept nogil:
    """Go on with the orders of a side's best levels, each first in turn first."""
    cdef Cursor cursor = first(levels)
    cdef const Resting *order
    cdef int64_t key, size
    cdef int32_t entry
    cdef int left = CHECKED_LEVELS
    while left > 0 and step_on(levels, &cursor, &key, &size):
        left -= 1
        entry = book.front(side, side * key)
        while entry != NOWHERE:
            order = &book.orders[entry]
            crc = add_number(add_number(crc, order.price), order.size)
            entry = order.after
    return crc


cdef uint32_t checksum_of(OrderBook book) noexcept nogil:
    """Asks from the best, then bids from the best, ten levels each."""
    cdef uint32_t crc = add_side(book, 0xFFFFFFFFU, -1, &book.levels.asks)
    return add_side(book, crc, 1, &book.levels.bids) ^ <uint32_t>0xFFFFFFFFU


def order_checksum(OrderBook orders):
    """The checksum that Kraken would send for this book of orders."""
    return checksum_of(orders)


cdef class KrakenOrderRule(Rule):
    """No numbers, only the checksum: after a snapshot every message is the next one until the queues do not add up."""

    cdef bint holds_orders(self, OrderBook orders, Message *message) noexcept nogil:
        """Whether the queues add up."""
        return checksum_of(orders) == <uint32_t>message.checksum

# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Coinbase Advanced's level2 and market_trades from bytes to int64.

    {"channel":"l2_data","timestamp":"…","sequence_num":13,"events":[{"type":"update","product_id":"BTC-USD","updates":[
        {"side":"offer","event_time":"…","price_level":"65083.71","new_quantity":"0.1"},…]}]}

The number of a frame counts every frame of the connection, of all channels and products: it is read from each, and a
hole makes every book of the connection suspect. Both sides stand mixed in one list, which is read once a side. Trades
come newest first, and are handed over oldest first.
"""

from libc.stdint cimport int64_t
from libc.string cimport memcmp, memset

from engine.venues.market cimport DELTA, MALFORMED, OTHER, PRINT, SNAPSHOT, Level, Listing, Market, Message, Rule
from engine.venues.scan cimport (
    LIST, NOTHING, NUMBER, TEXT, Span, blank, is_text, next_item, read_clock, read_fixed, read_integer, read_key,
    read_span, skip_value,
)

cdef enum:
    CHANNEL = 0
    TIMESTAMP = 1
    SEQUENCE = 2
    EVENTS = 3
    TYPE = 4
    UPDATES = 5
    TRADES = 6
    PRODUCT = 7
    SIDE = 8
    PRICE_LEVEL = 9
    QUANTITY = 10
    TRADE_ID = 11
    PRICE = 12
    SIZE = 13
    TIME = 14
    FIELDS = 15
    MESSAGES_MAX = 1 << 15

cdef struct Word:
    const char *text
    Py_ssize_t length

cdef Word[FIELDS] WORDS
WORDS[CHANNEL].text, WORDS[CHANNEL].length = b"channel", 7
WORDS[TIMESTAMP].text, WORDS[TIMESTAMP].length = b"timestamp", 9
WORDS[SEQUENCE].text, WORDS[SEQUENCE].length = b"sequence_num", 12
WORDS[EVENTS].text, WORDS[EVENTS].length = b"events", 6
WORDS[TYPE].text, WORDS[TYPE].length = b"type", 4
WORDS[PRODUCT].text, WORDS[PRODUCT].length = b"product_id", 10
WORDS[UPDATES].text, WORDS[UPDATES].length = b"updates", 7
WORDS[TRADES].text, WORDS[TRADES].length = b"trades", 6
WORDS[SIDE].text, WORDS[SIDE].length = b"side", 4
WORDS[PRICE_LEVEL].text, WORDS[PRICE_LEVEL].length = b"price_level", 11
WORDS[QUANTITY].text, WORDS[QUANTITY].length = b"new_quantity", 12
WORDS[TRADE_ID].text, WORDS[TRADE_ID].length = b"trade_id", 8
WORDS[PRICE].text, WORDS[PRICE].length = b"price", 5
WORDS[SIZE].text, WORDS[SIZE].length = b"size", 4
WORDS[TIME].text, WORDS[TIME].length = b"time", 4


cdef inline int field_of(const char *key, Py_ssize_t length, int first, int after) noexcept nogil:
    """Which of a range of fields a key names; -1 for those of no interest."""
    cdef int field
    for field in range(first, after):
        if WORDS[field].length == length and memcmp(WORDS[field].text, key, length) == 0:
            return field
    return -1


cdef const char *read_fields(const char *at, Span *fields, int first, int after) noexcept nogil:
    """Note the fields of an object that lie in a range."""
    cdef const char *key
    cdef Py_ssize_t length
    cdef int field
    cdef bint done = False
    memset(fields + first, 0, (after - first) * sizeof(Span))
    if at[0] != c'{':
        return NULL
    at = blank(at + 1)
    if at[0] == c'}':
        return at + 1
    while not done:
        at = read_key(at, &key, &length)
        if at == NULL:
            return NULL
        field = field_of(key, length, first, after)
        at = skip_value(at) if field < 0 else read_span(at, &fields[field])
        if at == NULL:
            return NULL
        at = next_item(at, c'}', &done)
        if at == NULL:
            return NULL
    return at


cdef inline bint number_of(Span *span, int decimals, int64_t *value) noexcept nogil:
    """Read a noted string as fixed point."""
    return span.kind == TEXT and read_fixed(span.start, decimals, value) == span.start + span.length


cdef class CoinbaseMarket(Market):
    """Coinbase Advanced's public channels."""

    cdef int scan(self, const char *data, Py_ssize_t size) noexcept nogil:
        """Read one frame."""
        cdef Span[FIELDS] fields
        cdef int64_t venue_ns = 0
        cdef const char *at = read_fields(blank(data), fields, CHANNEL, TYPE)
        self.level_count = 0
        self.frame_sequence = -1
        if at == NULL or blank(at) != data + size:
            return MALFORMED
        if fields[SEQUENCE].kind == NOTHING:
            return OTHER
        if fields[SEQUENCE].kind != NUMBER or read_integer(fields[SEQUENCE].start, &self.frame_sequence) == NULL:
            self.frame_sequence = -1
            return MALFORMED
        if not (is_text(&fields[CHANNEL], b"l2_data", 7) or is_text(&fields[CHANNEL], b"market_trades", 13)):
            return OTHER
        if fields[EVENTS].kind != LIST or not read_clock(&fields[TIMESTAMP], &venue_ns):
            return MALFORMED
        return self.read_events(fields[EVENTS].start, fields[CHANNEL].length == 7, venue_ns)

    cdef int read_events(self, const char *at, bint book, int64_t venue_ns) noexcept nogil:
        """Read each event; all or nothing."""
        cdef Span[FIELDS] fields
        cdef bint snapshot, done = False
        cdef int count = 0
        at = blank(at + 1)
        if at[0] == c']':
            return OTHER
        while not done:
            at = read_fields(at, fields, TYPE, SIDE)
            if at == NULL:
                return MALFORMED
            snapshot = is_text(&fields[TYPE], b"snapshot", 8)
            if not (snapshot or is_text(&fields[TYPE], b"update", 6)):
                return MALFORMED
            if book:
                count = self.read_book(fields, snapshot, venue_ns, count)
            else:
                count = self.read_trades(fields, snapshot, count)
            if count < 0:
                return MALFORMED
            at = next_item(at, c']', &done)
            if at == NULL:
                return MALFORMED
        return count

    cdef int read_book(self, Span *fields, bint snapshot, int64_t venue_ns, int count) noexcept nogil:
        """A book's change or snapshot; the count of messages with it, or MALFORMED."""
        cdef Message *message = self.add_message(count)
        cdef Listing *listing
        if message == NULL or fields[PRODUCT].kind != TEXT or fields[UPDATES].kind != LIST:
            return MALFORMED
        message.kind = SNAPSHOT if snapshot else DELTA
        message.venue_ns = venue_ns
        message.first = message.last = self.frame_sequence
        message.index = self.find(fields[PRODUCT].start, fields[PRODUCT].length)
        if message.index < 0:
            return count + 1
        listing = &self.listings[message.index]
        if not self.read_side(fields[UPDATES].start, listing, True, &message.bid_start, &message.bid_count):
            return MALFORMED
        if not self.read_side(fields[UPDATES].start, listing, False, &message.ask_start, &message.ask_count):
            return MALFORMED
        return count + 1

    cdef bint read_side(
        self, const char *at, Listing *listing, bint bids, Py_ssize_t *start, Py_ssize_t *count
    ) noexcept nogil:
        """The levels of one side out of the mixed list."""
        cdef Span[FIELDS] fields
        cdef Level *level
        cdef bint done, is_bid
        start[0] = self.level_count
        at = blank(at + 1)
        done = at[0] == c']'
        while not done:
            at = read_fields(at, fields, SIDE, TRADE_ID)
            if at == NULL:
                return False
            is_bid = is_text(&fields[SIDE], b"bid", 3)
            if not is_bid and not is_text(&fields[SIDE], b"offer", 5):
                return False
            if is_bid == bids:
                level = self.add_level()
                if level == NULL or not number_of(&fields[PRICE_LEVEL], listing.price_decimals, &level.price):
                    return False
                if level.price == 0 or not number_of(&fields[QUANTITY], listing.size_decimals, &level.size):
                    return False
            at = next_item(at, c']', &done)
            if at == NULL:
                return False
        count[0] = self.level_count - start[0]
        return True

    cdef int read_trades(self, Span *fields, bint snapshot, int count) noexcept nogil:
        """An event's prints, oldest first; those of a snapshot are from before the subscription."""
        cdef Span[FIELDS] trade
        cdef Message *message
        cdef Message swap
        cdef const char *at
        cdef bint done
        cdef int first = count, last
        if fields[TRADES].kind != LIST:
            return MALFORMED
        at = blank(fields[TRADES].start + 1)
        done = at[0] == c']'
        while not done:
            at = read_fields(at, trade, PRODUCT, FIELDS)
            message = self.add_message(count) if at != NULL and count < MESSAGES_MAX else NULL
            if message == NULL or not self.read_trade(trade, message):
                return MALFORMED
            message.past = snapshot
            count += 1
            at = next_item(at, c']', &done)
            if at == NULL:
                return MALFORMED
        last = count - 1
        while first < last:
            swap = self.messages[first]
            self.messages[first] = self.messages[last]
            self.messages[last] = swap
            first += 1
            last -= 1
        return count

    cdef bint read_trade(self, Span *fields, Message *message) noexcept nogil:
        """A print; `side` is the maker's, so the aggressor is the other."""
        cdef Listing *listing
        cdef Span *number = &fields[TRADE_ID]
        message.kind = PRINT
        message.side = -1 if is_text(&fields[SIDE], b"BUY", 3) else 1
        if message.side > 0 and not is_text(&fields[SIDE], b"SELL", 4):
            return False
        if number.kind != TEXT or read_integer(number.start, &message.print_id) != number.start + number.length:
            return False
        if fields[PRODUCT].kind != TEXT or not read_clock(&fields[TIME], &message.venue_ns):
            return False
        message.index = self.find(fields[PRODUCT].start, fields[PRODUCT].length)
        if message.index < 0:
            return True
        listing = &self.listings[message.index]
        return (number_of(&fields[PRICE], listing.price_decimals, &message.price)
                and number_of(&fields[SIZE], listing.size_decimals, &message.size))


cdef class CoinbaseRule(Rule):
    """Nothing but the connection's numbering, which the pipeline holds: after a snapshot every change is the next."""

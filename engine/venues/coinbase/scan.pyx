# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Coinbase Advanced's level2 and market_trades from bytes to int64.

    {"channel":"l2_data","timestamp":"…","sequence_num":13,"events":[{"type":"update","product_id":"BTC-USD","updates":[
        {"side":"offer","event_time":"…","price_level":"65083.71","new_quantity":"0.1"},…]}]}

A frame's number counts every frame of the connection, of all channels and products: it is read from each frame, and a
hole makes every book of the connection SUSPECT (`pipeline.pyx` compares). Both sides are mixed in one list, which is
read once for each side. Trades come newest first, and are returned oldest first.
"""

from libc.stdint cimport int64_t

from engine.venues.fields cimport Word, fixed_of, integer_of, read_fields, word
from engine.venues.market cimport DELTA, MALFORMED, OTHER, PRINT, SNAPSHOT, Level, Listing, Market, Message, Rule
from engine.venues.scan cimport (
    LIST, NOTHING, NUMBER, TEXT, Span, blank, is_text, next_item, read_clock,
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

cdef Word[FIELDS] WORDS
WORDS[CHANNEL] = word(b"channel")
WORDS[TIMESTAMP] = word(b"timestamp")
WORDS[SEQUENCE] = word(b"sequence_num")
WORDS[EVENTS] = word(b"events")
WORDS[TYPE] = word(b"type")
WORDS[UPDATES] = word(b"updates")
WORDS[TRADES] = word(b"trades")
WORDS[PRODUCT] = word(b"product_id")
WORDS[SIDE] = word(b"side")
WORDS[PRICE_LEVEL] = word(b"price_level")
WORDS[QUANTITY] = word(b"new_quantity")
WORDS[TRADE_ID] = word(b"trade_id")
WORDS[PRICE] = word(b"price")
WORDS[SIZE] = word(b"size")
WORDS[TIME] = word(b"time")


cdef class CoinbaseMarket(Market):
    """Coinbase Advanced's public channels."""

    cdef int scan(self, const char *data, Py_ssize_t size) noexcept nogil:
        """Read one frame."""
        cdef Span[FIELDS] fields
        cdef int64_t venue_ns = 0
        cdef const char *at = read_fields(blank(data), fields, WORDS, CHANNEL, TYPE)
        self.level_count = 0
        self.frame_sequence = -1
        if at == NULL or blank(at) != data + size:
            return MALFORMED
        if fields[SEQUENCE].kind == NOTHING:
            return OTHER
        if not integer_of(&fields[SEQUENCE], NUMBER, &self.frame_sequence):
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
            at = read_fields(at, fields, WORDS, TYPE, SIDE)
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
            at = read_fields(at, fields, WORDS, SIDE, TRADE_ID)
            if at == NULL:
                return False
            is_bid = is_text(&fields[SIDE], b"bid", 3)
            if not is_bid and not is_text(&fields[SIDE], b"offer", 5):
                return False
            if is_bid == bids:
                level = self.add_level()
                if level == NULL or not fixed_of(&fields[PRICE_LEVEL], TEXT, listing.price_decimals, &level.price):
                    return False
                if level.price == 0 or not fixed_of(&fields[QUANTITY], TEXT, listing.size_decimals, &level.size):
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
            at = read_fields(at, trade, WORDS, PRODUCT, FIELDS)
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
        message.kind = PRINT
        message.side = -1 if is_text(&fields[SIDE], b"BUY", 3) else 1
        if message.side > 0 and not is_text(&fields[SIDE], b"SELL", 4):
            return False
        if not integer_of(&fields[TRADE_ID], TEXT, &message.print_id):
            return False
        if fields[PRODUCT].kind != TEXT or not read_clock(&fields[TIME], &message.venue_ns):
            return False
        message.index = self.find(fields[PRODUCT].start, fields[PRODUCT].length)
        if message.index < 0:
            return True
        listing = &self.listings[message.index]
        return (fixed_of(&fields[PRICE], TEXT, listing.price_decimals, &message.price)
                and fixed_of(&fields[SIZE], TEXT, listing.size_decimals, &message.size))


cdef class CoinbaseRule(Rule):
    """Nothing but the connection's numbering, which the pipeline holds: after a snapshot every change is the next."""

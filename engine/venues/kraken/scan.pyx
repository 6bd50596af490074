# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Kraken v2's books and trades from bytes to int64, and the checksum that is its only gap detector.

    {"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":29430.2,"qty":0.18967538}],…,"checksum":N}]}

Numbers are JSON numbers with all the digits of the pair's precision, and are read as text: no float ever holds one. The
venue's checksum is over those digits without point and leading zeros, which are exactly those of the fixed-point number
when the listing has the pair's precision; with other decimals the checksum would fail, and the book become SUSPECT.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from engine.book.book cimport Book
from engine.venues.fields cimport Word, fixed_of, integer_of, read_fields, word
from engine.venues.market cimport DELTA, MALFORMED, OTHER, PRINT, SNAPSHOT, Level, Listing, Market, Message, Rule
from engine.venues.scan cimport (
    LIST, NOTHING, NUMBER, TEXT, Span, blank, is_text, next_item, read_clock,
)

cdef Word[FIELDS] WORDS
WORDS[SYMBOL] = word(b"symbol")
WORDS[BIDS] = word(b"bids")
WORDS[ASKS] = word(b"asks")
WORDS[CHECKSUM] = word(b"checksum")
WORDS[TIMESTAMP] = word(b"timestamp")
WORDS[SIDE] = word(b"side")
WORDS[PRICE] = word(b"price")
WORDS[QTY] = word(b"qty")
WORDS[TRADE_ID] = word(b"trade_id")
WORDS[CHANNEL] = word(b"channel")
WORDS[TYPE] = word(b"type")
WORDS[DATA] = word(b"data")

cdef uint32_t[256] CRC


def fill_table():
    """The table of CRC-32/ISO-HDLC."""
    for number in range(256):
        value = number
        for _ in range(8):
            value = (value >> 1) ^ 0xEDB88320 if value & 1 else value >> 1
        CRC[number] = value


fill_table()


cdef class KrakenMarket(Market):
    """Kraken's public channels."""

    cdef int scan(self, const char *data, Py_ssize_t size) noexcept nogil:
        """Read one frame."""
        cdef Span[FIELDS] fields
        cdef const char *at = read_fields(blank(data), fields, WORDS, 0, FIELDS)
        cdef Topic topic
        cdef bint snapshot
        self.level_count = self.event_count = 0
        if at == NULL or blank(at) != data + size:
            return MALFORMED
        topic = self.topic(&fields[CHANNEL])
        if topic == NEITHER:
            return OTHER
        snapshot = is_text(&fields[TYPE], b"snapshot", 8)
        if fields[DATA].kind != LIST or not (snapshot or is_text(&fields[TYPE], b"update", 6)):
            return MALFORMED
        return self.read_items(fields[DATA].start, topic == BOOKS, snapshot)

    cdef Topic topic(self, const Span *channel) noexcept nogil:
        """What a channel brings."""
        if is_text(channel, b"book", 4):
            return BOOKS
        return TRADES if is_text(channel, b"trade", 5) else NEITHER

    cdef int read_items(self, const char *at, bint book, bint snapshot) noexcept nogil:
        """Read each entry of the data; all or nothing."""
        cdef Span[FIELDS] fields
        cdef Message *message
        cdef int count = 0
        cdef bint done = False
        at = blank(at + 1)
        if at[0] == c']':
            return OTHER
        while not done:
            at = read_fields(at, fields, WORDS, 0, FIELDS)
            message = self.add_message(count)
            if at == NULL or message == NULL or fields[SYMBOL].kind != TEXT:
                return MALFORMED
            count += 1
            message.index = self.find(fields[SYMBOL].start, fields[SYMBOL].length)
            message.kind = PRINT if not book else SNAPSHOT if snapshot else DELTA
            if fields[TIMESTAMP].kind != NOTHING and not read_clock(&fields[TIMESTAMP], &message.venue_ns):
                return MALFORMED
            if message.index >= 0:
                if not (self.read_book(fields, message) if book else self.read_trade(fields, message, snapshot)):
                    return MALFORMED
            at = next_item(at, c']', &done)
            if at == NULL:
                return MALFORMED
        return count

    cdef bint read_book(self, Span *fields, Message *message) noexcept nogil:
        """A book's change or snapshot."""
        cdef Listing *listing = &self.listings[message.index]
        if not integer_of(&fields[CHECKSUM], NUMBER, &message.checksum) or message.checksum > 0xFFFFFFFFLL:
            return False
        return (self.read_levels(&fields[BIDS], listing, &message.bid_start, &message.bid_count)
                and self.read_levels(&fields[ASKS], listing, &message.ask_start, &message.ask_count))

    cdef bint read_levels(self, Span *span, Listing *listing, Py_ssize_t *start, Py_ssize_t *count) noexcept nogil:
        """One side: `[{"price":N,"qty":N},…]`; a side that did not change may be missing."""
        cdef Span[FIELDS] fields
        cdef const char *at
        cdef Level *level
        cdef bint done = False
        start[0] = self.level_count
        if span.kind == NOTHING:
            return True
        if span.kind != LIST:
            return False
        at = blank(span.start + 1)
        done = at[0] == c']'
        while not done:
            at = read_fields(at, fields, WORDS, 0, FIELDS)
            level = self.add_level()
            if at == NULL or level == NULL:
                return False
            if not (fixed_of(&fields[PRICE], NUMBER, listing.price_decimals, &level.price) and level.price > 0
                    and fixed_of(&fields[QTY], NUMBER, listing.size_decimals, &level.size)):
                return False
            at = next_item(at, c']', &done)
            if at == NULL:
                return False
        count[0] = self.level_count - start[0]
        return True

    cdef bint read_trade(self, Span *fields, Message *message, bint snapshot) noexcept nogil:
        """A print; `side` is the taker's. Those of a snapshot are from before the subscription."""
        cdef Listing *listing = &self.listings[message.index]
        message.past = snapshot
        message.side = 1 if is_text(&fields[SIDE], b"buy", 3) else -1
        if message.side < 0 and not is_text(&fields[SIDE], b"sell", 4):
            return False
        return (integer_of(&fields[TRADE_ID], NUMBER, &message.print_id)
                and fixed_of(&fields[PRICE], NUMBER, listing.price_decimals, &message.price)
                and fixed_of(&fields[QTY], NUMBER, listing.size_decimals, &message.size))


cdef uint32_t add_number(uint32_t crc, int64_t number) noexcept nogil:
    """Go on with the decimal digits of a number."""
    cdef uint8_t[20] digits
    cdef int count = 0
    while number > 0:
        digits[count] = <uint8_t>(c'0' + number % 10)
        number //= 10
        count += 1
    while count > 0:
        count -= 1
        crc = CRC[(crc ^ digits[count]) & 0xFF] ^ (crc >> 8)
    return crc


cdef uint32_t checksum_of(Book book) noexcept nogil:
    """Asks from the best, then bids from the best, ten each: the digits of price and size."""
    cdef int64_t[CHECKED_LEVELS] prices
    cdef int64_t[CHECKED_LEVELS] sizes
    cdef uint32_t crc = 0xFFFFFFFFU
    cdef Py_ssize_t i, count
    count = book.copy_top(-1, CHECKED_LEVELS, prices, sizes)
    for i in range(count):
        crc = add_number(add_number(crc, prices[i]), sizes[i])
    count = book.copy_top(1, CHECKED_LEVELS, prices, sizes)
    for i in range(count):
        crc = add_number(add_number(crc, prices[i]), sizes[i])
    return crc ^ <uint32_t>0xFFFFFFFFU


def checksum(Book book):
    """The checksum that Kraken would send for this book."""
    return checksum_of(book)


cdef class KrakenRule(Rule):
    """No numbers, only the checksum: after a snapshot every change is the next one until the book does not add up."""

    cdef bint holds(self, Book book, Message *message) noexcept nogil:
        """Whether the book adds up."""
        return checksum_of(book) == <uint32_t>message.checksum

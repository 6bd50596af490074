# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Binance's hot messages from bytes to int64, and its two sequence rules.

    {"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":…,"s":"BTCUSDT","U":…,"u":…,"b":[["p","q"],…],"a":[…]}}

1. One strict pass over the JSON notes the value of each key that a hot message uses, by the key's letter: the order
   of keys differs between products and does not matter. Unknown keys are skipped with their values.
2. The event's name then decides what the letters mean ("b" is a side of the book, a best price or an order id) and the
   values are read at the instrument's decimals.

A frame is refused as a whole, and no message of it is returned, when it is not strict JSON, has a key twice, lacks a
key, has a number that its instrument cannot hold exactly, or a range of update ids that runs backwards.
"""

import sys

from libc.stdint cimport int64_t
from libc.string cimport memcmp

from engine.venues.market cimport (
    APPLY, BEST, DELTA, DROP, GAP, MALFORMED, OTHER, PRINT, SNAPSHOT, WAIT, ContiguousRule, Level, Listing, Market,
    Message, Rule,
)
from engine.venues.scan cimport (
    blank, read_fixed_within, read_integer, read_quoted_within, skip_value, text_end,
)

assert sys.byteorder == "little", "numbers are read eight letters at a time, the first one lowest"

cdef enum:
    PREVIOUS = 1
    UPDATE_ID = 2
    BIDS = 3
    ASKS = 4
    STREAM = 5
    DATA = 6
    UNKNOWN = 0


cdef inline int place_of(const char *key, Py_ssize_t length) noexcept nogil:
    """Where the value of a key is noted; UNKNOWN for keys no hot message uses."""
    if length == 1:
        return key[0]
    if length == 2:
        return PREVIOUS if key[0] == c'p' and key[1] == c'u' else UNKNOWN
    if length == 4:
        if memcmp(key, b"data", 4) == 0:
            return DATA
        if memcmp(key, b"bids", 4) == 0:
            return BIDS
        return ASKS if memcmp(key, b"asks", 4) == 0 else UNKNOWN
    if length == 6:
        return STREAM if memcmp(key, b"stream", 6) == 0 else UNKNOWN
    return UPDATE_ID if length == 12 and memcmp(key, b"lastUpdateId", 12) == 0 else UNKNOWN


cdef inline bint is_hot(int letter) noexcept nogil:
    """Whether some hot message uses this one-letter key."""
    return letter in (c'e', c'E', c's', c'U', c'u', c'b', c'a', c'B', c'A', c't', c'p', c'q', c'T', c'm', c'X')


cdef class BinanceMarket(Market):
    """Binance's streams, raw or combined, of any product."""

    cdef int scan(self, const char *data, Py_ssize_t size) noexcept nogil:
        """Read one frame."""
        cdef const char *at
        self.begin()
        self.end = data + size
        at = blank(data)
        if at[0] != c'{':
            return MALFORMED
        at = self.read_object(at, True)
        if at == NULL or blank(at) != data + size:
            return MALFORMED
        return self.interpret()

    cdef int scan_snapshot(self, const char *data, Py_ssize_t size, int index) noexcept nogil:
        """Read the answer of `depth`."""
        cdef const char *at
        cdef Message *message
        self.begin()
        self.end = data + size
        at = blank(data)
        if at[0] != c'{':
            return MALFORMED
        at = self.read_object(at, True)
        if at == NULL or blank(at) != data + size or self.wrapped or not self.has(UPDATE_ID, INTEGER):
            return MALFORMED
        message = self.add_message(0)
        if message == NULL:
            return MALFORMED
        message.kind = SNAPSHOT
        message.first = message.last = self.tokens[<int>UPDATE_ID].integer
        message.sequenced = True
        self.tokens[<int>c'b'] = self.tokens[<int>BIDS]
        self.tokens[<int>c'a'] = self.tokens[<int>ASKS]
        if self.has(c'E', INTEGER) and not self.read_time(&message.venue_ns):
            return MALFORMED
        return self.read_book(index, message)

    cdef void begin(self) noexcept nogil:
        """Forget the frame before."""
        cdef int i
        for i in range(self.used_count):
            self.tokens[<int>self.used[i]].kind = ABSENT
        self.tokens[<int>c'b'].kind = ABSENT
        self.tokens[<int>c'a'].kind = ABSENT
        self.used_count = 0
        self.level_count = 0
        self.wrapped = False

    cdef const char *read_object(self, const char *at, bint outer) noexcept nogil:
        """Note the values of an object's known keys; the payload of a combined stream is read like one of its own."""
        cdef const char *key
        cdef int place
        at = blank(at + 1)
        if at[0] == c'}':
            return at + 1
        while True:
            if at[0] != c'"':
                return NULL
            key = at + 1
            at = text_end(key)
            if at == NULL:
                return NULL
            place = place_of(key, at - key)
            at = blank(at + 1)
            if at[0] != c':':
                return NULL
            at = blank(at + 1)
            if place >= 32 and not is_hot(place):
                place = UNKNOWN
            if place == DATA and outer and at[0] == c'{':
                if self.wrapped or self.used_count > (self.tokens[<int>STREAM].kind != ABSENT):
                    return NULL
                self.wrapped = True
                at = self.read_object(at, False)
            elif place == UNKNOWN or place == DATA:
                at = skip_value(at)
            elif self.wrapped and outer and place != STREAM:
                return NULL
            elif place == STREAM and not outer:
                at = skip_value(at)
            else:
                at = self.read_token(at, place)
            if at == NULL:
                return NULL
            at = blank(at)
            if at[0] == c'}':
                return at + 1
            if at[0] != c',':
                return NULL
            at = blank(at + 1)

    cdef const char *read_token(self, const char *at, int place) noexcept nogil:
        """Note one value; a key named twice is refused."""
        cdef Token *token = &self.tokens[place]
        cdef const char *end
        if token.kind != ABSENT:
            return NULL
        self.used[self.used_count] = place
        self.used_count += 1
        token.start = at
        token.listing = -1
        if at[0] == c'"':
            token.kind = STRING
            token.start = at + 1
            end = text_end(at + 1)
            if end == NULL:
                return NULL
            token.length = end - at - 1
            return end + 1
        end = read_integer(at, &token.integer)
        if end != NULL:
            token.kind = INTEGER
            return end
        if at[0] == c'[':
            token.kind = ARRAY
            return self.read_array(at, token) if place == c'b' or place == c'a' else skip_value(at)
        token.kind = TRUE if at[0] == c't' else FALSE if at[0] == c'f' else STRANGE
        return skip_value(at)

    cdef const char *read_array(self, const char *at, Token *token) noexcept nogil:
        """Skip what may be levels; if the symbol came first, as it does, they are read in the same pass."""
        cdef Token *symbol = &self.tokens[<int>c's']
        cdef Py_ssize_t before = self.level_count
        cdef const char *end
        cdef int index = self.find(symbol.start, symbol.length) if symbol.kind == STRING else -1
        if index >= 0:
            end = self.read_levels(at, index, &token.level_start, &token.level_count)
            if end != NULL:
                token.listing = index
                return end
            self.level_count = before
        return skip_value(at)

    cdef bint has(self, char place, int kind) noexcept nogil:
        """Whether a key was there with a value of this kind."""
        return self.tokens[<int>place].kind == kind

    cdef bint given(self, char place) noexcept nogil:
        """Whether a key was there, with any value."""
        return self.tokens[<int>place].kind != ABSENT

    cdef bint read_quoted(self, char place, int decimals, int64_t *value) noexcept nogil:
        """Read a noted string as fixed point."""
        cdef Token *token = &self.tokens[<int>place]
        if token.kind != STRING:
            return False
        return read_fixed_within(token.start, self.end, decimals, value) == token.start + token.length

    cdef bint read_time(self, int64_t *value) noexcept nogil:
        """The engine's time, else the gateway's, as nanoseconds; futures give both, and may send 0 for the first."""
        cdef int64_t time
        if self.tokens[<int>c'T'].kind not in (ABSENT, INTEGER) or not self.has(c'E', INTEGER):
            return False
        time = self.tokens[<int>c'E'].integer
        if self.has(c'T', INTEGER) and self.tokens[<int>c'T'].integer > 0:
            time = self.tokens[<int>c'T'].integer
        if time < 9_000_000_000_000LL:  # milliseconds, as far as nanoseconds fit
            value[0] = time * 1_000_000
        elif 1_000_000_000_000_000LL <= time < 9_000_000_000_000_000LL:  # microseconds, as a connection may ask for
            value[0] = time * 1_000
        else:
            return False
        return True

    cdef int interpret(self) noexcept nogil:
        """Let the event's name decide; spot's bookTicker has none and is known by its keys."""
        cdef Token *event = &self.tokens[<int>c'e']
        if event.kind == ABSENT:
            if self.given(c'u') and self.given(c'B') and self.given(c'A'):
                return self.read_best()
            return OTHER
        if event.kind != STRING:
            return OTHER
        if event.length == 11 and memcmp(event.start, b"depthUpdate", 11) == 0:
            return self.read_depth()
        if event.length == 10 and memcmp(event.start, b"bookTicker", 10) == 0:
            return self.read_best()
        if event.length == 8 and memcmp(event.start, b"aggTrade", 8) == 0:
            return self.read_print(c'a', 1)
        if event.length == 5 and memcmp(event.start, b"trade", 5) == 0:
            return self.read_print(c't', 0)
        return OTHER

    cdef int read_depth(self) noexcept nogil:
        """A change of the book."""
        cdef Message *message = self.add_message(0)
        cdef int index
        if message == NULL or not (self.has(c's', STRING) and self.has(c'U', INTEGER) and self.has(c'u', INTEGER)):
            return MALFORMED
        if self.tokens[<int>PREVIOUS].kind not in (ABSENT, INTEGER) or not self.read_time(&message.venue_ns):
            return MALFORMED
        message.kind = DELTA
        message.sequenced = True
        message.first = self.tokens[<int>c'U'].integer
        message.last = self.tokens[<int>c'u'].integer
        message.previous = self.tokens[<int>PREVIOUS].integer if self.has(PREVIOUS, INTEGER) else -1
        if message.first > message.last or message.previous > message.last:
            return MALFORMED
        index = self.find(self.tokens[<int>c's'].start, self.tokens[<int>c's'].length)
        if index < 0:
            return 1
        return self.read_book(index, message)

    cdef int read_book(self, int index, Message *message) noexcept nogil:
        """Read both sides into a message; an unknown symbol has no decimals to read them with."""
        message.index = index
        if not self.read_side_levels(c'b', index, &message.bid_start, &message.bid_count):
            return MALFORMED
        return 1 if self.read_side_levels(c'a', index, &message.ask_start, &message.ask_count) else MALFORMED

    cdef bint read_side_levels(self, char place, int index, Py_ssize_t *start, Py_ssize_t *count) noexcept nogil:
        """One side's levels, read in passing or read here."""
        cdef Token *token = &self.tokens[<int>place]
        if token.kind != ARRAY:
            return False
        if token.listing != index:
            return self.read_levels(token.start, index, start, count) != NULL
        start[0] = token.level_start
        count[0] = token.level_count
        return True

    cdef const char *read_levels(self, const char *at, int index, Py_ssize_t *start, Py_ssize_t *count) noexcept nogil:
        """Read `[["price","size"],…]` into the arena."""
        cdef Listing *listing = &self.listings[index]
        cdef Level *level
        start[0] = self.level_count
        at = blank(at + 1)
        if at[0] == c']':
            count[0] = 0
            return at + 1
        while True:
            level = self.add_level()
            if level == NULL or at[0] != c'[':
                return NULL
            at = read_quoted_within(blank(at + 1), self.end, listing.price_decimals, &level.price)
            if at == NULL or level.price == 0:
                return NULL
            at = blank(at)
            if at[0] != c',':
                return NULL
            at = read_quoted_within(blank(at + 1), self.end, listing.size_decimals, &level.size)
            if at == NULL:
                return NULL
            at = blank(at)
            if at[0] != c']':
                return NULL
            at = blank(at + 1)
            if at[0] == c']':
                count[0] = self.level_count - start[0]
                return at + 1
            if at[0] != c',':
                return NULL
            at = blank(at + 1)

    cdef int read_best(self) noexcept nogil:
        """The best bid and ask."""
        cdef Message *message = self.add_message(0)
        cdef Listing *listing
        if message == NULL or not (self.has(c's', STRING) and self.has(c'u', INTEGER)):
            return MALFORMED
        message.kind = BEST
        message.sequenced = True
        message.first = message.last = self.tokens[<int>c'u'].integer
        if self.tokens[<int>c'E'].kind != ABSENT and not self.read_time(&message.venue_ns):
            return MALFORMED
        message.index = self.find(self.tokens[<int>c's'].start, self.tokens[<int>c's'].length)
        if message.index < 0:
            return 1
        listing = &self.listings[message.index]
        if not self.read_quoted(c'b', listing.price_decimals, &message.bid_price):
            return MALFORMED
        if not self.read_quoted(c'B', listing.size_decimals, &message.bid_size):
            return MALFORMED
        if not self.read_quoted(c'a', listing.price_decimals, &message.ask_price):
            return MALFORMED
        if not self.read_quoted(c'A', listing.size_decimals, &message.ask_size):
            return MALFORMED
        return 1

    cdef int read_print(self, char number, int numbering) noexcept nogil:
        """A trade between others; when the buyer was the maker, the aggressor sold."""
        cdef Message *message = self.add_message(0)
        cdef Listing *listing
        cdef Token *maker = &self.tokens[<int>c'm']
        cdef Token *kind = &self.tokens[<int>c'X']
        if message == NULL or not (self.has(c's', STRING) and self.has(number, INTEGER)):
            return MALFORMED
        if maker.kind not in (TRUE, FALSE) or not self.read_time(&message.venue_ns):
            return MALFORMED
        message.kind = PRINT
        message.numbering = numbering
        message.side = -1 if maker.kind == TRUE else 1
        message.print_id = self.tokens[<int>number].integer
        message.ordinary = kind.kind == ABSENT or (
            kind.kind == STRING and kind.length == 6 and memcmp(kind.start, b"MARKET", 6) == 0)
        message.index = self.find(self.tokens[<int>c's'].start, self.tokens[<int>c's'].length)
        if message.index < 0:
            return 1
        listing = &self.listings[message.index]
        if not self.read_quoted(c'p', listing.price_decimals, &message.price):
            return MALFORMED
        return 1 if self.read_quoted(c'q', listing.size_decimals, &message.size) else MALFORMED


cdef class SpotRule(ContiguousRule):
    """Spot: ids are contiguous for a symbol; an event that overlaps the snapshot is applied whole, as documented."""


cdef class FuturesRule(Rule):
    """USD-M and COIN-M: ids are global, only `pu` names the event before.

    The first event after a snapshot contains every later change when pu <= last <= u; one that ends exactly at the
    snapshot is legal and changes nothing. Afterwards pu is the id of the event before. If several connections feed the
    book, an event of another connection may begin earlier, and contains every change from there on.
    """

    def __cinit__(self):
        self.keeps = True

    cdef int admit(self, Message *message) noexcept nogil:
        """What to do with a delta."""
        if self.last < 0:
            return WAIT
        if message.last < self.last or (self.bridged and message.last == self.last):
            return DROP
        if message.previous < 0:
            return GAP
        if message.previous > self.last:
            return GAP
        if self.bridged and message.previous != self.last and not self.several:
            return GAP
        self.last = message.last
        self.bridged = True
        return APPLY

    cdef int seed(self, Message *message) noexcept nogil:
        """Begin at a snapshot: note its last number."""
        self.last = message.last
        self.bridged = False
        return APPLY

    cdef bint follows(self, Message *message, int64_t before) noexcept nogil:
        """Whether a change names the connection's last one as the one before."""
        return message.previous < 0 or message.previous == before

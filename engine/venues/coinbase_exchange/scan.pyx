# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Coinbase Exchange's feed from bytes to int64: every order of a book (`full`), or its levels (`level2` and its batch).

    {"type":"open","product_id":"BTC-USD","sequence":10,"order_id":"d50ec984-…","side":"sell","price":"200.2","remaining_size":"1.00",…}

On `full` the numbers of a product's messages rise by one. An order goes through

    received ─▶ open ─▶ match, match … ─▶ done         only what happens between open and done touches the book;
                  └─ change ─┘                         an order filled on arrival is never opened

and a match becomes two messages: the change of the maker's order, and a print. Messages without a number are copies
for their owner, and are skipped. On `level2` no message has a number: a snapshot comes with the subscription, then
absolute sizes. Messages of the other kind of channel are not read: one book has one source.
"""

from libc.stdint cimport uint64_t

from engine.venues.fields cimport Word, fixed_of, integer_of, read_fields, word
from engine.venues.market cimport (
    APPLY, BEAT, BEST, CHANGED, DELTA, DONE, DROP, LEVELS, MALFORMED, MATCHED, NUMBERED, OPENED, OTHER, PRINT,
    SNAPSHOT, ContiguousRule, Identity, Level, Listing, Market, Message, Rule,
)
from engine.venues.scan cimport (
    LIST, NOTHING, NUMBER, OTHER_VALUE, TEXT, Span, blank, is_text, next_item, read_clock, read_span,
)

cdef enum:
    TYPE = 0
    PRODUCT = 1
    SEQUENCE = 2
    TIME = 3
    SIDE = 4
    PRICE = 5
    SIZE = 6
    ORDER_ID = 7
    REMAINING_SIZE = 8
    MAKER_ORDER_ID = 9
    TRADE_ID = 10
    OLD_SIZE = 11
    NEW_SIZE = 12
    NEW_PRICE = 13
    CHANGES = 14
    BIDS = 15
    ASKS = 16
    BEST_BID = 17
    BEST_ASK = 18
    BEST_BID_SIZE = 19
    BEST_ASK_SIZE = 20
    FIELDS = 21
    CELLS = 3  # of a row: price, size and an id or a count; or side, price, size
    UUID_LENGTH = 36

cdef Word[FIELDS] WORDS
WORDS[TYPE] = word(b"type")
WORDS[PRODUCT] = word(b"product_id")
WORDS[SEQUENCE] = word(b"sequence")
WORDS[TIME] = word(b"time")
WORDS[SIDE] = word(b"side")
WORDS[PRICE] = word(b"price")
WORDS[SIZE] = word(b"size")
WORDS[ORDER_ID] = word(b"order_id")
WORDS[REMAINING_SIZE] = word(b"remaining_size")
WORDS[MAKER_ORDER_ID] = word(b"maker_order_id")
WORDS[TRADE_ID] = word(b"trade_id")
WORDS[OLD_SIZE] = word(b"old_size")
WORDS[NEW_SIZE] = word(b"new_size")
WORDS[NEW_PRICE] = word(b"new_price")
WORDS[CHANGES] = word(b"changes")
WORDS[BIDS] = word(b"bids")
WORDS[ASKS] = word(b"asks")
WORDS[BEST_BID] = word(b"best_bid")
WORDS[BEST_ASK] = word(b"best_ask")
WORDS[BEST_BID_SIZE] = word(b"best_bid_size")
WORDS[BEST_ASK_SIZE] = word(b"best_ask_size")


cdef inline bint is_absent(const Span *span) noexcept nogil:
    """No value or null. A value of any other kind is there, and must be readable."""
    return span.kind == NOTHING or (span.kind == OTHER_VALUE and span.start[0] == c'n')


cdef inline int nibble(char letter) noexcept nogil:
    """The value of a hexadecimal digit; -1 for anything else."""
    if c'0' <= letter <= c'9':
        return letter - c'0'
    if c'a' <= (letter | 0x20) <= c'f':
        return (letter | 0x20) - c'a' + 10
    return -1


cdef bint read_identity(const Span *span, Identity *identity) noexcept nogil:
    """Read `d50ec984-77a8-460a-b958-66f114b0de9b`."""
    cdef uint64_t[2] halves
    cdef int i, digit, count = 0
    halves[0] = halves[1] = 0
    if span.kind != TEXT or span.length != UUID_LENGTH:
        return False
    for i in range(UUID_LENGTH):
        if i == 8 or i == 13 or i == 18 or i == 23:
            if span.start[i] != c'-':
                return False
            continue
        digit = nibble(span.start[i])
        if digit < 0:
            return False
        halves[count >> 4] = (halves[count >> 4] << 4) | <uint64_t>digit
        count += 1
    identity.high, identity.low = halves[0], halves[1]
    return True


cdef inline int side_of(const Span *span) noexcept nogil:
    """A side's word; 0 for anything else."""
    if is_text(span, b"buy", 3):
        return 1
    return -1 if is_text(span, b"sell", 4) else 0


cdef const char *read_row(const char *at, Span *cells, int *count) noexcept nogil:
    """Note the values of `["64930.57","0.07",…]`, two or three of them; the place after the row."""
    cdef bint done = False
    count[0] = 0
    if at[0] != c'[':
        return NULL
    at = blank(at + 1)
    while not done:
        if count[0] == CELLS:
            return NULL
        cells[count[0]].kind = NOTHING
        at = read_span(at, &cells[count[0]])
        if at == NULL:
            return NULL
        count[0] += 1
        at = next_item(at, c']', &done)
        if at == NULL:
            return NULL
    return at if count[0] >= 2 else NULL


cdef class ExchangeMarket(Market):
    """Coinbase Exchange's public channels."""

    cdef bint by_order

    def __init__(self, *, bint by_order):
        """`by_order`: read every order of a book; else its levels."""
        self.by_order = by_order

    cdef int scan(self, const char *data, Py_ssize_t size) noexcept nogil:
        """Read one frame."""
        cdef Span[FIELDS] fields
        cdef const char *at = read_fields(blank(data), fields, WORDS, 0, FIELDS)
        self.level_count = 0
        if at == NULL or blank(at) != data + size:
            return MALFORMED
        if is_text(&fields[TYPE], b"match", 5) or is_text(&fields[TYPE], b"last_match", 10):
            return self.read_match(fields)
        if is_text(&fields[TYPE], b"ticker", 6):
            return self.read_ticker(fields)
        if is_text(&fields[TYPE], b"heartbeat", 9):
            return self.read_beat(fields)
        return self.read_order(fields) if self.by_order else self.read_book(fields)

    cdef Message *begin(self, int place, int kind, Span *fields) noexcept nogil:
        """A message with what all have: product, and time where it is given; NULL when that is not as it must be."""
        cdef Message *message = self.add_message(place)
        if message == NULL or fields[PRODUCT].kind != TEXT:
            return NULL
        message.kind = kind
        message.index = self.find(fields[PRODUCT].start, fields[PRODUCT].length)
        if fields[TIME].kind != NOTHING and not read_clock(&fields[TIME], &message.venue_ns):
            return NULL
        return message

    cdef int read_order(self, Span *fields) noexcept nogil:
        """What happened to one order."""
        cdef Message *message
        cdef bint known
        cdef int action = action_of(&fields[TYPE])
        if action == LEVELS or fields[SEQUENCE].kind == NOTHING:
            return OTHER
        message = self.begin_order(0, action, fields)
        if message == NULL:
            return MALFORMED
        if message.index < 0 or action == NUMBERED:
            return 1
        message.side = side_of(&fields[SIDE])
        if message.side == 0 or not read_identity(&fields[ORDER_ID], &message.order):
            return MALFORMED
        if action == OPENED:
            known = self.read_open(fields, message)
        elif action == CHANGED:
            known = self.read_change(fields, message)
        else:
            known = self.read_done(fields, message)
        return 1 if known else MALFORMED

    cdef Message *begin_order(self, int place, int action, Span *fields) noexcept nogil:
        """A message of one order."""
        cdef Message *message = self.begin(place, DELTA, fields)
        if message == NULL or not integer_of(&fields[SEQUENCE], NUMBER, &message.last):
            return NULL
        message.action = action
        message.first = message.last
        message.sequenced = True
        return message

    cdef bint read_open(self, Span *fields, Message *message) noexcept nogil:
        """It comes onto the book with what is left of it."""
        cdef Listing *listing = &self.listings[message.index]
        return (fixed_of(&fields[PRICE], TEXT, listing.price_decimals, &message.price) and message.price > 0
                and fixed_of(&fields[REMAINING_SIZE], TEXT, listing.size_decimals, &message.size) and message.size > 0)

    cdef bint read_change(self, Span *fields, Message *message) noexcept nogil:
        """Its size or price changes. A market order has no price, may change in its funds alone, and is on no book."""
        cdef Listing *listing = &self.listings[message.index]
        cdef Span *price = &fields[PRICE] if is_absent(&fields[NEW_PRICE]) else &fields[NEW_PRICE]
        if is_absent(price) or is_absent(&fields[NEW_SIZE]):
            message.action = NUMBERED
            return True
        if not is_absent(&fields[OLD_SIZE]):
            if not fixed_of(&fields[OLD_SIZE], TEXT, listing.size_decimals, &message.before):
                return False
        return (fixed_of(price, TEXT, listing.price_decimals, &message.price) and message.price > 0
                and fixed_of(&fields[NEW_SIZE], TEXT, listing.size_decimals, &message.size))

    cdef bint read_done(self, Span *fields, Message *message) noexcept nogil:
        """It is no longer on the book, if it ever was. Its price is not read: it may not be the opening one."""
        if is_absent(&fields[REMAINING_SIZE]):
            return True
        return fixed_of(
            &fields[REMAINING_SIZE], TEXT, self.listings[message.index].size_decimals, &message.before)

    cdef int read_match(self, Span *fields) noexcept nogil:
        """A trade; on a channel of orders also the change of the maker's order."""
        cdef bint last = fields[TYPE].length == 10
        cdef Message *message
        cdef Listing *listing
        cdef int count = 0
        if self.by_order and not last:
            if fields[SEQUENCE].kind == NOTHING:
                return OTHER
            message = self.begin_order(0, MATCHED, fields)
            if message == NULL or not read_identity(&fields[MAKER_ORDER_ID], &message.order):
                return MALFORMED
            count = 1
        message = self.begin(count, PRINT, fields)
        if message == NULL or not integer_of(&fields[TRADE_ID], NUMBER, &message.print_id):
            return MALFORMED
        message.side = -side_of(&fields[SIDE])
        message.past = last
        if message.side == 0:
            return MALFORMED
        if message.index >= 0:
            listing = &self.listings[message.index]
            if not (fixed_of(&fields[PRICE], TEXT, listing.price_decimals, &message.price) and message.price > 0
                    and fixed_of(&fields[SIZE], TEXT, listing.size_decimals, &message.size)):
                return MALFORMED
        if count:
            self.messages[0].side = -message.side
            self.messages[0].price = message.price
            self.messages[0].size = message.size
        return count + 1

    cdef int read_ticker(self, Span *fields) noexcept nogil:
        """The best bid and ask at some trade: its number is of another sequence than the book's."""
        cdef Message *message = self.begin(0, BEST, fields)
        cdef Listing *listing
        if message == NULL:
            return MALFORMED
        if message.index < 0 or fields[BEST_BID].kind != TEXT or fields[BEST_ASK].kind != TEXT:
            return OTHER
        listing = &self.listings[message.index]
        message.bid_size = message.ask_size = -1
        if not (fixed_of(&fields[BEST_BID], TEXT, listing.price_decimals, &message.bid_price)
                and fixed_of(&fields[BEST_ASK], TEXT, listing.price_decimals, &message.ask_price)):
            return MALFORMED
        if fields[BEST_BID_SIZE].kind == TEXT and fields[BEST_ASK_SIZE].kind == TEXT:
            if not (fixed_of(&fields[BEST_BID_SIZE], TEXT, listing.size_decimals, &message.bid_size)
                    and fixed_of(&fields[BEST_ASK_SIZE], TEXT, listing.size_decimals, &message.ask_size)):
                return MALFORMED
        return 1

    cdef int read_beat(self, Span *fields) noexcept nogil:
        """Once a second: the product's newest number."""
        cdef Message *message = self.begin(0, BEAT, fields)
        if message == NULL or not integer_of(&fields[SEQUENCE], NUMBER, &message.last):
            return MALFORMED
        message.first = message.last
        message.sequenced = self.by_order
        return 1

    cdef int read_book(self, Span *fields) noexcept nogil:
        """A book's levels: its snapshot, or a change of some."""
        cdef Message *message
        cdef Listing *listing
        cdef bint snapshot = is_text(&fields[TYPE], b"snapshot", 8)
        if not snapshot and not is_text(&fields[TYPE], b"l2update", 8):
            return OTHER
        message = self.begin(0, SNAPSHOT if snapshot else DELTA, fields)
        if message == NULL:
            return MALFORMED
        if message.index < 0:
            return 1
        if snapshot:
            return self.read_sides(fields, message)
        listing = &self.listings[message.index]
        if fields[CHANGES].kind != LIST:
            return MALFORMED
        if not self.read_changes(fields[CHANGES].start, listing, 1, &message.bid_start, &message.bid_count):
            return MALFORMED
        if not self.read_changes(fields[CHANGES].start, listing, -1, &message.ask_start, &message.ask_count):
            return MALFORMED
        return 1

    cdef bint read_changes(
        self, const char *at, Listing *listing, int side, Py_ssize_t *start, Py_ssize_t *count
    ) noexcept nogil:
        """The levels of one side out of `[["buy","22356.30","1.0"],…]`."""
        cdef Span[CELLS] cells
        cdef bint done
        cdef int found, width
        start[0] = self.level_count
        at = blank(at + 1)
        done = at[0] == c']'
        while not done:
            at = read_row(at, cells, &width)
            if at == NULL or width != CELLS:
                return False
            found = side_of(&cells[0])
            if found == 0 or (found == side and not self.read_level(&cells[1], listing)):
                return False
            at = next_item(at, c']', &done)
            if at == NULL:
                return False
        count[0] = self.level_count - start[0]
        return True

    cdef bint read_level(self, Span *cells, Listing *listing) noexcept nogil:
        """A price and a size into the arena."""
        cdef Level *level = self.add_level()
        return (level != NULL and fixed_of(&cells[0], TEXT, listing.price_decimals, &level.price) and level.price > 0
                and fixed_of(&cells[1], TEXT, listing.size_decimals, &level.size))

    cdef int scan_snapshot(self, const char *data, Py_ssize_t size, int index) noexcept nogil:
        """Read the answer of `book`: level 3 for a book of orders, else level 2."""
        cdef Span[FIELDS] fields
        cdef Message *message = self.add_message(0)
        cdef const char *at = read_fields(blank(data), fields, WORDS, 0, FIELDS)
        self.level_count = 0
        if at == NULL or blank(at) != data + size or message == NULL:
            return MALFORMED
        if not integer_of(&fields[SEQUENCE], NUMBER, &message.last):
            return MALFORMED
        if fields[TIME].kind != NOTHING and not read_clock(&fields[TIME], &message.venue_ns):
            return MALFORMED
        message.kind = SNAPSHOT
        message.action = OPENED if self.by_order else LEVELS
        message.index = index
        message.first = message.last
        message.sequenced = self.by_order
        return self.read_sides(fields, message)

    cdef int read_sides(self, Span *fields, Message *message) noexcept nogil:
        """Both sides of a snapshot."""
        cdef Listing *listing = &self.listings[message.index]
        cdef bint orders = message.action == OPENED
        if not self.read_side(&fields[BIDS], listing, orders, &message.bid_start, &message.bid_count):
            return MALFORMED
        if not self.read_side(&fields[ASKS], listing, orders, &message.ask_start, &message.ask_count):
            return MALFORMED
        return 1

    cdef bint read_side(
        self, Span *side, Listing *listing, bint orders, Py_ssize_t *start, Py_ssize_t *count
    ) noexcept nogil:
        """`[["price","size"],…]`; over REST the count of orders follows, and in level 3 the order's id."""
        cdef Span[CELLS] cells
        cdef const char *at
        cdef bint done
        cdef int width
        start[0] = self.level_count
        if side.kind != LIST:
            return False
        at = blank(side.start + 1)
        done = at[0] == c']'
        while not done:
            at = read_row(at, cells, &width)
            if at == NULL or not self.read_level(cells, listing):
                return False
            if orders and (width != CELLS or not self.read_owner(&cells[2])):
                return False
            if not orders and width == CELLS and cells[2].kind != NUMBER:
                return False
            at = next_item(at, c']', &done)
            if at == NULL:
                return False
        count[0] = self.level_count - start[0]
        return True

    cdef bint read_owner(self, Span *cell) noexcept nogil:
        """The id of the order whose level was read last."""
        cdef Identity *identity = self.add_identity()
        return identity != NULL and read_identity(cell, identity)


cdef int action_of(const Span *kind) noexcept nogil:
    """What a type of message does to an order; LEVELS for every other type. A stop order that waits has no number."""
    if is_text(kind, b"received", 8) or is_text(kind, b"activate", 8):
        return NUMBERED
    if is_text(kind, b"open", 4):
        return OPENED
    if is_text(kind, b"done", 4):
        return DONE
    return CHANGED if is_text(kind, b"change", 6) else LEVELS


cdef class OrderRule(ContiguousRule):
    """A product's numbers rise by one with every message, also from a snapshot to the first message after it."""


cdef class LevelRule(Rule):
    """Changes have no numbers. Trades have: one that is missing was lost on the way, and changes with it."""

    def __cinit__(self):
        self.prints_prove = True

    cdef int admit(self, Message *message) noexcept nogil:
        """What to do with a change: one from before the snapshot is in it."""
        return APPLY if self.bridged else DROP

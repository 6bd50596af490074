# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""What every venue's scanner and sequence rule share: the listings, the arenas, and a way to look at a message.

    frame bytes ──scan──▶ messages (C structs) ──admit──▶ APPLY │ DROP │ WAIT │ GAP

A venue's folder holds one subclass of `Market` (its wire) and one of `Rule` (its sequence). The arenas grow to the
largest frame seen and stay; a frame with more than LEVELS_MAX levels or MESSAGES_MAX messages is malformed.
"""

from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset

from engine.book.book cimport Book
from engine.book.orders cimport OrderBook

cdef enum:
    SLOTS = 4096  # of the symbol table: at least four times the listings, so that probing stays short
    LEVELS_MAX = 1 << 20
    MESSAGES_MAX = 1 << 16
    EVENTS_FIRST = 1024

NAMES = {DELTA: "delta", SNAPSHOT: "snapshot", BEST: "best", PRINT: "print", TOP: "top", BEAT: "beat"}
ACTIONS = {NUMBERED: "numbered", OPENED: "opened", MATCHED: "matched", CHANGED: "changed", DONE: "done"}


cdef inline uint32_t hash_text(const char *text, Py_ssize_t length) noexcept nogil:
    """FNV-1a."""
    cdef uint32_t value = 2166136261
    cdef Py_ssize_t i
    for i in range(length):
        value = (value ^ <uint8_t>text[i]) * 16777619
    return value


cdef class Market:
    """A venue's wire: subclasses turn frames into messages."""

    def __cinit__(self):
        self.message_room = 16
        self.level_room = 1024
        self.messages = <Message *>malloc(self.message_room * sizeof(Message))
        self.levels = <Level *>malloc(self.level_room * sizeof(Level))
        self.listings = <Listing *>calloc(LISTINGS_MAX, sizeof(Listing))
        self.slots = <short *>malloc(SLOTS * sizeof(short))
        if self.messages == NULL or self.levels == NULL or self.listings == NULL or self.slots == NULL:
            raise MemoryError("no memory for a scanner's arenas")
        memset(self.slots, 0xFF, SLOTS * sizeof(short))
        self.frame_sequence = -1

    def __dealloc__(self):
        free(self.messages)
        free(self.levels)
        free(self.identities)
        free(self.events)
        free(self.listings)
        free(self.slots)

    cdef int scan(self, const char *data, Py_ssize_t size) noexcept nogil:
        """Read one frame; how many messages it held, OTHER or MALFORMED."""
        return MALFORMED

    cdef int scan_snapshot(self, const char *data, Py_ssize_t size, int index) noexcept nogil:
        """Read the answer to a request for a listing's book; 1 or MALFORMED."""
        return MALFORMED

    cdef int find(self, const char *text, Py_ssize_t length) noexcept nogil:
        """The listing of a symbol, -1 for one that is not ours."""
        cdef uint32_t slot = hash_text(text, length) & (SLOTS - 1)
        cdef int index = self.slots[slot]
        while index >= 0:
            if self.listings[index].length == length and memcmp(self.listings[index].text, text, length) == 0:
                return index
            slot = (slot + 1) & (SLOTS - 1)
            index = self.slots[slot]
        return -1

    cdef Message *add_message(self, Py_ssize_t place) noexcept nogil:
        """An empty message at this place of the arena; NULL when it cannot grow."""
        cdef Message *grown
        cdef Message *message
        if place >= self.message_room:
            if self.message_room >= MESSAGES_MAX:
                return NULL
            grown = <Message *>realloc(self.messages, 2 * self.message_room * sizeof(Message))
            if grown == NULL:
                return NULL
            self.messages = grown
            self.message_room *= 2
        message = &self.messages[place]
        memset(message, 0, sizeof(Message))
        message.index = -1
        message.checksum = -1
        message.before = -1
        message.ordinary = True
        return message

    cdef Level *add_level(self) noexcept nogil:
        """The next level of the arena; NULL when it cannot grow."""
        cdef Level *grown
        if self.level_count >= self.level_room:
            if self.level_room >= LEVELS_MAX:
                return NULL
            grown = <Level *>realloc(self.levels, 2 * self.level_room * sizeof(Level))
            if grown == NULL:
                return NULL
            self.levels = grown
            self.level_room *= 2
        self.level_count += 1
        return &self.levels[self.level_count - 1]

    cdef Identity *add_identity(self) noexcept nogil:
        """The id that belongs to the level added last; NULL when there is no memory."""
        cdef Identity *grown
        if self.level_count > self.identity_room:
            grown = <Identity *>realloc(self.identities, self.level_room * sizeof(Identity))
            if grown == NULL:
                return NULL
            self.identities = grown
            self.identity_room = self.level_room
        return &self.identities[self.level_count - 1]

    cdef OrderEvent *add_event(self) noexcept nogil:
        """The next event of the arena; NULL when it cannot grow."""
        cdef OrderEvent *grown
        cdef Py_ssize_t room
        if self.event_count >= self.event_room:
            room = 2 * self.event_room if self.event_room else EVENTS_FIRST
            if room > LEVELS_MAX:
                return NULL
            grown = <OrderEvent *>realloc(self.events, room * sizeof(OrderEvent))
            if grown == NULL:
                return NULL
            self.events = grown
            self.event_room = room
        self.event_count += 1
        return &self.events[self.event_count - 1]

    def add(self, str symbol, int price_decimals, int size_decimals):
        """List a symbol with its decimals; its index, by which messages name it."""
        cdef bytes text = symbol.encode()
        cdef Listing *listing
        cdef uint32_t slot
        if not 0 < len(text) <= SYMBOL_ROOM:
            raise ValueError(f"symbol must have 1 to {SYMBOL_ROOM} bytes, was {symbol!r}")
        if not (0 <= price_decimals <= 18 and 0 <= size_decimals <= 18):
            raise ValueError(f"{symbol}: decimals must be 0 to 18, were {price_decimals} and {size_decimals}")
        if self.listing_count >= LISTINGS_MAX:
            raise ValueError(f"{symbol}: more than {LISTINGS_MAX} symbols on one connection")
        if self.find(text, len(text)) >= 0:
            raise ValueError(f"{symbol} is listed already")
        listing = &self.listings[self.listing_count]
        memcpy(listing.text, <const char *>text, len(text))
        listing.length = <int>len(text)
        listing.price_decimals = price_decimals
        listing.size_decimals = size_decimals
        slot = hash_text(text, len(text)) & (SLOTS - 1)
        while self.slots[slot] >= 0:
            slot = (slot + 1) & (SLOTS - 1)
        self.slots[slot] = <short>self.listing_count
        self.listing_count += 1
        return self.listing_count - 1

    def relist(self, int index, int price_decimals, int size_decimals):
        """Give a listing other decimals."""
        if not 0 <= index < self.listing_count:
            raise ValueError(f"index must be in 0..{self.listing_count - 1}, was {index}")
        if not (0 <= price_decimals <= 18 and 0 <= size_decimals <= 18):
            raise ValueError(f"decimals must be 0 to 18, were {price_decimals} and {size_decimals}")
        self.listings[index].price_decimals = price_decimals
        self.listings[index].size_decimals = size_decimals

    def decode(self, bytes frame):
        """A frame's messages as dictionaries, None when it is malformed: for tests and for looking at a frame."""
        cdef int count = self.scan(frame, len(frame))
        return None if count < 0 else [self.describe(i) for i in range(count)]

    def decode_snapshot(self, bytes body, int index):
        """A requested book as a dictionary, None when it is malformed."""
        return self.describe(0) if self.scan_snapshot(body, len(body), index) == 1 else None

    cdef list pairs(self, Py_ssize_t start, Py_ssize_t count):
        """Some levels of the arena."""
        return [(self.levels[start + i].price, self.levels[start + i].size) for i in range(count)]

    cdef list orders(self, Py_ssize_t start, Py_ssize_t count):
        """Some orders of the arena."""
        return [(*level, number_of(&self.identities[start + i])) for i, level in enumerate(self.pairs(start, count))]

    cdef list happenings(self, Message *m):
        """A message's events of orders."""
        found = []
        for i in range(m.event_start, m.event_start + m.event_count):
            one = &self.events[i]
            found.append((ACTIONS[one.action], number_of(&one.order), one.side, one.price, one.size, one.stamp_ns))
        return found

    cdef dict describe(self, Py_ssize_t place):
        """One message with the fields that its kind has."""
        cdef Message *m = &self.messages[place]
        found = {"kind": NAMES[m.kind], "index": m.index, "venue_ns": m.venue_ns}
        if m.kind == PRINT:
            return found | {"price": m.price, "size": m.size, "side": m.side, "print_id": m.print_id,
                            "numbering": m.numbering, "ordinary": bool(m.ordinary and not m.past)}
        found |= {"first": m.first, "last": m.last, "previous": m.previous}
        if m.kind == BEAT:
            return found
        if m.kind == BEST:
            return found | {"bid": (m.bid_price, m.bid_size), "ask": (m.ask_price, m.ask_size)}
        if m.action == LEVELS:
            return found | self.sides(m)
        if m.action == SEVERAL:
            return found | {"events": self.happenings(m), "checksum": m.checksum}
        if m.kind == SNAPSHOT:
            return found | {"bids": self.orders(m.bid_start, m.bid_count),
                            "asks": self.orders(m.ask_start, m.ask_count)}
        return found | {"action": ACTIONS[m.action], "order": number_of(&m.order), "side": m.side, "price": m.price,
                        "size": m.size, "before": m.before}

    cdef dict sides(self, Message *m):
        """A message's levels."""
        return {"bids": self.pairs(m.bid_start, m.bid_count), "asks": self.pairs(m.ask_start, m.ask_count),
                "checksum": m.checksum}


cdef object number_of(const Identity *identity):
    """An order's id as one number."""
    return (<object>identity.high << 64) | identity.low


cdef class Rule:
    """A venue's rule of correctness for one book."""

    def __cinit__(self):
        self.reset()

    cdef int admit(self, Message *message) noexcept nogil:
        """What to do with a delta. Without numbers of the venue, every delta after a snapshot is applied."""
        return APPLY if self.bridged else WAIT

    cdef int seed(self, Message *message) noexcept nogil:
        """Begin at a snapshot: note its last number."""
        self.last = message.last
        self.bridged = True
        return APPLY

    cdef bint follows(self, Message *message, int64_t before) noexcept nogil:
        """Whether nothing is missing on a connection between the number before and a change."""
        return True

    cdef bint holds(self, Book book, Message *message) noexcept nogil:
        """Whether the book, with the message applied, agrees with the venue's checksum, if it sends one."""
        return True

    cdef bint holds_orders(self, OrderBook orders, Message *message) noexcept nogil:
        """The same for a book of orders, where the venue's checksum covers its queues."""
        return self.holds(orders.levels, message)

    cdef void reset(self) noexcept nogil:
        """Wait for a snapshot."""
        self.last = -1
        self.bridged = False


cdef class ContiguousRule(Rule):
    """An instrument's numbers are contiguous: every change begins one after the end of the last.

    The first change after a snapshot covers the number after it. A change that begins before the book's number and ends
    after it is applied: its sizes are absolute.
    """

    def __cinit__(self):
        self.keeps = True

    cdef int admit(self, Message *message) noexcept nogil:
        """What to do with a change."""
        if self.last < 0:
            return WAIT
        if message.last <= self.last:
            return DROP
        if message.first > self.last + 1:
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
        """Whether a change begins where the connection's last one ended."""
        return message.first <= before + 1

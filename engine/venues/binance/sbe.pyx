# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Binance's market data in SBE, the stream schema 1:0, into the same messages as its JSON.

    header                 fields of the message        groups, each                         symbol
    [ block │ template │   [ times, ids, exponents │    [ block │ count │ entry │ entry …]   [ length │ text ]
      schema │ version ]     … up to `block` bytes ]

1. The header names the message and its schema. A template other than the four is skipped and counted. Another
   version of the schema goes to the slow path, which refuses it by name: the venue may have changed the meaning of a
   field.
2. Blocks may be longer than the fields known here, in the message and in every entry: the rest is skipped. If a block
   is shorter, or the lengths do not add up to the frame, the whole frame is refused.
3. A number is mantissa × 10^exponent and becomes fixed point at the instrument's decimals, exactly; if it does not fit
   exactly, the frame is refused.

Text frames come on the same connection: acknowledgements, refusals, the farewell. No JSON begins with the two bytes of
the schema's number, so the two kinds cannot be confused. The snapshot of a book is a REST answer, in JSON.
"""

import sys

from libc.stdint cimport int8_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from engine.venues.market cimport BEST, DELTA, MALFORMED, OTHER, PRINT, TOP, Level, Message
from engine.venues.scan cimport SY_POWER, multiply_overflows

cdef enum:
    SCHEMA = 1
    VERSION = 0
    HEADER = 8
    TRADES = 10000
    BEST_BID_ASK = 10001
    DEPTH_SNAPSHOT = 10002
    DEPTH_DIFF = 10003
    TRADES_BLOCK = 18  # event time, transaction time, two exponents
    TRADE_BLOCK = 25  # id, price, size, whether the buyer was the maker
    BEST_BLOCK = 50  # event time, update id, two exponents, four numbers
    SNAPSHOT_BLOCK = 18  # event time, update id, two exponents
    DIFF_BLOCK = 26  # event time, first and last update id, two exponents
    LEVEL_BLOCK = 16  # price, size
    POWER_MAX = 18

SCHEMA_ID, SCHEMA_VERSION = SCHEMA, VERSION
assert sys.byteorder == "little", "the numbers are read as they lie"


def schema_of(bytes frame):
    """The schema's id and version in a frame's header, None when it is too short to have one."""
    cdef const char *data = frame
    return (read_u16(data + 4), read_u16(data + 6)) if len(frame) >= HEADER else None


cdef inline uint16_t read_u16(const char *at) noexcept nogil:
    """Two bytes."""
    cdef uint16_t value
    memcpy(&value, at, sizeof(value))
    return value


cdef inline uint32_t read_u32(const char *at) noexcept nogil:
    """Four bytes."""
    cdef uint32_t value
    memcpy(&value, at, sizeof(value))
    return value


cdef inline int64_t read_i64(const char *at) noexcept nogil:
    """Eight bytes."""
    cdef int64_t value
    memcpy(&value, at, sizeof(value))
    return value


cdef inline bint read_time(const char *at, int64_t *value) noexcept nogil:
    """Microseconds, as far as they are a time of this age, as nanoseconds."""
    cdef int64_t time = read_i64(at)
    value[0] = time * 1000 if 1_000_000_000_000_000LL <= time < 9_000_000_000_000_000LL else 0
    return value[0] != 0


cdef inline Scale scale_of(const char *exponent, int decimals) noexcept nogil:
    """The factor that brings a mantissa with this exponent to this number of decimals."""
    cdef Scale scale
    cdef int shift = <int8_t>exponent[0] + decimals
    scale.factor = 1
    scale.divisor = 1
    if 0 <= shift <= POWER_MAX:
        scale.factor = SY_POWER[shift]
    elif -POWER_MAX <= shift < 0:
        scale.divisor = SY_POWER[-shift]
    else:
        scale.divisor = 0
    return scale


cdef inline bint read_fixed(const char *at, const Scale *scale, int64_t *value) noexcept nogil:
    """A mantissa as fixed point; False when it is negative, does not fit or would lose a digit."""
    cdef int64_t mantissa = read_i64(at)
    if mantissa < 0:
        return False
    if scale.divisor == 1:
        return not multiply_overflows(mantissa, scale.factor, value)
    value[0] = mantissa / scale.divisor if scale.divisor else 0
    return value[0] * scale.divisor == mantissa


cdef inline const char *read_group(const char *at, const char *end, int width, int least, Group *group) noexcept nogil:
    """A group whose count has `width` bytes, and the place after it; NULL when it does not lie inside the frame."""
    if at == NULL or end - at < 2 + width:
        return NULL
    group.block = read_u16(at)
    group.count = read_u16(at + 2) if width == 2 else read_u32(at + 2)
    group.start = at + 2 + width
    if group.block < least or group.count * group.block > end - group.start:
        return NULL
    return group.start + group.count * group.block


cdef class BinanceSbeMarket(BinanceMarket):
    """Spot's binary streams, on a connection whose text frames are JSON."""

    cdef int scan(self, const char *data, Py_ssize_t size) noexcept nogil:
        """Read one frame."""
        cdef Root root
        cdef int template
        if size < HEADER or read_u16(data + 4) != SCHEMA:
            return OTHER if size and data[0] == c'{' else MALFORMED
        if read_u16(data + 6) != VERSION:
            return OTHER
        template = read_u16(data + 2)
        if not TRADES <= template <= DEPTH_DIFF:
            self.unknown += 1
            return OTHER
        root.block = read_u16(data)
        root.start = data + HEADER
        root.end = data + size
        if root.block > root.end - root.start:
            return MALFORMED
        root.rest = root.start + root.block
        self.level_count = 0
        if template == DEPTH_DIFF:
            return self.read_depth_diff(&root)
        if template == BEST_BID_ASK:
            return self.read_best_bid_ask(&root)
        return self.read_trades(&root) if template == TRADES else self.read_depth_snapshot(&root)

    cdef bint name(self, const char *at, const char *end, int *index) noexcept nogil:
        """The listing of the symbol that ends the frame, -1 for one not ours; False when it does not end it."""
        if at == NULL or at >= end or end - at != 1 + <uint8_t>at[0]:
            return False
        index[0] = self.find(at + 1, end - at - 1)
        return True

    cdef int read_trades(self, Root *root) noexcept nogil:
        """Trades between others, one message each."""
        cdef Group group
        cdef Py_ssize_t i
        cdef int index
        cdef const char *at = read_group(root.rest, root.end, 4, TRADE_BLOCK, &group)
        cdef Message *message
        if at == NULL or root.block < TRADES_BLOCK or not self.name(at, root.end, &index):
            return MALFORMED
        for i in range(group.count):
            message = self.add_message(i)
            if message == NULL or not self.read_trade(root, group.start + i * group.block, index, message):
                return MALFORMED
        return <int>group.count

    cdef bint read_trade(self, Root *root, const char *at, int index, Message *message) noexcept nogil:
        """One entry of the group; when the buyer was the maker, the aggressor sold."""
        cdef Scale price, size
        cdef uint8_t maker = <uint8_t>at[24]
        cdef int64_t event_ns
        message.kind = PRINT
        message.index = index
        message.side = -1 if maker else 1
        message.print_id = read_i64(at)
        if maker > 1 or message.print_id < 0 or not read_time(root.start, &event_ns):
            return False
        if not read_time(root.start + 8, &message.venue_ns):
            return False
        if index < 0:
            return True
        price = scale_of(root.start + 16, self.listings[index].price_decimals)
        size = scale_of(root.start + 17, self.listings[index].size_decimals)
        return read_fixed(at + 8, &price, &message.price) and read_fixed(at + 16, &size, &message.size)

    cdef int read_best_bid_ask(self, Root *root) noexcept nogil:
        """The best bid and ask."""
        cdef Message *message = self.add_message(0)
        cdef const char *at = root.start
        cdef Scale price, size
        if root.block < BEST_BLOCK or not self.name(root.rest, root.end, &message.index):
            return MALFORMED
        message.kind = BEST
        message.sequenced = True
        message.first = message.last = read_i64(at + 8)
        if message.last < 0 or not read_time(at, &message.venue_ns):
            return MALFORMED
        if message.index < 0:
            return 1
        price = scale_of(at + 16, self.listings[message.index].price_decimals)
        size = scale_of(at + 17, self.listings[message.index].size_decimals)
        if not (read_fixed(at + 18, &price, &message.bid_price) and read_fixed(at + 26, &size, &message.bid_size)):
            return MALFORMED
        if not (read_fixed(at + 34, &price, &message.ask_price) and read_fixed(at + 42, &size, &message.ask_size)):
            return MALFORMED
        return 1

    cdef int read_depth_diff(self, Root *root) noexcept nogil:
        """A change of the book."""
        cdef Message *message = self.add_message(0)
        if root.block < DIFF_BLOCK or not read_time(root.start, &message.venue_ns):
            return MALFORMED
        message.kind = DELTA
        message.sequenced = True
        message.previous = -1
        message.first = read_i64(root.start + 8)
        message.last = read_i64(root.start + 16)
        if message.first < 0 or message.first > message.last:
            return MALFORMED
        return 1 if self.read_sides(root, root.start + 24, message) else MALFORMED

    cdef int read_depth_snapshot(self, Root *root) noexcept nogil:
        """The best levels of a book: its top is a best bid and ask, the levels are in the arena."""
        cdef Message *message = self.add_message(0)
        if root.block < SNAPSHOT_BLOCK or not read_time(root.start, &message.venue_ns):
            return MALFORMED
        message.kind = TOP
        message.sequenced = True
        message.first = message.last = read_i64(root.start + 8)
        if message.last < 0 or not self.read_sides(root, root.start + 16, message):
            return MALFORMED
        return 1 if self.read_tops(message) else MALFORMED

    cdef bint read_sides(self, Root *root, const char *exponents, Message *message) noexcept nogil:
        """Both groups of levels and the symbol after them."""
        cdef Group bids, asks
        cdef Scale price, size
        cdef const char *at = read_group(root.rest, root.end, 2, LEVEL_BLOCK, &bids)
        at = read_group(at, root.end, 2, LEVEL_BLOCK, &asks)
        if not self.name(at, root.end, &message.index):
            return False
        if message.index < 0:
            return True
        price = scale_of(exponents, self.listings[message.index].price_decimals)
        size = scale_of(exponents + 1, self.listings[message.index].size_decimals)
        return (self.read_side(&bids, &price, &size, &message.bid_start, &message.bid_count)
                and self.read_side(&asks, &price, &size, &message.ask_start, &message.ask_count))

    cdef bint read_side(
        self, Group *group, Scale *price, Scale *size, Py_ssize_t *start, Py_ssize_t *count
    ) noexcept nogil:
        """One group of levels into the arena."""
        cdef const char *at
        cdef Py_ssize_t i
        cdef Level *level
        start[0] = self.level_count
        count[0] = group.count
        for i in range(group.count):
            at = group.start + i * group.block
            level = self.add_level()
            if level == NULL or not read_fixed(at, price, &level.price) or not read_fixed(at + 8, size, &level.size):
                return False
            if level.price == 0:
                return False
        return True

    cdef bint read_tops(self, Message *message) noexcept nogil:
        """Check that the first level of each side is its best, as the venue's documentation promises."""
        if not (self.in_order(message.bid_start, message.bid_count, -1)
                and self.in_order(message.ask_start, message.ask_count, 1)):
            return False
        if message.bid_count:
            message.bid_price = self.levels[message.bid_start].price
            message.bid_size = self.levels[message.bid_start].size
        if message.ask_count:
            message.ask_price = self.levels[message.ask_start].price
            message.ask_size = self.levels[message.ask_start].size
        return True

    cdef bint in_order(self, Py_ssize_t start, Py_ssize_t count, int side) noexcept nogil:
        """Whether prices rise (1) or fall (-1), and no level is empty."""
        cdef Py_ssize_t i
        for i in range(start, start + count):
            if self.levels[i].size == 0:
                return False
            if i > start and side * (self.levels[i].price - self.levels[i - 1].price) <= 0:
                return False
        return True

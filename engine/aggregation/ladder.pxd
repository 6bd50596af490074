"""One venue's top of book, in its group's decimals, and the merge of several: plain structs, no Python object.

A venue's best comes on TICKS and may be newer than its levels, which come on BOOKS: the newest best is on top, and
levels that are not worse than it are removed.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from engine.model.records cimport DEPTH
from engine.model.wide cimport wide_t

cdef enum:
    MEMBERS = 16
    E8 = 100_000_000


cdef struct Half:
    int count
    int64_t[DEPTH] price
    int64_t[DEPTH] size
    bint fits  # the levels, into the group's decimals
    bint best_fits
    bint best_known  # the best was published since the levels' instrument was reset
    int64_t best_price
    int64_t best_size  # 0: this side is empty


cdef struct Ladder:
    int count
    int64_t[DEPTH] price
    int64_t[DEPTH] size
    uint16_t[DEPTH] members


cdef struct Member:
    uint32_t instrument
    int group
    int feed  # the place of the feed that publishes it
    int bit
    int64_t price_scale
    int64_t size_scale
    int64_t fee_e8
    uint8_t state
    bint usable
    uint64_t tick_sequence  # of the newest book read
    uint64_t change_count
    Half bids
    Half asks
    Ladder bid_ladder
    Ladder ask_ladder


cdef struct Walk:
    int64_t size
    int64_t buy_limit
    int64_t sell_limit
    wide_t bought  # notional, without fees
    wide_t sold
    bint limited  # a ladder ended before the edge


cdef inline bint fits(const Half *half) noexcept nogil:
    """Whether a side's numbers fit the group's decimals."""
    return (half.fits or half.count == 0) and (half.best_fits or not half.best_known)


cdef inline void lay_best(const Half *half, int side, Ladder *ladder) noexcept nogil:
    """A venue's side: the newest best on top of the levels that are worse."""
    cdef int i
    ladder.count = 0
    if half.best_known:
        if half.best_size == 0:
            return
        ladder.price[0], ladder.size[0] = half.best_price, half.best_size
        ladder.count = 1
    for i in range(half.count):
        if half.best_known and side * half.price[i] >= side * half.best_price:
            continue
        if ladder.count == DEPTH:
            return
        ladder.price[ladder.count], ladder.size[ladder.count] = half.price[i], half.size[i]
        ladder.count += 1


cdef inline void merge(Ladder **ladders, const int *member, int count, int side, Ladder *into) noexcept nogil:
    """The best levels of several venues, best first; equal prices are one level, with every venue that has it."""
    cdef int[MEMBERS] at
    cdef int i, level
    cdef bint found
    cdef int64_t best
    into.count = 0
    for i in range(count):
        at[i] = 0
    for level in range(DEPTH):
        found, best = False, 0
        for i in range(count):
            if at[i] < ladders[i].count and (not found or side * ladders[i].price[at[i]] > side * best):
                found, best = True, ladders[i].price[at[i]]
        if not found:
            return
        into.price[level], into.size[level], into.members[level] = best, 0, 0
        for i in range(count):
            if at[i] < ladders[i].count and ladders[i].price[at[i]] == best:
                into.size[level] += ladders[i].size[at[i]]
                into.members[level] |= <uint16_t>(1 << member[i])
                at[i] += 1
        into.count = level + 1


cdef inline bint pays(int64_t ask, int64_t bid, int64_t cost_e8, int64_t keep_e8) noexcept nogil:
    """Whether buying at `ask` and selling at `bid` leaves something after both fees."""
    return ask > 0 and <wide_t>bid * keep_e8 > <wide_t>ask * cost_e8


cdef inline Walk walk(const Ladder *asks, const Ladder *bids, int64_t cost_e8, int64_t keep_e8) noexcept nogil:
    """Buy up one ladder and sell down the other, as far as each piece pays."""
    cdef Walk met
    cdef int ask = 0, bid = 0
    cdef int64_t ask_left = asks.size[0], bid_left = bids.size[0], take
    met.size = met.buy_limit = met.sell_limit = 0
    met.bought = met.sold = 0
    met.limited = False
    while pays(asks.price[ask], bids.price[bid], cost_e8, keep_e8):
        take = min(ask_left, bid_left)
        met.size += take
        met.bought += <wide_t>asks.price[ask] * take
        met.sold += <wide_t>bids.price[bid] * take
        met.buy_limit, met.sell_limit = asks.price[ask], bids.price[bid]
        ask_left -= take
        bid_left -= take
        if ask_left == 0:
            ask += 1
            if ask == asks.count:
                met.limited = asks.count == DEPTH
                return met
            ask_left = asks.size[ask]
        if bid_left == 0:
            bid += 1
            if bid == bids.count:
                met.limited = bids.count == DEPTH
                return met
            bid_left = bids.size[bid]
    return met

# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Opportunities: what two members of a group leave after both fees, in each direction, from begin to end.

    two ladders ──▶ walk, as far as each piece pays ──▶ the opportunity ──▶ cell, at each change
                                                              └─ large enough? ──▶ ring: BEGIN, CHANGE, END

BEGIN and END are always published on the ring. Between them prices change a hundred times a second. A CHANGE is
published only if a best price, a limit or the edge differs by at least `change` from the last record, the size by the
given share of it, or the mark of a ladder's end changed. So the last record on the ring is never further than that from
the present figures, which the cell holds exactly.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING
from libc.stdint cimport INT64_MAX, int64_t, uint8_t
from libc.string cimport memcmp, memset

from engine.aggregation.ladder cimport E8, Member, Walk, pays, walk
from engine.model.aggregates cimport GlobalBook, Opportunity
from engine.model.wide cimport high_of, low_of, wide_t
from engine.model.words cimport (
    OPPORTUNITY_BEGIN, OPPORTUNITY_CHANGE, OPPORTUNITY_END, OPPORTUNITY_FLAG_DEPTH_LIMITED, OPPORTUNITY_RESET,
)

from engine.model import aggregates

cdef enum:
    NOWHERE = -1

assert sizeof(Opportunity) == aggregates.OPPORTUNITY.size


cdef inline bint apart(int64_t now, int64_t before, wide_t least) noexcept nogil:
    """Whether two numbers differ by so much, in 10^-8 of one."""
    cdef wide_t between = <wide_t>now - before
    return (between if between > 0 else -between) * E8 >= least


cdef class Opportunities:
    """Those of every ordered pair."""

    def __init__(self, Py_ssize_t pairs, int64_t min_edge_e8, int64_t change_e8, int64_t change_share_e8, ring, cells):
        """So many pairs may have one; the least edge, and the least change of a price and share of a size, in 10^-8."""
        cdef Py_ssize_t i
        self.ring, self.cells, self.cell_count = ring, cells, cells.count
        self.min_edge_e8, self.change_e8, self.change_share_e8 = min_edge_e8, change_e8, change_share_e8
        self.published_storage = bytearray(max(1, pairs) * sizeof(Opportunity))
        self.last_published = <Opportunity *>PyByteArray_AS_STRING(self.published_storage)
        self.current_storage = bytearray(max(1, pairs) * sizeof(Opportunity))
        self.current = <Opportunity *>PyByteArray_AS_STRING(self.current_storage)
        self.record_storage = bytearray(sizeof(Opportunity))
        self.record = <Opportunity *>PyByteArray_AS_STRING(self.record_storage)
        self.view = memoryview(self.record_storage)
        self.place_storage = bytearray(max(1, pairs) * sizeof(int))
        self.place = <int *>PyByteArray_AS_STRING(self.place_storage)
        self.taken_storage = bytearray(self.cell_count)
        self.taken = <uint8_t *>PyByteArray_AS_STRING(self.taken_storage)
        for i in range(pairs):
            self.place[i] = NOWHERE

    def reset(self, int64_t now_ns):
        """Begin a life: end the opportunities of an earlier life, on the ring and in the cells."""
        memset(self.record, 0, sizeof(Opportunity))
        self.record.kind, self.record.publish_ns = OPPORTUNITY_RESET, now_ns
        self.record.opportunity_id = self.ring.cursor
        self.ring.publish_bytes(self.view)
        for index in range(self.cell_count):
            row = self.cells.read(index)
            if row is not None and row.kind in (OPPORTUNITY_BEGIN, OPPORTUNITY_CHANGE):
                self.cells.write_bytes(index, self.view)

    cdef int weigh(self, Py_ssize_t pair, const Member *buy, const Member *sell, const GlobalBook *book,
                   int64_t now_ns) except -1:
        """One ordered pair: begin, change or end its opportunity."""
        cdef int64_t cost_e8 = E8 + buy.fee_e8, keep_e8 = E8 - sell.fee_e8
        cdef bint there = buy.usable and sell.usable and buy.ask_ladder.count > 0 and sell.bid_ladder.count > 0
        if there and pays(buy.ask_ladder.price[0], sell.bid_ladder.price[0], cost_e8 + self.min_edge_e8, keep_e8):
            return self.see(pair, buy, sell, book, now_ns)
        if self.last_published[pair].kind:
            self.last_published[pair].kind = 0
            label(&self.current[pair], book, now_ns)
            self.publish(&self.current[pair], OPPORTUNITY_END)
            self.write_cell(pair, &self.current[pair], OPPORTUNITY_END)
        return 0

    cdef int see(self, Py_ssize_t pair, const Member *buy, const Member *sell, const GlobalBook *book,
                 int64_t now_ns) except -1:
        """An opportunity exists: write its cell if it changed, publish it if the change is large enough."""
        cdef Opportunity *before = &self.last_published[pair]
        cdef Opportunity *one = &self.current[pair]
        cdef Opportunity previous = one[0]
        if not before.kind:
            memset(one, 0, sizeof(Opportunity))
            one.opportunity_id, one.begin_ns = self.ring.cursor, now_ns
            one.group, one.buy_instrument, one.sell_instrument = book.group, buy.instrument, sell.instrument
            one.price_decimals, one.size_decimals = book.price_decimals, book.size_decimals
        self.figure(one, buy, sell)
        if before.kind and memcmp(&one.buy_price, &previous.buy_price, 12 * sizeof(int64_t)) == 0 \
                and one.flags == previous.flags:
            return 0
        label(one, book, now_ns)
        if not before.kind:
            self.publish(one, OPPORTUNITY_BEGIN)
        elif self.matters(one, before):
            self.publish(one, OPPORTUNITY_CHANGE)
        else:
            return self.write_cell(pair, one, OPPORTUNITY_CHANGE)
        self.write_cell(pair, one, OPPORTUNITY_CHANGE if before.kind else OPPORTUNITY_BEGIN)
        before[0] = one[0]
        before.kind = OPPORTUNITY_BEGIN
        return 0

    cdef bint matters(self, const Opportunity *one, const Opportunity *before) noexcept nogil:
        """Whether the figures differ from the last published ones by more than the configuration allows."""
        return (one.flags != before.flags
                or apart(one.edge_e8, before.edge_e8, <wide_t>self.change_e8 * E8)
                or apart(one.size, before.size, <wide_t>self.change_share_e8 * before.size)
                or apart(one.buy_price, before.buy_price, <wide_t>self.change_e8 * before.buy_price)
                or apart(one.sell_price, before.sell_price, <wide_t>self.change_e8 * before.sell_price)
                or apart(one.buy_limit, before.buy_limit, <wide_t>self.change_e8 * before.buy_limit)
                or apart(one.sell_limit, before.sell_limit, <wide_t>self.change_e8 * before.sell_limit))

    cdef int publish(self, const Opportunity *one, int kind) except -1:
        """On the ring."""
        self.record[0] = one[0]
        self.record.kind = kind
        self.ring.publish_bytes(self.view)
        self.published += 1
        return 0

    cdef int write_cell(self, Py_ssize_t pair, const Opportunity *one, int kind) except -1:
        """In the pair's cell, which it has from its begin to its end, if one was free."""
        if kind == OPPORTUNITY_BEGIN:
            self.place[pair] = self.free_cell()
            self.unshown += self.place[pair] == NOWHERE
        if self.place[pair] == NOWHERE:
            return 0
        self.record[0] = one[0]
        self.record.kind = kind
        self.cells.write_bytes(self.place[pair], self.view)
        if kind == OPPORTUNITY_END:
            self.taken[self.place[pair]] = 0
            self.place[pair] = NOWHERE
        return 0

    cdef int free_cell(self) noexcept nogil:
        """Reserve the first free cell; NOWHERE when every cell has a pair."""
        cdef Py_ssize_t i
        for i in range(self.cell_count):
            if not self.taken[i]:
                self.taken[i] = 1
                return <int>i
        return NOWHERE

    cdef void figure(self, Opportunity *one, const Member *buy, const Member *sell) noexcept nogil:
        """Prices, edge, size and profit of buying here and selling there."""
        cdef int64_t cost_e8 = E8 + buy.fee_e8, keep_e8 = E8 - sell.fee_e8
        cdef int64_t ask = buy.ask_ladder.price[0], bid = sell.bid_ladder.price[0]
        cdef Walk met = walk(&buy.ask_ladder, &sell.bid_ladder, cost_e8 + self.min_edge_e8, keep_e8)
        cdef wide_t profit = met.sold * keep_e8 - met.bought * cost_e8
        cdef wide_t edge = (<wide_t>bid * keep_e8 - <wide_t>ask * cost_e8) // ask
        one.flags = OPPORTUNITY_FLAG_DEPTH_LIMITED if met.limited else 0
        one.buy_price, one.sell_price = ask, bid
        one.edge_e8 = <int64_t>edge if edge < INT64_MAX else INT64_MAX
        one.size, one.buy_limit, one.sell_limit = met.size, met.buy_limit, met.sell_limit
        one.buy_notional_high, one.buy_notional_low = high_of(met.bought), low_of(met.bought)
        one.sell_notional_high, one.sell_notional_low = high_of(met.sold), low_of(met.sold)
        one.profit_high, one.profit_low = high_of(profit), low_of(profit)


cdef inline void label(Opportunity *one, const GlobalBook *book, int64_t now_ns) noexcept nogil:
    """When it was concluded, and from what."""
    one.receive_ns, one.tick_sequence, one.publish_ns = book.receive_ns, book.tick_sequence, now_ns

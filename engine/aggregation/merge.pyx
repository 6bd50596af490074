# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""All venues together: the global book of each group, and what two venues' prices leave after fees.

    TICKS  best, state ─┐                        ┌─▶ global book: ring and cell, when something in it changed
                        ├─▶ member's two ladders ─┤
    BOOKS  ten levels ──┘   (the group's decimals)└─▶ opportunities of its pairs: BEGIN, CHANGE, END

1. The two lanes are one order: a BOOK_TOP says which TICKS stand before it. That order is the order of receipt, for one
   feed writes both; nothing is sorted anew, and what was heard already is known by (tick sequence, change count).
2. Nothing is concluded before an event's last record; a book that ends the event is taken with it.
3. Only members that are GOOD, of a venue that has spoken within the limit, and whose numbers fit are put together.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING
from libc.math cimport NAN
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memset

from engine.aggregation.ladder cimport E8, MEMBERS, Half, Ladder, Walk, fits, lay_best, merge, pays, walk, wide_t
from engine.book.measures cimport imbalance_of, spread_bps_of
from engine.model.aggregates cimport GlobalBook, Opportunity
from engine.model.records cimport DEPTH, Tick, Top

from engine.model import aggregates, records, words

cdef enum:
    TICK_BEST = 1
    TICK_PRINT = 3
    TICK_STATE = 4
    LAST = 1
    RESET_FLAG = 2
    EMPTY = 0
    GOOD = 1
    RESYNCING = 3
    CROSSED = 5
    BEGIN = 1
    CHANGE = 2
    END = 3
    RESET = 4
    DEPTH_LIMITED = 1

cdef struct Member:
    uint32_t instrument
    int group
    int bit
    int venue
    int64_t price_scale
    int64_t size_scale
    int64_t fee_e8
    uint8_t state
    bint usable
    uint64_t tick_sequence  # of the newest book heard
    uint64_t change_count
    Half bids
    Half asks
    Ladder bid_ladder
    Ladder ask_ladder

cdef struct Group:
    uint32_t id
    int first  # its members lie in a row
    int count
    Py_ssize_t pairs  # where its ordered pairs begin: buyer * count + seller
    GlobalBook book

assert sizeof(Tick) == records.TICK.size
assert sizeof(Top) == records.BOOK_TOP.size
assert sizeof(GlobalBook) == aggregates.GLOBAL_BOOK.size
assert sizeof(Opportunity) == aggregates.OPPORTUNITY.size
assert (records.BOOK_DEPTH, aggregates.GROUP_MEMBERS) == (DEPTH, MEMBERS)
assert (words.TickKind.BEST, words.TickKind.PRINT, words.TickKind.STATE) == (TICK_BEST, TICK_PRINT, TICK_STATE)
assert (words.Flag.LAST, words.Flag.RESET) == (LAST, RESET_FLAG)
assert (words.BookState.EMPTY, words.BookState.GOOD, words.BookState.RESYNCING, words.BookState.CROSSED) == (
    EMPTY, GOOD, RESYNCING, CROSSED)
assert [int(kind) for kind in words.OpportunityKind] == [BEGIN, CHANGE, END, RESET]
assert words.OpportunityFlag.DEPTH_LIMITED == DEPTH_LIMITED


cdef inline bint is_alive(int state) noexcept nogil:
    """Whether a state is the venue's word, and not the feed's word on its silence."""
    return state == GOOD or state == CROSSED


cdef class Merge:
    """Every group, and the members of all of them."""

    cdef readonly uint64_t books_told, opportunities_told, duplicates, unfit
    cdef object global_ring, global_cells, opportunity_ring
    cdef object member_storage, group_storage, pair_storage, book_storage, opportunity_storage
    cdef object book_view, opportunity_view
    cdef Member *members
    cdef Group *groups
    cdef Opportunity *pairs  # kind 0: none is open
    cdef GlobalBook *book
    cdef Opportunity *told
    cdef int member_count, group_count, venue_count
    cdef int64_t[256] news_ns  # of each venue
    cdef bint[256] fresh
    cdef int64_t stale_ns, min_edge_e8
    cdef int64_t now_ns
    cdef bint telling
    cdef int[4096] sorted_place
    cdef uint32_t[4096] sorted_instrument

    def __init__(self, groups, int64_t stale_ns, int64_t min_edge_e8, global_ring, global_cells, opportunity_ring):
        """`groups`: (id, price decimals, size decimals, members), a member being (instrument, venue's number, price
        scale, size scale, taker's fee in 10^-8)."""
        self.global_ring, self.global_cells, self.opportunity_ring = global_ring, global_cells, opportunity_ring
        self.stale_ns, self.min_edge_e8 = stale_ns, min_edge_e8
        counts = [len(members) for _, _, _, members in groups]
        if max(counts, default=0) > MEMBERS or sum(counts) > 4096:
            raise ValueError(f"a group may have {MEMBERS} members and all together 4096, they had {counts}")
        self.member_storage = bytearray(max(1, sum(counts)) * sizeof(Member))
        self.members = <Member *>PyByteArray_AS_STRING(self.member_storage)
        self.group_storage = bytearray(max(1, len(counts)) * sizeof(Group))
        self.groups = <Group *>PyByteArray_AS_STRING(self.group_storage)
        self.pair_storage = bytearray(max(1, sum([one * one for one in counts])) * sizeof(Opportunity))
        self.pairs = <Opportunity *>PyByteArray_AS_STRING(self.pair_storage)
        self.book_storage, self.opportunity_storage = bytearray(sizeof(GlobalBook)), bytearray(sizeof(Opportunity))
        self.book = <GlobalBook *>PyByteArray_AS_STRING(self.book_storage)
        self.told = <Opportunity *>PyByteArray_AS_STRING(self.opportunity_storage)
        self.book_view, self.opportunity_view = memoryview(self.book_storage), memoryview(self.opportunity_storage)
        for number, price_decimals, size_decimals, members in groups:
            self.add_group(number, price_decimals, size_decimals, members)
        self.sort()

    cdef int add_group(self, uint32_t number, int price_decimals, int size_decimals, members) except -1:
        """Place a group's members in a row behind those before."""
        cdef Group *group = &self.groups[self.group_count]
        group.id, group.first, group.count = number, self.member_count, len(members)
        if self.group_count:
            group.pairs = self.groups[self.group_count - 1].pairs + self.groups[self.group_count - 1].count ** 2
        group.book.group, group.book.price_decimals, group.book.size_decimals = number, price_decimals, size_decimals
        group.book.flags = LAST
        for bit, (instrument, venue, price_scale, size_scale, fee_e8) in enumerate(members):
            self.add_member(bit, instrument, venue, price_scale, size_scale, fee_e8)
        self.group_count += 1
        return 0

    cdef int add_member(self, int bit, uint32_t instrument, int venue, int64_t price_scale, int64_t size_scale,
                        int64_t fee_e8) except -1:
        """Place one member of the group that is being made."""
        cdef Member *member = &self.members[self.member_count]
        if not 0 <= venue < 256:
            raise ValueError(f"venues are numbered from 0 to 255, was {venue}")
        member.instrument, member.group, member.bit, member.venue = instrument, self.group_count, bit, venue
        member.price_scale, member.size_scale, member.fee_e8 = price_scale, size_scale, fee_e8
        self.venue_count = max(self.venue_count, venue + 1)
        self.member_count += 1
        return 0

    cdef void sort(self):
        """Members by instrument id, to be found by halving."""
        cdef int i
        order = sorted([(self.members[i].instrument, i) for i in range(self.member_count)])
        for i in range(self.member_count):
            self.sorted_instrument[i], self.sorted_place[i] = order[i]

    cdef Member *find(self, uint32_t instrument) noexcept nogil:
        """The member of this id, or NULL."""
        cdef int low = 0, high = self.member_count, middle
        while low < high:
            middle = (low + high) >> 1
            if self.sorted_instrument[middle] < instrument:
                low = middle + 1
            else:
                high = middle
        if low < self.member_count and self.sorted_instrument[low] == instrument:
            return &self.members[self.sorted_place[low]]
        return NULL

    def forget(self):
        """Nothing is known of any book until it is heard again, and nothing is told until `tell`."""
        cdef int i
        self.telling = False
        for i in range(self.member_count):
            self.forget_member(&self.members[i], EMPTY)
            self.members[i].tick_sequence = self.members[i].change_count = 0

    def tell(self, int64_t now_ns):
        """What was heard reaches to this moment: tell all of it, and go on telling what changes."""
        self.age(now_ns)
        self.telling = True
        self.weigh_all()

    def reset(self, int64_t now_ns):
        """A life begins: whatever opportunity an earlier one began is over."""
        memset(self.told, 0, sizeof(Opportunity))
        self.told.kind, self.told.publish_ns, self.told.opportunity_id = RESET, now_ns, self.opportunity_ring.cursor
        self.opportunity_ring.publish_bytes(self.opportunity_view)

    def take(self, const uint8_t[::1] ticks, uint64_t first_sequence, const uint8_t[::1] books, bint whole,
             int64_t now_ns):
        """Hear a batch of both lanes in their common order; how many books were heard, the others lie behind it.

        `whole`: these are all the ticks there are, so that no book can lie behind them.
        """
        cdef Py_ssize_t i, tick_count = ticks.shape[0] // <Py_ssize_t>sizeof(Tick)
        cdef Py_ssize_t heard = 0, book_count = books.shape[0] // <Py_ssize_t>sizeof(Top)
        cdef const Top *top = <const Top *>&books[0] if book_count else NULL
        cdef const Tick *tick
        cdef uint64_t sequence = first_sequence
        cdef bint ended
        self.now_ns = now_ns
        for i in range(tick_count):
            while heard < book_count and top[heard].tick_sequence <= sequence:
                self.take_book(&top[heard])
                heard += 1
            tick = <const Tick *>&ticks[i * sizeof(Tick)]
            sequence += 1
            ended = not (heard < book_count and top[heard].tick_sequence == sequence
                         and top[heard].instrument == tick.instrument)
            self.take_tick(tick, sequence, ended)
        while heard < book_count and (whole or top[heard].tick_sequence <= sequence):
            self.take_book(&top[heard])
            heard += 1
        return heard

    cdef int take_tick(self, const Tick *tick, uint64_t sequence, bint ended) except -1:
        """One change; `ended` unless the book of its event is at hand."""
        cdef Member *member = self.find(tick.instrument)
        if member == NULL:
            return 0
        if tick.flags & RESET_FLAG:
            self.forget_member(member, RESYNCING)
        if tick.kind == TICK_BEST:
            self.take_best(member, tick)
        elif tick.kind == TICK_STATE:
            member.state = <uint8_t>tick.detail
        if tick.kind != TICK_STATE or is_alive(<int>tick.detail):
            self.news_ns[member.venue] = max(self.news_ns[member.venue], tick.receive_ns)
        if ended and tick.flags & LAST and tick.kind != TICK_PRINT:
            self.heard(member, tick.receive_ns, sequence)
        return 0

    cdef void take_best(self, Member *member, const Tick *tick) noexcept nogil:
        """The best of one side."""
        cdef Half *half = &member.bids if tick.side > 0 else &member.asks
        half.best_known = True
        half.best_fits = self.scale(member, tick.price, tick.size, &half.best_price, &half.best_size)

    cdef bint scale(self, const Member *member, int64_t price, int64_t size, int64_t *to_price,
                    int64_t *to_size) noexcept nogil:
        """A level in the group's decimals; False when it does not fit: then its side cannot be used."""
        cdef wide_t wide_price = <wide_t>price * member.price_scale
        cdef wide_t wide_size = <wide_t>size * member.size_scale
        if (wide_price > INT64_MAX or wide_price < -INT64_MAX or wide_size > INT64_MAX // MEMBERS
                or (wide_price * wide_size) >> 96 > 0):
            self.unfit += 1
            to_price[0] = to_size[0] = 0
            return False
        to_price[0], to_size[0] = <int64_t>wide_price, <int64_t>wide_size
        return True

    cdef int take_book(self, const Top *top) except -1:
        """The ten best levels of one book."""
        cdef Member *member = self.find(top.instrument)
        if member == NULL:
            return 0
        if top.tick_sequence < member.tick_sequence or (
                top.tick_sequence == member.tick_sequence and top.change_count <= member.change_count):
            self.duplicates += 1
            return self.heard(member, top.receive_ns, top.tick_sequence)
        member.tick_sequence, member.change_count, member.state = top.tick_sequence, top.change_count, top.state
        self.take_half(member, &member.bids, top.bid_price, top.bid_size, top.bids)
        self.take_half(member, &member.asks, top.ask_price, top.ask_size, top.asks)
        if is_alive(top.state):
            self.news_ns[member.venue] = max(self.news_ns[member.venue], top.receive_ns)
        return self.heard(member, top.receive_ns, top.tick_sequence)

    def take_cell(self, const uint8_t[::1] top):
        """A book's newest top as its cell shows it: the ring may have forgotten it."""
        self.take_book(<const Top *>&top[0])

    cdef void take_half(self, Member *member, Half *half, const int64_t *price, const int64_t *size,
                        int count) noexcept nogil:
        """One side's levels."""
        cdef int i
        half.count, half.fits = min(count, DEPTH), True
        for i in range(half.count):
            half.fits = self.scale(member, price[i], size[i], &half.price[i], &half.size[i]) and half.fits

    cdef void forget_member(self, Member *member, int state) noexcept nogil:
        """Its book is to be told anew; the newest book heard stays known, so that none is heard twice."""
        member.state = state
        memset(&member.bids, 0, sizeof(Half))
        memset(&member.asks, 0, sizeof(Half))

    cdef int heard(self, Member *member, int64_t receive_ns, uint64_t sequence) except -1:
        """An event of one member is whole: put its group together anew."""
        cdef Group *group = &self.groups[member.group]
        group.book.receive_ns = max(group.book.receive_ns, receive_ns)
        group.book.tick_sequence = max(group.book.tick_sequence, sequence)
        if not self.telling:
            return 0
        self.lay(member)
        self.put_together(group)
        return self.weigh(group, member.bit)

    cdef void lay(self, Member *member) noexcept nogil:
        """A member's ladders and whether they may be used, from what was heard."""
        member.usable = (member.state == GOOD and self.fresh[member.venue]
                         and fits(&member.bids) and fits(&member.asks))
        lay_best(&member.bids, 1, &member.bid_ladder)
        lay_best(&member.asks, -1, &member.ask_ladder)

    def age(self, int64_t now_ns):
        """Leave out venues that were silent for too long, take back those that speak; whether any changed."""
        cdef int venue
        cdef bint changed = False, is_fresh
        self.now_ns = now_ns
        for venue in range(self.venue_count):
            is_fresh = self.news_ns[venue] > 0 and now_ns - self.news_ns[venue] <= self.stale_ns
            changed |= is_fresh != self.fresh[venue]
            self.fresh[venue] = is_fresh
        if changed and self.telling:
            self.weigh_all()
        return changed

    cdef int weigh_all(self) except -1:
        """Every group anew."""
        cdef int i
        for i in range(self.member_count):
            self.lay(&self.members[i])
        for i in range(self.group_count):
            self.put_together(&self.groups[i])
        for i in range(self.member_count):
            self.weigh(&self.groups[self.members[i].group], self.members[i].bit)
        return 0

    cdef int put_together(self, Group *group) except -1:
        """A group's global book; told when something in it changed."""
        cdef GlobalBook *book = self.book
        cdef Ladder[2] both
        book[0] = group.book
        book.included = self.merge_side(group, 1, &both[0])
        self.merge_side(group, -1, &both[1])
        book.bids = spread_out(&both[0], book.bid_price, book.bid_size, book.bid_members)
        book.asks = spread_out(&both[1], book.ask_price, book.ask_size, book.ask_members)
        if book.bids == 0 or book.asks == 0:
            book.state, book.spread_bps = EMPTY, NAN
        else:
            book.state = CROSSED if book.bid_price[0] >= book.ask_price[0] else GOOD
            book.spread_bps = spread_bps_of(book.bid_price[0], book.ask_price[0])
        book.imbalance = imbalance_of(book.bid_size, book.bids, book.ask_size, book.asks)
        if group.book.change_count and memcmp(&book.group, &group.book.group,
                                              sizeof(GlobalBook) - 4 * sizeof(int64_t)) == 0:
            return 0
        book.change_count += 1
        book.publish_ns = self.now_ns
        group.book = book[0]
        self.global_ring.publish_bytes(self.book_view)
        self.global_cells.write_bytes(group - self.groups, self.book_view)
        self.books_told += 1
        return 0

    cdef uint16_t merge_side(self, Group *group, int side, Ladder *into) noexcept nogil:
        """One side of all usable members; the mask of those."""
        cdef Ladder *ladders[MEMBERS]
        cdef int[MEMBERS] bits
        cdef int count = 0, i
        cdef uint16_t mask = 0
        cdef Member *member
        for i in range(group.count):
            member = &self.members[group.first + i]
            if member.usable:
                ladders[count] = &member.bid_ladder if side > 0 else &member.ask_ladder
                bits[count] = i
                mask |= <uint16_t>(1 << i)
                count += 1
        merge(ladders, bits, count, side, into)
        return mask

    cdef int weigh(self, Group *group, int bit) except -1:
        """What one member leaves with each other, bought here and sold there, and the other way."""
        cdef int other
        for other in range(group.count):
            if other != bit:
                self.weigh_pair(group, bit, other)
                self.weigh_pair(group, other, bit)
        return 0

    cdef int weigh_pair(self, Group *group, int buyer, int seller) except -1:
        """One ordered pair: begin, change or end its opportunity."""
        cdef Member *buy = &self.members[group.first + buyer]
        cdef Member *sell = &self.members[group.first + seller]
        cdef Opportunity *held = &self.pairs[group.pairs + buyer * group.count + seller]
        cdef int64_t cost_e8 = E8 + buy.fee_e8, keep_e8 = E8 - sell.fee_e8
        cdef bint there = buy.usable and sell.usable and buy.ask_ladder.count > 0 and sell.bid_ladder.count > 0
        if there and pays(buy.ask_ladder.price[0], sell.bid_ladder.price[0], cost_e8 + self.min_edge_e8, keep_e8):
            return self.see(group, buy, sell, held)
        if held.kind:
            self.told[0] = held[0]
            held.kind = 0
            return self.tell_opportunity(group, END)
        return 0

    cdef int see(self, Group *group, Member *buy, Member *sell, Opportunity *held) except -1:
        """An opportunity is there: tell it if it is another than before."""
        cdef Opportunity *told = self.told
        told[0] = held[0]
        if not held.kind:
            memset(told, 0, sizeof(Opportunity))
            told.opportunity_id, told.begin_ns = self.opportunity_ring.cursor, self.now_ns
            told.buy_instrument, told.sell_instrument = buy.instrument, sell.instrument
        told.group, told.price_decimals, told.size_decimals = (
            group.id, group.book.price_decimals, group.book.size_decimals)
        self.figure(told, buy, sell)
        if held.kind and memcmp(&told.group, &held.group, sizeof(Opportunity) - 5 * sizeof(int64_t)) == 0:
            return 0
        self.tell_opportunity(group, CHANGE if held.kind else BEGIN)
        held[0] = told[0]
        return 0

    cdef void figure(self, Opportunity *told, Member *buy, Member *sell) noexcept nogil:
        """Prices, edge, size and profit of buying here and selling there."""
        cdef int64_t cost_e8 = E8 + buy.fee_e8, keep_e8 = E8 - sell.fee_e8
        cdef int64_t ask = buy.ask_ladder.price[0], bid = sell.bid_ladder.price[0]
        cdef Walk met = walk(&buy.ask_ladder, &sell.bid_ladder, cost_e8 + self.min_edge_e8, keep_e8)
        cdef wide_t profit = met.sold * keep_e8 - met.bought * cost_e8
        cdef wide_t edge = (<wide_t>bid * keep_e8 - <wide_t>ask * cost_e8) // ask
        told.flags = DEPTH_LIMITED if met.limited else 0
        told.buy_price, told.sell_price = ask, bid
        told.edge_e8 = <int64_t>edge if edge < INT64_MAX else INT64_MAX
        told.size, told.buy_limit, told.sell_limit = met.size, met.buy_limit, met.sell_limit
        told.buy_notional_high, told.buy_notional_low = <int64_t>(met.bought >> 64), <uint64_t>met.bought
        told.sell_notional_high, told.sell_notional_low = <int64_t>(met.sold >> 64), <uint64_t>met.sold
        told.profit_high, told.profit_low = <int64_t>(profit >> 64), <uint64_t>profit

    cdef int tell_opportunity(self, Group *group, int kind) except -1:
        """Publish what stands in `told`."""
        self.told.kind = kind
        self.told.receive_ns, self.told.tick_sequence = group.book.receive_ns, group.book.tick_sequence
        self.told.publish_ns = self.now_ns
        self.opportunity_ring.publish_bytes(self.opportunity_view)
        self.opportunities_told += 1
        return 0


cdef inline uint8_t spread_out(const Ladder *ladder, int64_t *price, int64_t *size, uint16_t *members) noexcept nogil:
    """A ladder into a record's columns, zeros behind it; how many levels it has."""
    cdef int i
    for i in range(DEPTH):
        if i < ladder.count:
            price[i], size[i], members[i] = ladder.price[i], ladder.size[i], ladder.members[i]
        else:
            price[i] = size[i] = members[i] = 0
    return <uint8_t>ladder.count

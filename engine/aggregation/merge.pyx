# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""All venues together: the global book of each group, and the ladders of its members.

    TICKS  best, state ─┐                        ┌─▶ global book: ring and cell, when something in it changed
                        ├─▶ member's two ladders ─┤
    BOOKS  ten levels ──┘   (the group's decimals)└─▶ opportunities of its pairs

1. The two lanes of a feed have one order: each BOOK_TOP has the sequence of the TICKS before it. One feed writes both,
   so this is the order of receipt. Nothing is sorted; a repeated book is found by (tick sequence, change count).
2. A group is updated at an event's last record only, together with the book that ends the event.
3. Only members that are GOOD and whose numbers fit are merged, and only while their feed is alive and its records are
   read soon after it wrote them. A price that does not change is valid until the feed publishes STALE or DISCONNECTED.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING
from libc.math cimport NAN
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memset

from engine.aggregation.ladder cimport MEMBERS, Half, Ladder, Member, fits, lay_best, merge
from engine.aggregation.opportunities cimport Opportunities
from engine.book.measures cimport imbalance_of, spread_bps_of
from engine.model.aggregates cimport GlobalBook
from engine.model.records cimport DEPTH, Tick, Top
from engine.model.wide cimport wide_t
from engine.model.words cimport (
    BOOK_CROSSED, BOOK_EMPTY, BOOK_GOOD, BOOK_RESYNCING, FLAG_LAST, FLAG_RESET, TICK_BEST, TICK_PRINT, TICK_STATE,
)

from engine.model import aggregates, records

cdef enum:
    FEEDS = 64

cdef struct Group:
    uint32_t id
    int feed  # whose event changed it last
    int first  # its members are contiguous
    int count
    bint weighed  # whether its pairs can leave something
    Py_ssize_t pairs  # where its ordered pairs begin: buyer * count + seller
    GlobalBook book

assert sizeof(Tick) == records.TICK.size
assert sizeof(Top) == records.BOOK_TOP.size
assert sizeof(GlobalBook) == aggregates.GLOBAL_BOOK.size
assert (records.BOOK_DEPTH, aggregates.GROUP_MEMBERS) == (DEPTH, MEMBERS)


cdef class Merge:
    """Every group, and the members of all of them."""

    cdef readonly uint64_t books_told, duplicates, unfit
    cdef object global_ring, global_cells
    cdef object member_storage, group_storage, book_storage, book_view
    cdef Opportunities opportunities
    cdef Member *members
    cdef Group *groups
    cdef GlobalBook *book
    cdef int member_count, group_count
    cdef int64_t stale_ns, now_ns
    cdef bint[FEEDS] is_late  # a record of the feed was read too late: publish no book of it until all are read
    cdef bint[FEEDS] fresh  # the feed beats, and its records were read in time
    cdef bint publishing
    cdef int[4096] sorted_place
    cdef uint32_t[4096] sorted_instrument
    cdef uint64_t at_sequence  # of the record that is being applied: a tick's, or a book's `tick_sequence`
    cdef uint32_t at_instrument  # 0: none is
    cdef bint at_book

    def __init__(self, groups, int64_t stale_ns, global_ring, global_cells, Opportunities opportunities, feeds=None):
        """`groups`: (id, price decimals, size decimals, whether its pairs are weighed, members), a member being
        (instrument, price scale, size scale, taker's fee in 10^-8); `feeds`: the place of each instrument's feed."""
        self.global_ring, self.global_cells, self.opportunities = global_ring, global_cells, opportunities
        self.stale_ns = stale_ns
        counts = [len(members) for *_, members in groups]
        if max(counts, default=0) > MEMBERS or sum(counts) > 4096:
            raise ValueError(f"a group may have {MEMBERS} members and all together 4096, they had {counts}")
        self.member_storage = bytearray(max(1, sum(counts)) * sizeof(Member))
        self.members = <Member *>PyByteArray_AS_STRING(self.member_storage)
        self.group_storage = bytearray(max(1, len(counts)) * sizeof(Group))
        self.groups = <Group *>PyByteArray_AS_STRING(self.group_storage)
        self.book_storage = bytearray(sizeof(GlobalBook))
        self.book = <GlobalBook *>PyByteArray_AS_STRING(self.book_storage)
        self.book_view = memoryview(self.book_storage)
        for number, price_decimals, size_decimals, weighed, members in groups:
            self.add_group(number, price_decimals, size_decimals, weighed, members)
        self.set_feeds(feeds or {})
        self.sort()

    @property
    def late(self):
        """Whether records of a feed were read too late, so that nothing of it is published until all are read."""
        return any(self.is_late[feed] for feed in range(FEEDS))

    cdef int set_feeds(self, feeds) except -1:
        """Set the feed of every member."""
        cdef int i
        if max(feeds.values(), default=0) >= FEEDS:
            raise ValueError(f"the aggregation reads {FEEDS} feeds at most, was {max(feeds.values()) + 1}")
        for i in range(self.member_count):
            self.members[i].feed = feeds.get(self.members[i].instrument, 0)
        return 0

    cdef int add_group(self, uint32_t number, int price_decimals, int size_decimals, bint weighed, members) except -1:
        """Place a group's members after those of the groups before."""
        cdef Group *group = &self.groups[self.group_count]
        group.id, group.first, group.count, group.weighed = number, self.member_count, len(members), weighed
        if self.group_count:
            group.pairs = self.groups[self.group_count - 1].pairs + self.groups[self.group_count - 1].count ** 2
        group.book.group, group.book.price_decimals, group.book.size_decimals = number, price_decimals, size_decimals
        group.book.flags = FLAG_LAST
        for bit, (instrument, price_scale, size_scale, fee_e8) in enumerate(members):
            self.add_member(bit, instrument, price_scale, size_scale, fee_e8)
        self.group_count += 1
        return 0

    cdef int add_member(self, int bit, uint32_t instrument, int64_t price_scale, int64_t size_scale,
                        int64_t fee_e8) except -1:
        """Place one member of the last group."""
        cdef Member *member = &self.members[self.member_count]
        member.instrument, member.group, member.bit = instrument, self.group_count, bit
        member.price_scale, member.size_scale, member.fee_e8 = price_scale, size_scale, fee_e8
        self.member_count += 1
        return 0

    cdef void sort(self):
        """Sort the members by instrument id, for a binary search."""
        cdef int i
        order = sorted([(self.members[i].instrument, i) for i in range(self.member_count)])
        for i in range(self.member_count):
            self.sorted_instrument[i], self.sorted_place[i] = order[i]

    cdef Member *find(self, uint32_t instrument) noexcept nogil:
        """Return the member of this id, or NULL."""
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
        """Forget every book, and publish nothing until `publish_all`."""
        cdef int i
        self.publishing = False
        memset(self.is_late, 0, sizeof(self.is_late))
        for i in range(self.member_count):
            self.forget_member(&self.members[i], BOOK_EMPTY)
            self.members[i].tick_sequence = self.members[i].change_count = 0

    def publish_all(self, int64_t now_ns):
        """Publish every group as it is now, and each change from now on; `age` comes before."""
        self.now_ns = now_ns
        self.publishing = True
        self.weigh_all()

    def void(self, int64_t now_ns):
        """Begin a life: publish an empty book for every group, and for each place that has no group any more."""
        cdef Py_ssize_t i
        for i in range(self.global_cells.count):
            if i < self.group_count:
                self.book[0] = self.groups[i].book
            else:
                memset(self.book, 0, sizeof(GlobalBook))
            self.book.publish_ns, self.book.spread_bps, self.book.imbalance = now_ns, NAN, NAN
            if i < self.group_count or self.global_cells.read(i) is not None:
                self.global_cells.write_bytes(i, self.book_view)

    def apply(self, const uint8_t[::1] ticks, uint64_t first_sequence, const uint8_t[::1] books, bint whole,
              int64_t now_ns):
        """Apply a batch of a feed's two lanes in their order; return how many books were applied; others come later.

        `whole`: these are all published ticks, so no book can follow later ones.
        """
        cdef Py_ssize_t i, tick_count = ticks.shape[0] // <Py_ssize_t>sizeof(Tick)
        cdef Py_ssize_t applied = 0, book_count = books.shape[0] // <Py_ssize_t>sizeof(Top)
        cdef const Top *top = <const Top *>&books[0] if book_count else NULL
        cdef const Tick *tick
        cdef uint64_t sequence = first_sequence
        cdef bint ended
        self.now_ns = now_ns
        for i in range(tick_count):
            while applied < book_count and top[applied].tick_sequence <= sequence:
                self.apply_book(&top[applied])
                applied += 1
            tick = <const Tick *>&ticks[i * sizeof(Tick)]
            sequence += 1
            ended = not (applied < book_count and top[applied].tick_sequence == sequence
                         and top[applied].instrument == tick.instrument)
            self.begin_record(tick.instrument, sequence - 1, False)
            self.apply_tick(tick, sequence, ended)
        while applied < book_count and (whole or top[applied].tick_sequence <= sequence):
            self.apply_book(&top[applied])
            applied += 1
        self.at_instrument = 0
        return applied

    @property
    def at(self):
        """The record that is being applied, as (lane, sequence, instrument); None between two batches."""
        lane = "books" if self.at_book else "ticks"
        return (lane, self.at_sequence, self.at_instrument) if self.at_instrument else None

    cdef void begin_record(self, uint32_t instrument, uint64_t sequence, bint book) noexcept nogil:
        """Note the record that is applied next."""
        self.at_instrument, self.at_sequence, self.at_book = instrument, sequence, book

    cdef int apply_tick(self, const Tick *tick, uint64_t sequence, bint ended) except -1:
        """Apply one tick; `ended` unless the book of its event is in this batch."""
        cdef Member *member = self.find(tick.instrument)
        if member == NULL:
            return 0
        if tick.flags & FLAG_RESET:
            self.reset_member(member, sequence)
        if tick.kind == TICK_BEST:
            self.set_best(member, tick)
        elif tick.kind == TICK_STATE:
            member.state = <uint8_t>tick.detail
        if ended and tick.flags & FLAG_LAST and tick.kind != TICK_PRINT:
            self.update_group(member, tick.receive_ns, tick.publish_ns, sequence)
        return 0

    cdef void set_best(self, Member *member, const Tick *tick) noexcept nogil:
        """Set the best price of one side."""
        cdef Half *half = &member.bids if tick.side > 0 else &member.asks
        half.best_known = True
        half.best_fits = self.scale(member, tick.price, tick.size, &half.best_price, &half.best_size)

    cdef bint scale(self, const Member *member, int64_t price, int64_t size, int64_t *to_price,
                    int64_t *to_size) noexcept nogil:
        """Convert a level to the group's decimals; return False if it does not fit: its side is not used then."""
        cdef wide_t wide_price = <wide_t>price * member.price_scale
        cdef wide_t wide_size = <wide_t>size * member.size_scale
        if (wide_price > INT64_MAX or wide_price < -INT64_MAX or wide_size > INT64_MAX // MEMBERS
                or (wide_price * wide_size) >> 96 > 0):
            self.unfit += 1
            to_price[0] = to_size[0] = 0
            return False
        to_price[0], to_size[0] = <int64_t>wide_price, <int64_t>wide_size
        return True

    cdef int apply_book(self, const Top *top) except -1:
        """Apply the ten best levels of one book."""
        cdef Member *member = self.find(top.instrument)
        self.begin_record(top.instrument, top.tick_sequence, True)
        if member == NULL:
            return 0
        if <uint64_t>top.tick_sequence < member.tick_sequence or (
                <uint64_t>top.tick_sequence == member.tick_sequence and top.change_count <= member.change_count):
            self.duplicates += 1
            return self.update_group(member, top.receive_ns, top.publish_ns, top.tick_sequence)
        member.tick_sequence, member.change_count, member.state = top.tick_sequence, top.change_count, top.state
        self.set_half(member, &member.bids, top.bid_price, top.bid_size, top.bids)
        self.set_half(member, &member.asks, top.ask_price, top.ask_size, top.asks)
        return self.update_group(member, top.receive_ns, top.publish_ns, top.tick_sequence)

    def apply_cell(self, const uint8_t[::1] top):
        """Apply a book's newest top from its cell: the ring may not hold it any more."""
        self.apply_book(<const Top *>&top[0])
        self.at_instrument = 0

    cdef void set_half(self, Member *member, Half *half, const int64_t *price, const int64_t *size,
                       int count) noexcept nogil:
        """Set one side's levels."""
        cdef int i
        half.count, half.fits = min(count, DEPTH), True
        for i in range(half.count):
            half.fits = self.scale(member, price[i], size[i], &half.price[i], &half.size[i]) and half.fits

    cdef void forget_member(self, Member *member, int state) noexcept nogil:
        """Forget a member's book; the number of its newest book stays, so that no book is applied twice."""
        member.state = state
        memset(&member.bids, 0, sizeof(Half))
        memset(&member.asks, 0, sizeof(Half))

    cdef void reset_member(self, Member *member, uint64_t sequence) noexcept nogil:
        """Reset a member's book; a newer book from a cell stays, without older best prices."""
        if sequence > member.tick_sequence:
            self.forget_member(member, BOOK_RESYNCING)
        else:
            member.bids.best_known = member.asks.best_known = False

    cdef int update_group(self, Member *member, int64_t receive_ns, int64_t publish_ns, uint64_t sequence) except -1:
        """Update the group of a member whose event is complete, unless the event is old."""
        cdef Group *group = &self.groups[member.group]
        group.book.receive_ns = max(group.book.receive_ns, receive_ns)
        if member.feed == group.feed:
            group.book.tick_sequence = max(group.book.tick_sequence, sequence)
        else:
            group.feed, group.book.tick_sequence = member.feed, sequence
        if not self.publishing:
            return 0
        if self.now_ns - publish_ns > self.stale_ns:
            self.is_late[member.feed] = True
        if self.is_late[member.feed]:
            return 0
        self.lay(member)
        self.put_together(group)
        return self.weigh(group, member.bit)

    cdef void lay(self, Member *member) noexcept nogil:
        """Build a member's ladders, and decide whether they may be used."""
        member.usable = (member.state == BOOK_GOOD and self.fresh[member.feed]
                         and fits(&member.bids) and fits(&member.asks))
        lay_best(&member.bids, 1, &member.bid_ladder)
        lay_best(&member.asks, -1, &member.ask_ladder)

    def age(self, int feed, int64_t now_ns, int64_t heard_ns, bint whole):
        """Exclude the members of a feed while it is silent, or its records are read too late; whether that changed.

        `heard_ns`: when the feed was alive last; `whole`: all its records were read.
        """
        cdef bint fresh, was_late = self.is_late[feed]
        self.now_ns = now_ns
        self.is_late[feed] = self.is_late[feed] and not whole
        fresh = not self.is_late[feed] and (heard_ns > now_ns or now_ns - heard_ns <= self.stale_ns)
        if fresh == self.fresh[feed] and was_late == self.is_late[feed]:
            return False
        self.fresh[feed] = fresh
        if self.publishing:
            self.weigh_all()
        return True

    cdef int weigh_all(self) except -1:
        """Update every group."""
        cdef int i
        for i in range(self.member_count):
            self.lay(&self.members[i])
        for i in range(self.group_count):
            self.put_together(&self.groups[i])
        for i in range(self.member_count):
            self.weigh(&self.groups[self.members[i].group], self.members[i].bit)
        return 0

    cdef int put_together(self, Group *group) except -1:
        """Build a group's global book, and publish it if it changed."""
        cdef GlobalBook *book = self.book
        cdef Ladder[2] both
        book[0] = group.book
        book.included = self.merge_side(group, 1, &both[0])
        self.merge_side(group, -1, &both[1])
        book.bids = spread_out(&both[0], book.bid_price, book.bid_size, book.bid_members)
        book.asks = spread_out(&both[1], book.ask_price, book.ask_size, book.ask_members)
        if book.bids == 0 or book.asks == 0:
            book.state, book.spread_bps = BOOK_EMPTY, NAN
        else:
            book.state = BOOK_CROSSED if book.bid_price[0] >= book.ask_price[0] else BOOK_GOOD
            book.spread_bps = spread_bps_of(book.bid_price[0], book.ask_price[0])
        book.imbalance = imbalance_of(book.bid_size, book.bids, book.ask_size, book.asks)
        if group.book.change_count and memcmp(&book.imbalance, &group.book.imbalance,
                                              sizeof(GlobalBook) - 4 * sizeof(int64_t)) == 0:
            return 0  # every field after the times, the cursor and the count is as it was published
        book.change_count += 1
        book.publish_ns = self.now_ns
        group.book = book[0]
        self.global_ring.publish_bytes(self.book_view)
        self.global_cells.write_bytes(group - self.groups, self.book_view)
        self.books_told += 1
        return 0

    cdef uint16_t merge_side(self, Group *group, int side, Ladder *into) noexcept nogil:
        """Merge one side of all usable members; return their mask."""
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
        """Weigh one member with each other one, in both directions."""
        cdef int other
        for other in range(group.count if group.weighed else 0):
            if other != bit:
                self.weigh_pair(group, bit, other)
                self.weigh_pair(group, other, bit)
        return 0

    cdef int weigh_pair(self, Group *group, int buyer, int seller) except -1:
        """Weigh buying at one member and selling at another."""
        return self.opportunities.weigh(
            group.pairs + buyer * group.count + seller, &self.members[group.first + buyer],
            &self.members[group.first + seller], &group.book, self.now_ns)


cdef inline uint8_t spread_out(const Ladder *ladder, int64_t *price, int64_t *size, uint16_t *members) noexcept nogil:
    """Write a ladder into a record's columns, zeros after it; return how many levels it has."""
    cdef int i
    for i in range(DEPTH):
        if i < ladder.count:
            price[i], size[i], members[i] = ladder.price[i], ladder.size[i], ladder.members[i]
        else:
            price[i] = size[i] = members[i] = 0
    return <uint8_t>ladder.count

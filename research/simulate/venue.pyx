# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""One instrument at its venue: the recorded book, and our orders in it.

The data does not know our orders, so each rule decides for the case that is worse for us:

    our order takes       a level's size up to its limit; what it took stays away until the level is gone or smaller
    our order rests       behind the whole level (`place_in_queue`)
    a print at its price  first moves it forward, and fills it with what is left of the print
    a print beyond it     fills it, at its own price, by at most the print's size; orders share one print
    a level reaches it    fills it, at its own price, by at most the level's size, which is then taken
    it reaches our order  on the other side: the venue rejects it (SELF_TRADE)

An order is filled at its own price or at a better level's, never beyond its limit.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport free, realloc

from engine.book.book cimport Book
from engine.book.place_in_queue cimport ahead_after
from engine.book.side cimport Cursor, Side, find, first, place_of, size_at, step_on
from engine.book.table cimport (
    NOWHERE, add_entry, close_table, find_entry, grow_table, open_table, remove_entry,
)
from engine.model.wide cimport wide_of, wide_t
from engine.model.words cimport (
    FLAG_RESET, ORDER_TYPE_MARKET, TICK_LEVEL, TICK_PRINT, TIME_IN_FORCE_FOK, TIME_IN_FORCE_IOC,
    TIME_IN_FORCE_POST_ONLY,
)
from research.simulate.event cimport Event
from research.simulate.schedule cimport Schedule
from research.simulate.session cimport AMEND, CANCEL, NO_ORDER, Order, Session

from engine.model.words import OrderState, Reason

cdef enum:
    FIRST_TAKEN = 64

cdef int OPEN = OrderState.OPEN, PARTLY = OrderState.PARTLY_FILLED, FILLED = OrderState.FILLED
cdef int CANCELLED = OrderState.CANCELLED, EXPIRED = OrderState.EXPIRED, REJECTED = OrderState.REJECTED
cdef int SELF_TRADE = Reason.SELF_TRADE


cdef inline int place_of_side(int side) noexcept nogil:
    """0 for bids, 1 for asks."""
    return side < 0


cdef class VenueMarket:
    """One instrument's book and orders, advanced by events and by the requests that arrive."""

    def __cinit__(self, Session session not None, Schedule schedule not None, int family, double exponent,
                  int64_t size_step, object scale, bint returns, bint whole):
        """Begin with an empty book and without orders."""
        self.book, self.session, self.schedule = Book(), session, schedule
        self.queue.family, self.queue.exponent, self.queue.step = family, exponent, size_step
        self.scale = wide_of(scale >> 64, scale & 0xFFFFFFFFFFFFFFFF)
        self.returns, self.whole = returns, whole
        self.heads[0] = self.heads[1] = NO_ORDER
        self.took = <int64_t *>realloc(NULL, FIRST_TAKEN * sizeof(int64_t))
        if not open_table(&self.taken, FIRST_TAKEN) or self.took == NULL:
            raise MemoryError

    def __dealloc__(self):
        close_table(&self.taken)
        free(self.took)

    # The recorded market.

    cdef int apply(self, const Event *event) except -1:
        """Apply one event of the data."""
        if event.flags & FLAG_RESET:
            self.book.empty()
        if event.kind == TICK_LEVEL:
            return self.change(event.side, event.price, event.size, event.venue_ns)
        if event.kind == TICK_PRINT and self.heads[place_of_side(-event.side)] != NO_ORDER:
            return self.trade(-event.side, event.price, event.size, event.venue_ns)
        return 0

    cdef int change(self, int side, int64_t price, int64_t size, int64_t now_ns) except -1:
        """Set a level; our orders at it move forward, our orders that it reaches are filled."""
        cdef int64_t before
        if self.taken.count:
            size = self.not_taken(side, price, size)
        before = self.book.put(side, price, size)
        if self.heads[place_of_side(side)] != NO_ORDER:
            self.follow_queue(side, price, before, size)
        if size and self.heads[place_of_side(-side)] != NO_ORDER:
            return self.meet(-side, price, size, now_ns)
        return 0

    cdef int64_t not_taken(self, int side, int64_t price, int64_t size) except -1:
        """What is left of a level's recorded size after what our orders took from it."""
        cdef int32_t entry = find_entry(&self.taken, <uint64_t>side, <uint64_t>price)
        if entry == NOWHERE:
            return size
        if self.returns or size == 0:
            remove_entry(&self.taken, entry)
            return size
        self.took[entry] = min(self.took[entry], size)
        return size - self.took[entry]

    cdef int remember_taken(self, int side, int64_t price, int64_t size) except -1:
        """Add to what our orders took from a level."""
        cdef int32_t entry = find_entry(&self.taken, <uint64_t>side, <uint64_t>price)
        cdef int64_t *took
        if entry == NOWHERE:
            if self.taken.count == self.taken.room:
                took = <int64_t *>realloc(self.took, 2 * self.taken.room * sizeof(int64_t))
                if took == NULL:
                    raise MemoryError
                self.took = took
                if not grow_table(&self.taken, 2 * self.taken.room):
                    raise MemoryError
            entry = add_entry(&self.taken, <uint64_t>side, <uint64_t>price)
            self.took[entry] = 0
        self.took[entry] += size
        return 0

    cdef int follow_queue(self, int side, int64_t price, int64_t before, int64_t after) except -1:
        """Move our orders at a level forward by what was cancelled ahead of them."""
        cdef Order *orders = self.session.orders
        cdef int32_t number = self.heads[place_of_side(side)]
        while number != NO_ORDER and side * orders[number].price > side * price:
            number = orders[number].next
        while number != NO_ORDER and orders[number].price == price:
            orders[number].ahead = ahead_after(
                &self.queue, orders[number].ahead, orders[number].traded, before, after)
            orders[number].traded = 0
            number = orders[number].next
        return 0

    cdef int meet(self, int side, int64_t price, int64_t size, int64_t now_ns) except -1:
        """Fill our orders of a side that a level of the other side has reached."""
        cdef Order *orders = self.session.orders
        cdef int32_t number = self.heads[place_of_side(side)], following
        cdef int64_t left = size, part
        while left and number != NO_ORDER and side * orders[number].price >= side * price:
            following = orders[number].next
            part = min(left, orders[number].size - orders[number].filled)
            left -= part
            self.fill(number, orders[number].price, part, True, now_ns)
            number = following
        if left != size:
            self.remember_taken(-side, price, size - left)
            self.book.put(-side, price, left)
        return 0

    cdef int trade(self, int side, int64_t price, int64_t size, int64_t now_ns) except -1:
        """Fill our orders of a side by a print against that side."""
        cdef Order *orders = self.session.orders
        cdef int32_t number = self.heads[place_of_side(side)], following
        cdef int64_t left = size, part, ahead
        while left > 0 and number != NO_ORDER and side * orders[number].price >= side * price:
            following = orders[number].next
            part = orders[number].size - orders[number].filled
            if orders[number].price == price:
                ahead = orders[number].ahead
                orders[number].ahead = max(ahead - left, <int64_t>0)
                orders[number].traded += size
                part = min(part, max(left - ahead, <int64_t>0))
            elif not self.whole:
                part = min(part, left)
            if part:
                left -= part
                self.fill(number, orders[number].price, part, True, now_ns)
            number = following
        return 0

    # The requests of the strategy.

    cdef int arrive(self, int32_t number, int64_t now_ns) except -1:
        """A new order arrives: it takes what it reaches, and rests if it may."""
        cdef Order *order = &self.session.orders[number]
        cdef bint immediate = order.time_in_force == TIME_IN_FORCE_IOC or order.order_type == ORDER_TYPE_MARKET
        order.arrive_ns = now_ns
        if self.reaches_own(order):
            order.cause = SELF_TRADE
            return self.end(number, REJECTED, now_ns)
        if order.time_in_force == TIME_IN_FORCE_POST_ONLY and self.crosses(order):
            return self.end(number, REJECTED, now_ns)
        if order.time_in_force == TIME_IN_FORCE_FOK and self.available(order) < order.size:
            return self.end(number, EXPIRED, now_ns)
        self.match(number, now_ns)
        if order.filled == order.size:
            return 0
        return self.end(number, EXPIRED, now_ns) if immediate else self.rest(number, now_ns)

    cdef bint reaches_own(self, const Order *order) noexcept:
        """Whether an order would trade with a resting one of ours."""
        cdef int32_t best = self.heads[place_of_side(-order.side)]
        return best != NO_ORDER and order.side * (order.price - self.session.orders[best].price) >= 0

    cdef bint crosses(self, const Order *order) noexcept:
        """Whether an order would trade at once."""
        cdef int64_t price, size
        if order.side > 0:
            return self.book.best_ask(&price, &size) and price <= order.price
        return self.book.best_bid(&price, &size) and price >= order.price

    cdef int64_t available(self, const Order *order) noexcept:
        """The size that an order can take at once, as far as it needs it."""
        cdef const Side *levels = &self.book.asks if order.side > 0 else &self.book.bids
        cdef Cursor cursor = first(levels)
        cdef int64_t key, size, found = 0
        while found < order.size and step_on(levels, &cursor, &key, &size) and -order.side * order.price <= key:
            found += min(size, order.size - found)
        return found

    cdef int match(self, int32_t number, int64_t now_ns) except -1:
        """Fill an order from the other side's levels, the best first, up to its limit."""
        cdef Order *order = &self.session.orders[number]
        cdef int64_t price = 0, size = 0, part
        while order.filled < order.size and (
            self.book.best_ask(&price, &size) and price <= order.price if order.side > 0
            else self.book.best_bid(&price, &size) and price >= order.price
        ):
            part = min(size, order.size - order.filled)
            self.remember_taken(-order.side, price, part)
            self.book.put(-order.side, price, size - part)
            self.fill(number, price, part, False, now_ns)
        return 0

    cdef int rest(self, int32_t number, int64_t now_ns) except -1:
        """Let an order rest at the end of its level's queue."""
        cdef Order *order = &self.session.orders[number]
        order.ahead = self.level_size(order.side, order.price)
        self.link(number)
        if not order.filled:
            order.state = OPEN
            self.session.answer(number, NO_ORDER, now_ns)
        return 0

    cdef int64_t level_size(self, int side, int64_t price) noexcept:
        """The size of a level; 0 without one."""
        cdef Side *levels = &self.book.bids if side > 0 else &self.book.asks
        cdef int64_t key = side * price
        cdef uint64_t place = place_of(levels, key)
        cdef int64_t *size
        if place < levels.width:
            return levels.near[place]
        if key > levels.base:
            size = size_at(levels, &levels.over, find(levels, &levels.over, key), key)
        else:
            size = size_at(levels, &levels.far, find(levels, &levels.far, key), key)
        return 0 if size == NULL else size[0]

    cdef int fill(self, int32_t number, int64_t price, int64_t size, bint maker, int64_t now_ns) except -1:
        """Fill a part of an order."""
        cdef Order *order = &self.session.orders[number]
        cdef int64_t fee = self.schedule.fee(now_ns, <wide_t>price * size, self.scale, maker)
        order.filled += size
        order.state = FILLED if order.filled == order.size else PARTLY
        if order.state == FILLED:
            order.done_ns = now_ns
            if maker:
                self.unlink(number)
        return self.session.answer(number, self.session.add_fill(number, now_ns, price, size, fee, maker), now_ns)

    cdef int end(self, int32_t number, int state, int64_t now_ns, int kind=0) except -1:
        """End an order that is not filled, perhaps because a request of this kind asked for it."""
        self.session.orders[number].state, self.session.orders[number].done_ns = state, now_ns
        return self.session.answer(number, NO_ORDER, now_ns, kind)

    cdef int cancel(self, int32_t number, int64_t now_ns) except -1:
        """A cancel arrives: an order that is done stays as it is."""
        if self.session.orders[number].done_ns:
            return self.session.refuse(number, CANCEL, now_ns)
        self.unlink(number)
        return self.end(number, CANCELLED, now_ns, CANCEL)

    cdef int amend(self, int32_t number, int64_t size, int64_t now_ns) except -1:
        """An amend arrives: the order gets smaller and keeps its place; one that has filled as much stays as it is."""
        cdef Order *order = &self.session.orders[number]
        if order.done_ns or not order.filled < size < order.size:
            return self.session.refuse(number, AMEND, now_ns)
        order.size = size
        return self.session.answer(number, NO_ORDER, now_ns, AMEND)

    cdef int replace(self, int32_t number, int32_t old, int64_t now_ns) except -1:
        """A replacement arrives: the old order ends if it has no fill, and only then the new one arrives."""
        if self.session.orders[old].done_ns or self.session.orders[old].filled:
            self.session.late_cancels += 1
            self.session.orders[number].arrive_ns = now_ns
            return self.end(number, REJECTED, now_ns)
        self.unlink(old)
        self.end(old, CANCELLED, now_ns)
        return self.arrive(number, now_ns)

    # Our resting orders, in the order in which they are filled.

    cdef void link(self, int32_t number) noexcept:
        """Insert an order after those of its price and of better prices."""
        cdef Order *orders = self.session.orders
        cdef Order *order = &orders[number]
        cdef int32_t *head = &self.heads[place_of_side(order.side)]
        cdef int32_t before = NO_ORDER, after = head[0]
        while after != NO_ORDER and order.side * orders[after].price >= order.side * order.price:
            before, after = after, orders[after].next
        order.previous, order.next = before, after
        if after != NO_ORDER:
            orders[after].previous = number
        if before == NO_ORDER:
            head[0] = number
        else:
            orders[before].next = number

    cdef void unlink(self, int32_t number) noexcept:
        """Remove a resting order."""
        cdef Order *orders = self.session.orders
        cdef Order *order = &orders[number]
        if order.next != NO_ORDER:
            orders[order.next].previous = order.previous
        if order.previous == NO_ORDER:
            self.heads[place_of_side(order.side)] = order.next
        else:
            orders[order.previous].next = order.next

    def best(self, side):
        """The best level that is left of a side, as (price, size), or None."""
        return self.book.best(side)

# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""One instrument at its venue: the recorded book, and the orders of each portfolio in it.

Portfolios that share a pass share the recorded book; each has its own orders, and a memory of what they took. The data
does not know our orders, so each rule decides for the case that is worse for us:

    our order takes       a level's size up to its limit; what it took stays away until the level is gone or smaller
    our order rests       behind the whole level (`place_in_queue`); where the data does not reach, behind what it shows
                          first
    a print at its price  first moves it forward, and fills it with what is left of the print
    a print beyond it     fills it, at its own price, by at most the print's size; orders share one print
    a level reaches it    fills it, at its own price, by at most the level's size, which is then taken
    its level is removed  it stays where it is: the level may only have left the depth that the venue shows
    its level shrinks     it moves forward, and the next prints move it only by what the decrease did not
    a native order waits  for a print at its stop price or beyond it, then it takes; a limited one rests with the rest
    it reaches our order  on the other side: the venue rejects it (SELF_TRADE)
    it cannot be paid     from the account's free balance, if it has balances: the venue rejects it (BALANCE)
                          a native order without a limit ends (EXPIRED, BALANCE) before a level that it cannot pay

An order is filled at its own price or at a better level's, never beyond its limit.
"""

from cython cimport final
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport free, malloc, realloc

from engine.book.book cimport Book
from engine.book.place_in_queue cimport ahead_after
from engine.book.side cimport Cursor, Side, find, first, place_of, size_at, step_on, worst_of
from engine.book.table cimport (
    NOWHERE, add_entry, close_table, find_entry, grow_table, open_table, remove_entry,
)
from engine.model.wide cimport wide_of, wide_t
from engine.model.words cimport (
    FLAG_RESET, ORDER_TYPE_MARKET, ORDER_TYPE_STOP, ORDER_TYPE_STOP_LIMIT, ORDER_TYPE_TAKE_PROFIT, TICK_LEVEL,
    TICK_PRINT, TIME_IN_FORCE_FOK, TIME_IN_FORCE_IOC,
    TIME_IN_FORCE_POST_ONLY,
)
from research.simulate.data.event cimport Event
from research.simulate.matching.impact cimport Impact
from research.simulate.matching.orders cimport NO_ORDER, Order, Orders
from research.simulate.trading.session cimport AMEND, CANCEL, Session

from engine.model.words import OrderState
from research.simulate.cause import Cause

cdef enum:
    FIRST_TAKEN = 64

cdef int64_t MOST = 1 << 61  # of a price

cdef int OPEN = OrderState.OPEN, PARTLY = OrderState.PARTLY_FILLED, FILLED = OrderState.FILLED
cdef int CANCELLED = OrderState.CANCELLED, EXPIRED = OrderState.EXPIRED, REJECTED = OrderState.REJECTED
cdef int TRIGGERED = Cause.TRIGGERED, SELF_TRADE = Cause.SELF_TRADE, BALANCE = Cause.BALANCE, RANDOM = Cause.RANDOM


cdef inline int place_of_side(int side) noexcept nogil:
    """0 for bids, 1 for asks."""
    return side < 0


cdef inline bint is_reached(const Order *order, int64_t price) noexcept nogil:
    """Whether a print triggers a native order: a stop by a worse price, a take-profit by a better one."""
    cdef bint is_stop = order.order_type == ORDER_TYPE_STOP or order.order_type == ORDER_TYPE_STOP_LIMIT
    return order.side * (price - order.stop_price) * (1 if is_stop else -1) >= 0


cdef inline bint is_unpriced(const Order *order) noexcept nogil:
    """Whether an order trades at any price."""
    return order.order_type == ORDER_TYPE_STOP or order.order_type == ORDER_TYPE_TAKE_PROFIT


cdef inline int64_t limit_of(const Order *order) noexcept nogil:
    """The worst price of an order."""
    if not is_unpriced(order):
        return order.price
    return MOST if order.side > 0 else 0


cdef inline int64_t share_of(wide_t notional, int64_t share, wide_t scale) noexcept nogil:
    """A share of 1e-8 of a notional, rounded up."""
    return <int64_t>(notional * share // scale) + (notional * share % scale > 0)


@final
cdef class VenueMarket:
    """One instrument's recorded book."""

    def __cinit__(self, int portfolios):
        """Begin with an empty book."""
        self.book, self.all = Book(), []
        self.active = <void **>malloc(portfolios * sizeof(void *))
        if self.active == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.active)

    cdef int apply(self, const Event *event) except -1:
        """Apply one event of the data, and what it does to our orders."""
        cdef int64_t before
        cdef int one = self.count
        if event.flags & FLAG_RESET:
            self.book.empty()
        if event.kind == TICK_LEVEL:
            before = self.book.put(event.side, event.price, event.size)
            while one > 0:  # from the last on: one that falls asleep is replaced by one that was called
                one -= 1
                (<OwnOrders>self.active[one]).change(event.side, event.price, before, event.size, event.venue_ns)
        elif event.kind == TICK_PRINT:
            while one > 0:
                one -= 1
                (<OwnOrders>self.active[one]).trade(-event.side, event.price, event.size, event.venue_ns)
            self.last = event.price
        return 0

    cdef void wake(self, OwnOrders own) noexcept:
        """From now on events may touch these orders."""
        if own.active_at < 0:
            own.active_at = self.count
            self.active[self.count] = <void *>own
            self.count += 1

    cdef void sleep(self, OwnOrders own) noexcept:
        """Leave orders alone that no event can touch."""
        if own.active_at < 0 or own.heads[0] != NO_ORDER or own.heads[1] != NO_ORDER or own.taken.count:
            return
        if own.waiting != NO_ORDER:
            return
        self.count -= 1
        self.active[own.active_at] = self.active[self.count]
        (<OwnOrders>self.active[own.active_at]).active_at = own.active_at
        own.active_at = -1

    def best(self, side):
        """The best recorded level of a side, as (price, size), or None."""
        return self.book.best(side)


@final
cdef class OwnOrders:
    """One portfolio's orders for one instrument, as the venue has them."""

    def __cinit__(self, VenueMarket market not None, Orders table not None, list sessions not None, *, int family,
                  double exponent, int64_t size_step, scale, bint returns, bint whole, bint returns_empty,
                  bint unseen_empty, bint twice, Impact impact=None, int64_t slippage=0):
        """Begin without orders; `scale` is one unit of the quote currency in the decimals of price * size."""
        self.market, self.book, self.table, self.sessions, self.active_at = market, market.book, table, sessions, -1
        self.queue.family, self.queue.exponent, self.queue.step = family, exponent, size_step
        self.scale = wide_of(scale >> 64, scale & 0xFFFFFFFFFFFFFFFF)
        self.returns, self.whole = returns, whole
        self.returns_empty, self.unseen_empty, self.twice = returns_empty, unseen_empty, twice
        self.impact, self.slippage, self.waiting = impact, slippage, NO_ORDER
        self.heads[0] = self.heads[1] = NO_ORDER
        self.took = <int64_t *>realloc(NULL, FIRST_TAKEN * sizeof(int64_t))
        if not open_table(&self.taken, FIRST_TAKEN) or self.took == NULL:
            raise MemoryError
        market.all.append(self)

    def __dealloc__(self):
        close_table(&self.taken)
        free(self.took)

    # The recorded market.

    cdef int change(self, int side, int64_t price, int64_t before, int64_t size, int64_t now_ns) except -1:
        """A level changed: our orders at it move forward, our orders that it reaches are filled."""
        cdef const Order *orders = self.table.orders
        cdef int32_t here = self.heads[place_of_side(side)], there = self.heads[place_of_side(-side)]
        cdef int64_t left = size
        if self.taken.count:
            left -= self.follow_taken(side, price, &before, size)
        if here != NO_ORDER and side * orders[here].price >= side * price:
            self.follow_queue(side, price, before, left, size > 0, now_ns)
        if left and there != NO_ORDER and side * orders[there].price <= side * price:
            return self.meet(-side, price, left, now_ns)
        return 0

    cdef int64_t took_from(self, int side, int64_t price) noexcept:
        """What our orders took from a level."""
        cdef int32_t entry
        if not self.taken.count:
            return 0
        entry = find_entry(&self.taken, <uint64_t>side, <uint64_t>price)
        return 0 if entry == NOWHERE else self.took[entry]

    cdef int64_t follow_taken(self, int side, int64_t price, int64_t *before, int64_t size) noexcept:
        """What our orders took of a level that has this size now; what they took leaves its size before, too."""
        cdef int32_t entry = find_entry(&self.taken, <uint64_t>side, <uint64_t>price)
        if entry == NOWHERE:
            return 0
        before[0] = max(before[0] - self.took[entry], <int64_t>0)
        if self.returns or size == 0:
            remove_entry(&self.taken, entry)
            self.market.sleep(self)
            return 0
        self.took[entry] = min(self.took[entry], size)
        return self.took[entry]

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
            self.market.wake(self)
        self.took[entry] += size
        return 0

    cdef int follow_queue(self, int side, int64_t price, int64_t before, int64_t after, bint shown,
                          int64_t now_ns) except -1:
        """Move our orders at a level forward by what was cancelled ahead of them."""
        cdef Order *orders = self.table.orders
        cdef int32_t number = self.heads[place_of_side(side)]
        while number != NO_ORDER and side * orders[number].price > side * price:
            number = orders[number].next
        while number != NO_ORDER and orders[number].price == price:
            if shown and orders[number].unseen:
                orders[number].ahead, orders[number].unseen = after, False
            elif not orders[number].unseen and (shown or self.returns_empty):
                self.move_forward(&orders[number], before, after, now_ns)
            orders[number].traded = 0
            number = orders[number].next
        return 0

    cdef void move_forward(self, Order *order, int64_t before, int64_t after, int64_t now_ns) noexcept:
        """Move one order forward, and remember by how much: the print that explains it must not do it again."""
        cdef int64_t ahead = order.ahead
        order.ahead = ahead_after(&self.queue, ahead, order.traded, before, after)
        if order.moved_ns != now_ns:
            order.moved = 0
        order.moved_ns = now_ns
        order.moved += ahead - order.ahead

    cdef int meet(self, int side, int64_t price, int64_t size, int64_t now_ns) except -1:
        """Fill our orders of a side that a level of the other side has reached."""
        cdef Order *orders = self.table.orders
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
        return 0

    cdef int trade(self, int side, int64_t price, int64_t size, int64_t now_ns) except -1:
        """Fill our orders of a side by a print against that side."""
        cdef Order *orders = self.table.orders
        cdef int32_t number = self.heads[place_of_side(side)], following
        cdef int64_t left = size, part
        while left > 0 and number != NO_ORDER and side * orders[number].price >= side * price:
            following = orders[number].next
            part = orders[number].size - orders[number].filled
            if orders[number].price == price:
                part = min(part, self.serve_queue(&orders[number], left))
                orders[number].traded += size
            elif not self.whole:
                part = min(part, left)
            if part:
                left -= part
                self.fill(number, orders[number].price, part, True, now_ns)
            number = following
        return self.trigger(price, now_ns) if self.waiting != NO_ORDER else 0

    # Native orders.

    cdef int trigger(self, int64_t price, int64_t now_ns) except -1:
        """Let the orders trade whose trigger a print reaches, the oldest first."""
        cdef int32_t number, oldest
        while True:
            number, oldest = self.waiting, NO_ORDER
            while number != NO_ORDER:
                if is_reached(&self.table.orders[number], price):
                    oldest = number
                number = self.table.orders[number].next
            if oldest == NO_ORDER:
                return 0
            self.unlink(oldest)
            self.work_stop(oldest, now_ns)

    cdef int work_stop(self, int32_t number, int64_t now_ns) except -1:
        """A native order trades: at any price without a limit, else up to it, and what is left of it rests."""
        cdef Order *order = &self.table.orders[number]
        if self.reaches_own(order):
            order.cause = SELF_TRADE
            return self.end(number, EXPIRED, now_ns)
        self.match(number, now_ns)
        if order.filled == order.size:
            return 0
        return self.end(number, EXPIRED, now_ns) if is_unpriced(order) else self.rest(number, now_ns)

    cdef int wait_for_trigger(self, int32_t number, int64_t now_ns) except -1:
        """A native order waits for its trigger; it has no place in a queue."""
        cdef Order *order = &self.table.orders[number]
        order.waits, order.stopped, order.state = True, True, OPEN
        order.previous, order.next = NO_ORDER, self.waiting
        if self.waiting != NO_ORDER:
            self.table.orders[self.waiting].previous = number
        self.waiting = number
        self.market.wake(self)
        return self.session_of(number).answer(number, NO_ORDER, now_ns)

    cdef int64_t serve_queue(self, Order *order, int64_t left) noexcept:
        """Move an order forward by what is left of a print at its price; what is left for the order itself."""
        cdef int64_t explained, ahead
        if order.unseen:
            if not self.is_shown(order.side, order.price):
                return 0
            order.ahead, order.unseen = self.level_size(order.side, order.price), False
        explained = 0 if self.twice else min(left, order.moved)
        order.moved -= explained
        left -= explained
        ahead = order.ahead
        order.ahead = max(ahead - left, <int64_t>0)
        return max(left - ahead, <int64_t>0)

    # The requests of the strategies.

    cdef int arrive(self, int32_t number, int64_t now_ns) except -1:
        """A new order arrives: it takes what it reaches, and rests if it may."""
        cdef Order *order = &self.table.orders[number]
        cdef bint immediate = order.time_in_force == TIME_IN_FORCE_IOC or order.order_type == ORDER_TYPE_MARKET
        order.arrive_ns = now_ns
        if self.is_rejected(order, self.session_of(number)):
            return self.end(number, REJECTED, now_ns)
        if order.stop_price:
            return self.wait_for_trigger(number, now_ns)
        if order.time_in_force == TIME_IN_FORCE_FOK and self.available(order) < order.size:
            return self.end(number, EXPIRED, now_ns)
        self.match(number, now_ns)
        if order.filled == order.size:
            return 0
        return self.end(number, EXPIRED, now_ns) if immediate else self.rest(number, now_ns)

    cdef bint is_rejected(self, Order *order, Session session) noexcept:
        """Whether the venue rejects a new order, by the first rule that does; otherwise its balance is reserved."""
        order.cause = 0
        if session.rejects is not None and session.rejects.happens():
            order.cause = RANDOM
        elif order.stop_price and self.market.last and is_reached(order, self.market.last):
            order.cause = TRIGGERED
        elif not order.stop_price and self.reaches_own(order):
            order.cause = SELF_TRADE
        elif not order.stop_price and order.time_in_force == TIME_IN_FORCE_POST_ONLY and self.crosses(order):
            return True
        elif session.balances is not None and not session.balances.reserve(order):
            order.cause = BALANCE
        elif session.margin is not None and not session.margin.reserve(order):
            order.cause = BALANCE
        return order.cause != 0

    cdef bint reaches_own(self, const Order *order) noexcept:
        """Whether an order would trade with a resting one of ours."""
        cdef int32_t best = self.heads[place_of_side(-order.side)]
        return best != NO_ORDER and order.side * (limit_of(order) - self.table.orders[best].price) >= 0

    cdef bint crosses(self, const Order *order) noexcept:
        """Whether an order would trade at once."""
        cdef const Side *levels = &self.book.asks if order.side > 0 else &self.book.bids
        cdef Cursor cursor = first(levels)
        cdef int64_t key, size
        while step_on(levels, &cursor, &key, &size) and -order.side * order.price <= key:
            if size > self.took_from(-order.side, -order.side * key):
                return True
        return False

    cdef int64_t available(self, const Order *order) noexcept:
        """The size that an order can take at once, as far as it needs it."""
        cdef const Side *levels = &self.book.asks if order.side > 0 else &self.book.bids
        cdef Cursor cursor = first(levels)
        cdef int64_t key, size, found = 0
        while found < order.size and step_on(levels, &cursor, &key, &size) and -order.side * order.price <= key:
            found += min(size - self.took_from(-order.side, -order.side * key), order.size - found)
        return found

    cdef int match(self, int32_t number, int64_t now_ns) except -1:
        """Fill an order from the other side's levels, the best first, up to its limit."""
        cdef Order *order = &self.table.orders[number]
        cdef const Side *levels = &self.book.asks if order.side > 0 else &self.book.bids
        cdef Cursor cursor = first(levels)
        cdef int64_t key, size, price, part, limit = limit_of(order)
        while order.filled < order.size and step_on(levels, &cursor, &key, &size) and -order.side * limit <= key:
            price = -order.side * key
            part = min(size - self.took_from(-order.side, price), order.size - order.filled)
            if part > 0:
                if is_unpriced(order) and not self.is_paid(order, price, part):
                    order.cause = BALANCE
                    return 0
                self.remember_taken(-order.side, price, part)
                self.fill(number, price, part, False, now_ns)
        return 0

    cdef bint is_paid(self, const Order *order, int64_t price, int64_t size) noexcept:
        """Whether the account can pay for a part of an order without a limit, whose reserve is at its stop price."""
        cdef Session session = <Session>self.sessions[order.strategy]
        return session.balances is None or session.balances.pays_for(order, price, size)

    cdef int rest(self, int32_t number, int64_t now_ns) except -1:
        """Let an order rest at the end of its level's queue."""
        cdef Order *order = &self.table.orders[number]
        order.unseen = not self.unseen_empty and not self.is_shown(order.side, order.price)
        order.ahead = self.level_size(order.side, order.price)
        self.link(number)
        if not order.filled:
            order.state = OPEN
            return self.session_of(number).answer(number, NO_ORDER, now_ns)
        return 0

    cdef bint is_shown(self, int side, int64_t price) noexcept:
        """Whether the data reaches a price: it shows a level there, or one that is worse."""
        cdef const Side *levels = &self.book.bids if side > 0 else &self.book.asks
        return levels.count > 0 and side * price >= worst_of(levels)

    cdef int64_t level_size(self, int side, int64_t price) noexcept:
        """The size that our orders left of a level; 0 without one."""
        cdef Side *levels = &self.book.bids if side > 0 else &self.book.asks
        cdef int64_t key = side * price, taken = self.took_from(side, price)
        cdef uint64_t place = place_of(levels, key)
        cdef int64_t *size
        if place < levels.width:
            return max(levels.near[place] - taken, <int64_t>0)
        if key > levels.base:
            size = size_at(levels, &levels.over, find(levels, &levels.over, key), key)
        else:
            size = size_at(levels, &levels.far, find(levels, &levels.far, key), key)
        return 0 if size == NULL else max(size[0] - taken, <int64_t>0)

    cdef int fill(self, int32_t number, int64_t price, int64_t size, bint maker, int64_t now_ns) except -1:
        """Fill a part of an order."""
        cdef Order *order = &self.table.orders[number]
        cdef Session session = self.session_of(number)
        cdef int32_t fill
        cdef int64_t fee = session.schedule.fee(now_ns, <wide_t>price * size, self.scale, maker)
        cdef int64_t impact = 0, slippage = 0
        if self.impact is not None and not maker:
            impact = self.impact.cost(number, order.side, <wide_t>price * size, self.scale, now_ns)
            fee += impact
        if self.slippage and order.stopped and not maker:
            slippage = share_of(<wide_t>price * size, self.slippage, self.scale)
            fee += slippage
        if session.balances is not None:
            session.balances.fill(order, price, size, fee)
        if session.margin is not None:
            session.margin.fill(order, price, size, fee)
        order.filled += size
        order.state = FILLED if order.filled == order.size else PARTLY
        if order.state == FILLED:
            order.done_ns = now_ns
            if maker:
                self.unlink(number)
        fill = self.table.add_fill(number, now_ns, price, size, fee, impact, maker)
        self.table.fills[fill].slippage = slippage
        return session.answer(number, fill, now_ns)

    cdef int end(self, int32_t number, int state, int64_t now_ns, int kind=0) except -1:
        """End an order that is not filled, perhaps because a request of this kind asked for it."""
        cdef Order *order = &self.table.orders[number]
        cdef Session session = self.session_of(number)
        order.state, order.done_ns = state, now_ns
        if session.balances is not None and state != REJECTED:
            session.balances.release(order, order.size - order.filled)
        if session.margin is not None and state != REJECTED:
            session.margin.release(order, order.size - order.filled)
        return session.answer(number, NO_ORDER, now_ns, kind)

    cdef Session session_of(self, int32_t number):
        """The session of the account that an order belongs to."""
        return <Session>self.sessions[self.table.orders[number].strategy]

    cdef int cancel(self, int32_t number, int64_t now_ns) except -1:
        """A cancel arrives: an order that is done stays as it is."""
        if self.table.orders[number].done_ns:
            return self.session_of(number).refuse(number, CANCEL, now_ns)
        self.unlink(number)
        return self.end(number, CANCELLED, now_ns, CANCEL)

    cdef int amend(self, int32_t number, int64_t size, int64_t now_ns) except -1:
        """An amend arrives: the order gets smaller and keeps its place; one that has filled as much stays as it is."""
        cdef Order *order = &self.table.orders[number]
        cdef Session session = self.session_of(number)
        if order.done_ns or not order.filled < size < order.size:
            return session.refuse(number, AMEND, now_ns)
        if session.balances is not None:
            session.balances.release(order, order.size - size)
        if session.margin is not None:
            session.margin.release(order, order.size - size)
        order.size = size
        return session.answer(number, NO_ORDER, now_ns, AMEND)

    cdef int replace(self, int32_t number, int32_t old, int64_t now_ns) except -1:
        """A replacement arrives: the old order ends if it has no fill, and only then the new one arrives."""
        cdef Session session = self.session_of(number)
        if self.table.orders[old].done_ns or self.table.orders[old].filled:
            session.late_cancels += 1
            self.table.orders[number].arrive_ns = now_ns
            return self.end(number, REJECTED, now_ns)
        self.unlink(old)
        self.end(old, CANCELLED, now_ns)
        return self.arrive(number, now_ns)

    # Our resting orders, in the order in which they are filled.

    cdef void link(self, int32_t number) noexcept:
        """Insert an order after those of its price and of better prices."""
        cdef Order *orders = self.table.orders
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
        self.market.wake(self)

    cdef void unlink(self, int32_t number) noexcept:
        """Remove a resting order."""
        cdef Order *orders = self.table.orders
        cdef Order *order = &orders[number]
        if order.next != NO_ORDER:
            orders[order.next].previous = order.previous
        if order.previous == NO_ORDER and order.waits:
            self.waiting = order.next
        elif order.previous == NO_ORDER:
            self.heads[place_of_side(order.side)] = order.next
        else:
            orders[order.previous].next = order.next
        order.waits = False
        self.market.sleep(self)

# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""One account of linear perpetuals in cross margin: funding, initial margin, and the end of a run by a liquidation.

    funding at its time    paid = position * mark * rate, rounded up: longs pay a positive rate, shorts receive it
    an order arrives       the venue rejects it (BALANCE), if it adds to what its instrument can reach, and the initial
                           margin of all that positions and open orders can reach is more than the equity
    a message ends         the run ends (LiquidatedError), if the equity is not above the maintenance margin

The mark is the middle of the venue's book, the last one with two sides that do not cross. The equity is the wallet
and what the fills brought, less fees and funding, with each position at its mark. Margins are those of
`engine/venues/binance/margin.py`: a position's initial margin is its notional over the leverage, its maintenance
margin the highest of its brackets' lines.
"""

from cython cimport final
from libc.stdint cimport INT64_MAX, int64_t
from libc.stdlib cimport calloc, free

from engine.model.wide cimport int_of, wide_of, wide_t
from research.simulate.matching.orders cimport Order

from research.simulate.cause import LiquidatedError

cdef wide_t MICRO = 1_000_000, UNIT = 1_000_000_000, RATE = 100_000_000


cdef wide_t wide(object number):
    """A Python int of at most 127 bits."""
    return wide_of(number >> 64, number & 0xFFFFFFFFFFFFFFFF)


cdef inline wide_t up(wide_t number, wide_t by) noexcept nogil:
    """A quotient, rounded up; `by` is over 0."""
    return number // by + (number % by > 0)


cdef inline wide_t micro(const Held *one, int64_t size) noexcept nogil:
    """The notional of a size at the mark, in millionths."""
    return up(<wide_t>size * one.middle2 * MICRO, 2 * one.scale)


cdef inline int64_t reached(const Held *one) noexcept nogil:
    """The largest position that the open orders can lead to, long or short."""
    return max(one.position + one.open_buy, one.open_sell - one.position)


@final
cdef class MarginAccount:
    """One account's."""

    def __cinit__(self, wallet, units, lines, int64_t leverage, decimals, dues, symbols):
        """Begin with this wallet; `units` are the scales of the instruments, `lines` their brackets, all by place.

        With a leverage of 0 no balance is checked: the account only pays funding.
        """
        cdef Held *one
        self.markets, self.leverage, self.payments, self.symbols = <int>len(units), leverage, [], symbols
        self.data, self.due_count = dues, len(dues) // sizeof(Due)
        self.held = <Held *>calloc(self.markets, sizeof(Held))
        if self.held == NULL:
            raise MemoryError
        self.unit, self.fee_by, self.wallet = wide(10**decimals), wide(10 ** (decimals - 8)), wide(wallet)
        for place, scale in enumerate(units):
            one = &self.held[<Py_ssize_t>place]
            one.scale, one.by = wide(scale), wide(10**decimals // scale)
            one.lines = <Line *>calloc(len(lines[place]) or 1, sizeof(Line))
            if one.lines == NULL:
                raise MemoryError
            one.count = len(lines[place])
            for index, (rate, amount, cap, most) in enumerate(lines[place]):
                one.lines[<Py_ssize_t>index] = Line(rate, wide(amount), cap, most)

    def __dealloc__(self):
        cdef int place
        if self.held != NULL:
            for place in range(self.markets):
                free(self.held[place].lines)
        free(self.held)

    def paid(self):
        """Every payment of funding, as (at_ns, market, position, rate, mark2, paid)."""
        return self.payments

    # Funding.

    cdef int64_t next_ns(self) noexcept nogil:
        """When the next funding is due."""
        return self.due()[0].at_ns if self.next_due < self.due_count else INT64_MAX

    cdef const Due *due(self) noexcept nogil:
        """The next time of funding."""
        return &(<const Due *>&self.data[0])[self.next_due]

    cdef int pay_due(self, int64_t now_ns) except -1:
        """Pay what is due at this time; then the equity may be too low."""
        cdef const Due *due
        cdef const Held *one
        cdef int64_t mark2
        cdef wide_t paid
        while self.next_ns() <= now_ns:
            due = self.due()
            self.next_due += 1
            one = &self.held[due.market]
            mark2 = 2 * due.mark if due.mark else one.middle2
            if not one.position:
                continue
            paid = up(<wide_t>one.position * mark2 * due.rate, 2 * one.scale)
            self.charged += paid
            self.payments.append((due.at_ns, due.market, one.position, due.rate, mark2, int_of(paid)))
        return self.check(now_ns)

    # The mark.

    cdef int set_middle(self, int market, int64_t middle2, int64_t now_ns) except -1:
        """Set the mark of an instrument."""
        self.held[market].middle2 = middle2
        return self.check(now_ns) if self.held[market].position else 0

    cdef int check(self, int64_t now_ns) except -1:
        """End the run, if the venue would liquidate the account now."""
        cdef wide_t needed = 0, equity
        cdef int place
        if not self.leverage:
            return 0
        for place in range(self.markets):
            if self.held[place].position:
                needed += self.maintenance(&self.held[place], micro(&self.held[place], abs(self.held[place].position)))
        equity = self.equity_micro()
        if not needed or equity > needed:
            return 0
        positions = {self.symbols[place]: self.held[place].position for place in range(self.markets)
                     if self.held[place].position}
        raise LiquidatedError(now_ns, int_of(equity), int_of(needed), positions)

    cdef wide_t equity_micro(self) noexcept nogil:
        """The equity in millionths, rounded down."""
        cdef wide_t total2 = 2 * (self.wallet - self.charged * self.fee_by), by = 2 * self.unit
        cdef const Held *one
        cdef int place
        for place in range(self.markets):
            one = &self.held[place]
            total2 += (2 * one.cash + <wide_t>one.position * one.middle2) * one.by
        return -up(-total2 * MICRO, by)

    cdef int64_t maintenance(self, const Held *one, wide_t notional) noexcept nogil:
        """The highest of the brackets' lines."""
        cdef wide_t most = 0
        cdef int line
        for line in range(one.count):
            most = max(most, one.lines[line].rate * notional - one.lines[line].amount)
        return <int64_t>up(most, UNIT)

    cdef int64_t initial(self, const Held *one, wide_t notional) noexcept nogil:
        """The notional over the leverage, but at most over its bracket's."""
        cdef int line = 0
        while line < one.count - 1 and notional > one.lines[line].cap:
            line += 1
        return <int64_t>up(notional, min(self.leverage, one.lines[line].leverage))

    # Orders.

    cdef bint reserve(self, const Order *order) noexcept nogil:
        """Count an order that arrives; False if the equity does not bear it."""
        cdef Held *one = &self.held[order.market]
        cdef int64_t before = reached(one)
        cdef int64_t *pending = &one.open_buy if order.side > 0 else &one.open_sell
        pending[0] += order.size
        if not self.leverage or reached(one) <= before or (one.middle2 and self.bears(order)):
            return True
        pending[0] -= order.size
        return False

    cdef bint bears(self, const Order *order) noexcept nogil:
        """Whether the equity is the initial margin of all that can be reached, and what an order loses at once."""
        cdef wide_t lost = order.side * (2 * <wide_t>order.price - self.held[order.market].middle2), needed = 0
        cdef int place
        for place in range(self.markets):
            needed += self.initial(&self.held[place], micro(&self.held[place], reached(&self.held[place])))
        if lost > 0:
            needed += up(lost * order.size * MICRO, 2 * self.held[order.market].scale)
        return needed <= self.equity_micro()

    cdef void release(self, const Order *order, int64_t size) noexcept nogil:
        """An order has ended, or is smaller by this size."""
        cdef Held *one = &self.held[order.market]
        if order.side > 0:
            one.open_buy -= size
        else:
            one.open_sell -= size

    cdef int fill(self, const Order *order, int64_t price, int64_t size, int64_t fee) except -1:
        """A part of an order is filled."""
        cdef Held *one = &self.held[order.market]
        self.release(order, size)
        one.position += order.side * size
        one.cash -= order.side * <wide_t>price * size
        self.charged += fee
        return 0

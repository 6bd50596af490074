# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""One instrument as a strategy sees it: the book that is received, what it holds, and risk's checks of its orders.

Whether an order is an exit is decided by what the strategy itself holds. The caps bound what its account holds.

The checks are those of the engine's gate (`engine/risk/gate.py`) that read one order, in its order and with its words:

    entry   BOOK_NOT_GOOD  SPREAD_TOO_WIDE  PRICE_STEP  SIZE_STEP  NOTIONAL_TOO_SMALL  PRICE_COLLAR  ORDER_TOO_LARGE
            PRICE_BOUND  NOTIONAL_TOO_LARGE  VENUE_POSITION  then the caps in dollars: ORDER_TOO_LARGE
            POSITION_TOO_LARGE
    exit    the same without the spread, the venue's position and the caps; the collar is that of exits, from the last
            good book

The venue's own filters are always checked. A cap is checked if the run's `caps` have it (`caps.py`).
"""

from cython cimport final
from libc.math cimport ceil
from libc.stdint cimport int64_t

from engine.book.measures cimport spread_bps_of
from engine.model.wide cimport int_of, wide_of, wide_t
from engine.model.words cimport BOOK_GOOD
from research.simulate.trading.received cimport Received, best_prices

from engine.model.words import Reason

cdef int BOOK_NOT_GOOD = Reason.BOOK_NOT_GOOD, SPREAD_TOO_WIDE = Reason.SPREAD_TOO_WIDE
cdef int PRICE_STEP = Reason.PRICE_STEP, SIZE_STEP = Reason.SIZE_STEP
cdef int NOTIONAL_TOO_SMALL = Reason.NOTIONAL_TOO_SMALL, NOTIONAL_TOO_LARGE = Reason.NOTIONAL_TOO_LARGE
cdef int PRICE_COLLAR = Reason.PRICE_COLLAR, PRICE_BOUND = Reason.PRICE_BOUND
cdef int ORDER_TOO_LARGE = Reason.ORDER_TOO_LARGE, POSITION_TOO_LARGE = Reason.POSITION_TOO_LARGE
cdef int VENUE_POSITION = Reason.VENUE_POSITION
cdef int64_t BPS = 10_000, MILLION = 1_000_000
cdef int64_t WIDEST_COLLAR = BPS - 1  # of a gate without a cap
cdef int64_t MOST = 1 << 61  # of a price


cdef wide_t wide(object number):
    """A Python int of at most 127 bits."""
    return wide_of(number >> 64, number & 0xFFFFFFFFFFFFFFFF)


@final
cdef class Held:
    """What an account holds of one instrument, with the sizes of its orders that may still fill."""


@final
cdef class Desk:
    """One instrument's."""

    def __init__(self, place, instrument, Received received not None, caps, Held account=None):
        """Begin flat; `caps` are those of the instrument (`caps.py`), `account` is shared with other strategies."""
        self.account = Held() if account is None else account
        self.place, self.instrument, self.number, self.received = place, instrument, instrument.id, received
        self.price_step, self.size_step = instrument.price_step, instrument.size_step
        self.size_min, self.size_max = instrument.size_min, instrument.size_max
        self.price_min, self.price_max = instrument.price_min, instrument.price_max
        self.bid_up, self.bid_down = instrument.bid_up, instrument.bid_down
        self.ask_up, self.ask_down = instrument.ask_up, instrument.ask_down
        self.position_max = instrument.position_max
        self.notional_min, self.notional_max = wide(instrument.notional_min), wide(instrument.notional_max)
        self.unit = wide(10 ** (instrument.price_decimals + instrument.size_decimals))
        self.caps = caps
        self.order_cap, self.position_cap = wide(caps.order), wide(caps.position)
        self.collar_bps, self.exit_collar_bps, self.spread_bps = caps.collar_bps, caps.exit_collar_bps, caps.spread_bps

    cdef void add_open(self, int side, int64_t size) noexcept nogil:
        """Add to the size of the orders of a side that may still fill."""
        if side > 0:
            self.open_buy += size
            self.account.open_buy += size
        else:
            self.open_sell += size
            self.account.open_sell += size

    cdef void add_position(self, int64_t size) noexcept nogil:
        """Add a fill to what is held."""
        self.position += size
        self.account.position += size

    cdef bint best(self, int64_t *bid, int64_t *ask) noexcept nogil:
        """The best prices; False without both."""
        return best_prices(self.received.book, bid, ask)

    cdef int64_t middle2(self) noexcept nogil:
        """Twice the middle of a good book with two sides; 0 otherwise."""
        return self.received.middle2()

    cdef bint is_exit(self, int side, int64_t size) noexcept nogil:
        """Whether an order can only reduce the position, with the open orders of its side filled."""
        cdef int64_t pending = self.open_buy if side > 0 else self.open_sell
        return side * self.position < 0 and pending + size <= -side * self.position

    cdef int64_t protective_price(self, int side, int64_t size, int64_t limit) except -1:
        """The worst price of a market order: its own limit (0: none), at most the collar's edge."""
        cdef bint is_exit = self.is_exit(side, size)
        cdef wide_t middle2 = self.received.good_middle2 if is_exit else self.middle2()
        cdef wide_t collar = (self.exit_collar_bps if is_exit else self.collar_bps) or WIDEST_COLLAR
        cdef wide_t part = 2 * BPS * self.price_step, edge
        if not middle2:
            return limit
        edge = middle2 * (BPS + side * collar)
        edge = edge // part if side > 0 else (edge + part - 1) // part
        edge = min(edge * self.price_step, MOST)
        return min(limit, <int64_t>edge) if side > 0 and limit else max(limit, <int64_t>edge)

    cdef int refuse(self, int reason, object found, object limit) except -1:
        """Keep the value and the limit of a refusal; its reason."""
        self.found, self.limit = found, limit
        return reason

    cdef int check(self, int side, int64_t size, int64_t price) except -1:
        """The reason why risk refuses an order; 0 when it does not."""
        cdef bint is_exit = self.is_exit(side, size)
        cdef int reason
        if is_exit and not self.received.good_middle2:
            return self.refuse(BOOK_NOT_GOOD, self.received.state, BOOK_GOOD)
        reason = 0 if is_exit else self.check_book()
        if not reason:
            reason = self.check_steps(size, price)
        if not reason:
            reason = self.check_collar(side, price, is_exit)
        if not reason:
            reason = self.check_venue(side, size, price)
        return reason if reason or is_exit else self.check_caps(side, size, price)

    cdef int check_book(self) except -1:
        """The book is good, and its spread not too wide."""
        cdef int64_t bid, ask
        cdef double spread
        if not self.middle2():
            return self.refuse(BOOK_NOT_GOOD, self.received.state, BOOK_GOOD)
        if self.spread_bps and self.best(&bid, &ask):
            spread = spread_bps_of(bid, ask)
            if not spread <= self.spread_bps:
                return self.refuse(SPREAD_TOO_WIDE, <int64_t>ceil(spread), self.spread_bps)
        return 0

    cdef int check_steps(self, int64_t size, int64_t price) except -1:
        """The venue's steps, least size and least notional."""
        if price <= 0 or price % self.price_step:
            return self.refuse(PRICE_STEP, price, self.price_step)
        if size % self.size_step:
            return self.refuse(SIZE_STEP, size, self.size_step)
        if size < self.size_min:
            return self.refuse(SIZE_STEP, size, self.size_min)
        if <wide_t>price * size < self.notional_min:
            return self.refuse(NOTIONAL_TOO_SMALL, int_of(<wide_t>price * size), int_of(self.notional_min))
        return 0

    cdef int check_collar(self, int side, int64_t price, bint is_exit) except -1:
        """The distance of the price from the middle."""
        cdef int64_t most = self.exit_collar_bps if is_exit else self.collar_bps
        cdef wide_t middle = self.received.good_middle2 if is_exit else self.middle2(), distance
        if not most:
            return 0
        distance = (2 * <wide_t>price - middle) * BPS
        distance = side * distance if is_exit else (distance if distance > 0 else -distance)
        if distance <= middle * most:
            return 0
        return self.refuse(PRICE_COLLAR, -(-int_of(distance) // int_of(middle)), most)

    cdef int check_venue(self, int side, int64_t size, int64_t price) except -1:
        """The venue's largest size, its prices, its largest notional and position."""
        cdef int64_t up = self.bid_up if side > 0 else self.ask_up, down = self.bid_down if side > 0 else self.ask_down
        cdef wide_t middle = self.received.good_middle2 if up or down else 0, bound
        if size > self.size_max > 0:
            return self.refuse(ORDER_TOO_LARGE, size, self.size_max)
        bound = max((middle * down + 2 * MILLION - 1) // (2 * MILLION), <wide_t>self.price_min)
        if price < bound:
            return self.refuse(PRICE_BOUND, price, int_of(bound))
        bound = middle * up // (2 * MILLION)
        bound = min(bound if bound else <wide_t>price, <wide_t>(self.price_max if self.price_max else price))
        if price > bound:
            return self.refuse(PRICE_BOUND, price, int_of(bound))
        if <wide_t>price * size > self.notional_max > 0:
            return self.refuse(NOTIONAL_TOO_LARGE, int_of(<wide_t>price * size), int_of(self.notional_max))
        if self.position_max and side > 0 and not self.is_exit(side, size) and (
            self.account.position + self.account.open_buy + size > self.position_max
        ):
            found = self.account.position + self.account.open_buy + size
            return self.refuse(VENUE_POSITION, found, self.position_max)
        return 0

    cdef int check_caps(self, int side, int64_t size, int64_t price) except -1:
        """The caps in dollars: of the order, and of the largest position that it may lead to."""
        cdef wide_t value = <wide_t>price * size
        cdef int64_t worst
        if self.order_cap and value > self.order_cap:
            return self.refuse(ORDER_TOO_LARGE, self.micro(int_of(value)), self.caps.order_micro)
        if not self.position_cap:
            return 0
        worst = self.account.position * side + size
        worst += self.account.open_buy if side > 0 else self.account.open_sell
        value = max(worst, <int64_t>0) * max(2 * <wide_t>price, <wide_t>self.middle2())
        if value > 2 * self.position_cap:
            return self.refuse(POSITION_TOO_LARGE, self.micro(int_of(value), 2), self.caps.position_micro)
        return 0

    def micro(self, value, parts=1):
        """An amount, of which `parts` are one, in millionths of a dollar, rounded up."""
        return -(-value * MILLION // (parts * int_of(self.unit)))

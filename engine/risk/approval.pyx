# cython: language_level=3, cdivision=True
"""The gate's approval in machine integers; it never refuses an order.

`approves` runs the entry checks of `RiskGate` in 128-bit arithmetic. True means that the gate would approve; False
means nothing: the order may be wrong, or an exit that only the exits' own checks let pass, or its numbers too wide to
be multiplied here, and the gate, in exact Python integers, is asked. So there is one place where a refusal comes from,
and tests hold every yes against it. An order that is approved costs one call, whose code fits a few cache lines: it
runs once in many milliseconds, when the processor has long been busy with looking for work and remembers nothing of it.

`PRODUCT_MOST` bounds every product of price and size: times a million, and a little more, it fits 127 bits.
"""

from cpython.long cimport PyLong_AsLongLongAndOverflow
from libc.stdint cimport INT64_MAX, int64_t

from engine.model.wide cimport wide_t
from engine.model.words cimport BOOK_GOOD
from engine.risk.cap_table cimport CapTable, Order
from engine.risk.market cimport Top
from engine.risk.rate cimport SharedRate, SlidingRate
from engine.venues.trading.clearance cimport Clearance

cdef enum:
    BPS = 10_000
    MICRO = 1_000_000
    DECIMALS_MOST = 18  # 10 to this fits 64 bits

MINUTE_NS = 60_000_000_000

cdef int64_t EXPOSURE_MOST = <int64_t>1 << 61  # the sum of three of them fits 64 bits
cdef wide_t PRODUCT_MOST = <wide_t>1 << 105


cdef inline bint narrow(int64_t size) noexcept:
    """Whether three such sizes may be added."""
    return -EXPOSURE_MOST < size < EXPOSURE_MOST


cdef class Terms:
    """One instrument's numbers; `quick` when they fit and its quote counts as one dollar."""

    def __init__(self, instrument, usd_quotes):
        """Copy them, or leave the instrument to the gate."""
        cdef int decimals = instrument.price_decimals + instrument.size_decimals
        numbers = (
            instrument.size_min, instrument.size_max, instrument.notional_min, instrument.size_step,
            instrument.price_min, instrument.price_max, instrument.notional_max, instrument.position_max,
        )
        if decimals > DECIMALS_MOST or max(numbers) > INT64_MAX or min(numbers) < 0:
            return
        self.quick = instrument.trading and instrument.quote in usd_quotes
        self.price_step, self.size_step = instrument.price_step, instrument.size_step
        self.size_min, self.size_max = instrument.size_min, instrument.size_max
        self.notional_min = instrument.notional_min
        self.price_min, self.price_max = instrument.price_min, instrument.price_max
        self.notional_max, self.position_max = instrument.notional_max, instrument.position_max
        self.up[0], self.down[0] = instrument.ask_up, instrument.ask_down
        self.up[1], self.down[1] = instrument.bid_up, instrument.bid_down
        self.scale = int("1" + decimals * "0")


cdef bint venue_allows(Terms terms, Top top, bint buys, int64_t price, wide_t value) noexcept:
    """The venue's bounds of a price and of a notional allow the order."""
    cdef wide_t middle2 = <wide_t>top.bid + top.ask
    cdef wide_t millionths2 = 2 * <wide_t>price * MICRO
    if price < terms.price_min or price > terms.price_max > 0 or value > terms.notional_max > 0:
        return False
    return millionths2 >= middle2 * terms.down[buys] and not millionths2 > middle2 * terms.up[buys] > 0


cdef class Seat:
    """What one strategy may trade, and the bounds on its requests: the account's and its own."""

    def __init__(self, permitted, SlidingRate account, SlidingRate own):
        """Keep the permitted instruments and both bounds."""
        self.permitted, self.account, self.own = frozenset(permitted), account, own


cdef class Approval:
    """The switches of risk, the rate in its two parts, and a quick yes."""

    def __init__(self, limits, instruments, tops, exposures, permits, dict stopped=None):
        """Begin closed: not reconciled, not connected; approve nothing before `set_approval`.

        `permits`: the instruments of each strategy. `stopped`: the instruments that execution has halted, with the
        reason of each.
        """
        common, reserved, count = limits.common_rate, limits.reserved_rate, len(permits)
        self.rate = SharedRate(common, limits.strategy_rate(common, count), MINUTE_NS)
        self.reserve = SharedRate(reserved, limits.strategy_rate(reserved, count), MINUTE_NS)
        self.seats = {
            strategy: Seat(permitted, self.rate.account, self.rate.own(strategy))
            for strategy, permitted in permits.items()
        }
        self.backoff_until_ns = 0  # the venue asked for silence until then
        self.entries_from_ns = 0
        self.halted_strategies, self.halted_instruments = set(), set()  # by an operator, or a strategy's policy
        self.stopped = {} if stopped is None else stopped
        self.terms = {number: Terms(one, limits.usd_quotes) for number, one in instruments.items()}
        self.tops = tops
        self.exposures = exposures
        self.clearance = Clearance()
        self.disabled = set()

    def set_approval(self, limits, bint approves, CapTable further, int64_t each):
        """Approve within these limits and further caps from now on; the requests of the last minute still count.

        Without `approves` nothing is approved here. An approval evaluates `each` checks.
        """
        common, reserved, count = limits.common_rate, limits.reserved_rate, len(self.seats)
        self.rate.set_limits(common, limits.strategy_rate(common, count))
        self.reserve.set_limits(reserved, limits.strategy_rate(reserved, count))
        caps = (
            limits.max_book_age_ns, limits.max_intent_age_ns, limits.max_intent_ahead_ns, limits.max_spread_bps,
            limits.price_collar_bps, limits.max_order_micro, limits.max_position_micro,
        )
        self.price_age_ns = min(limits.max_book_age_ns, INT64_MAX)
        self.quick, self.further, self.each = approves and max(caps) <= INT64_MAX, further, each
        if self.quick:
            (
                self.book_age_ns, self.intent_age_ns, self.intent_ahead_ns, self.spread_bps, self.collar_bps,
                self.max_order, self.max_position,
            ) = caps

    cpdef bint approves(
        self, int64_t now_ns, object strategy, object instrument_id, int side, int64_t price, int64_t size,
        int64_t decided_ns, int64_t ttl_ns
    ) except -1:
        """Whether the gate approves an order that replaces none, as an entry; False: ask it."""
        cdef Terms terms
        cdef Top top
        cdef int64_t allowed_ns = ttl_ns if 0 < ttl_ns < self.intent_age_ns else self.intent_age_ns
        cdef wide_t age_ns = <wide_t>now_ns - decided_ns
        cdef Seat seat = self.seats.get(strategy)
        if self.halted or self.draining or not self.reconciled or not self.connected or self.exits_only:
            return False
        if self.account_halted or (self.halted_strategies and strategy in self.halted_strategies):
            return False
        if self.stopped and instrument_id in self.stopped:
            return False
        if self.halted_instruments and instrument_id in self.halted_instruments:
            return False
        if self.disabled and strategy in self.disabled:
            return False
        if not self.quick or (side != 1 and side != -1) or size <= 0 or price <= 0 or now_ns < self.backoff_until_ns:
            return False
        if now_ns < self.entries_from_ns:
            return False
        if ttl_ns < 0 or age_ns > allowed_ns or -age_ns > self.intent_ahead_ns:
            return False
        if seat is None or instrument_id not in seat.permitted:
            return False
        if seat.account.count(now_ns) >= seat.account.limit or seat.own.count(now_ns) >= seat.own.limit:
            return False
        terms, top = self.terms.get(instrument_id), self.tops.get(instrument_id)
        if terms is None or top is None or not terms.quick or not self.book_allows(top, now_ns, price):
            return False
        if price % terms.price_step or size % terms.size_step or size < terms.size_min:
            return False
        if <wide_t>price * size < terms.notional_min or size > terms.size_max > 0:
            return False
        if self.crowded or not venue_allows(terms, top, side == 1, price, <wide_t>price * size):
            return False
        if not self.caps_allow(terms, top, instrument_id, side, price, size):
            return False
        if self.further is not None and not self.further_allow(
            now_ns, strategy, instrument_id, side, price, size, decided_ns, ttl_ns
        ):
            return False
        self.checks += self.each
        self.clearance.grant(instrument_id, side, price, size, now_ns)
        return True

    def grant(self, int64_t instrument_id, int side, int64_t price, int64_t size, int64_t now_ns):
        """Let one request leave in this step. Only the gate's own checks call it."""
        self.clearance.grant(instrument_id, side, price, size, now_ns)

    cpdef int revoke(self) except -1:
        """Let none leave."""
        self.clearance.grant(0, 0, 0, 0, 0)
        return 0

    cdef bint further_allow(
        self, int64_t now_ns, object strategy, object instrument_id, int side, int64_t price, int64_t size,
        int64_t decided_ns, int64_t ttl_ns
    ) except -1:
        """The further caps allow the order."""
        cdef Order order = Order.__new__(Order)
        order.now_ns, order.strategy, order.instrument, order.side = now_ns, strategy, instrument_id, side
        order.price, order.size, order.decided_ns, order.ttl_ns = price, size, decided_ns, ttl_ns
        order.id = instrument_id
        return self.further.allows(order)

    def price2(self, int64_t now_ns, instrument_id):
        """Twice the middle of a GOOD book that is not too old; 0 without one."""
        cdef Top top = self.tops.get(instrument_id)
        if top is None or top.state != BOOK_GOOD or <wide_t>now_ns - top.receive_ns > self.price_age_ns:
            return 0
        return top.middle2

    cpdef int mark(self, int64_t now_ns, object strategy, bint reserved) except -1:
        """A request of this strategy left, on the part of the rate that its verdict named."""
        return (self.reserve if reserved else self.rate).mark(now_ns, strategy)

    cdef bint book_allows(self, Top top, int64_t now_ns, int64_t price) noexcept:
        """A good book, young, narrow, and the price within the collar."""
        cdef wide_t middle2 = <wide_t>top.bid + top.ask
        cdef wide_t distance = 2 * <wide_t>price - middle2
        if top.state != BOOK_GOOD or not top.two_sided or <wide_t>now_ns - top.receive_ns > self.book_age_ns:
            return False
        if not top.spread_bps <= <double>self.spread_bps:
            return False
        return (distance if distance > 0 else -distance) * BPS <= middle2 * self.collar_bps

    cdef bint caps_allow(
        self, Terms terms, Top top, object instrument_id, int side, int64_t price, int64_t size
    ) except -1:
        """The order and the worst case it leads to are within their caps."""
        cdef wide_t product = <wide_t>price * size
        cdef wide_t price2 = 2 * <wide_t>price
        cdef wide_t middle2 = <wide_t>top.bid + top.ask
        cdef int64_t held = 0, pending = 0, worst
        cdef int wide = 0, wider = 0
        if product > PRODUCT_MOST or product * MICRO > <wide_t>self.max_order * terms.scale:
            return False
        exposure = self.exposures.get(instrument_id)
        if exposure is not None:
            held = PyLong_AsLongLongAndOverflow(exposure.size, &wide)
            pending = PyLong_AsLongLongAndOverflow(exposure.open_buy if side == 1 else exposure.open_sell, &wider)
        if wide or wider or not (narrow(held) and narrow(pending) and narrow(size)):
            return False
        worst = held * side + pending + size
        if worst <= 0:
            return True
        if side == 1 and worst > terms.position_max > 0:
            return False
        if price2 < middle2:
            price2 = middle2
        product = <wide_t>worst * price2
        return product <= PRODUCT_MOST and product * MICRO <= 2 * <wide_t>self.max_position * terms.scale

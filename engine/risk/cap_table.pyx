# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The configured further caps as a table of numbers, for the compiled approval; it never refuses an order.

    a cap ── precompute(table) ─▶ a number here            a cap without `precompute` ─▶ its own `check`, for each order

The sums are floats. A cap allows an order only where it is within its bound by more than every rounding could make
(`SLACK`, and one millionth of a dollar for each instrument, because the exact sums round up); nearer to the bound the
answer is no, and the gate decides by whole numbers. So the twin of each figure here is the cap's `check`, and a test
compares the two over random accounts.
"""

from cpython.long cimport PyLong_AsDouble
from libc.math cimport INFINITY, fabs
from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint64_t
from libc.stdlib cimport calloc, free

from engine.model.words cimport BOOK_GOOD
from engine.risk.market cimport Top

from engine.risk.history.returns import DAY_NS
from engine.risk.var import TAIL
from engine.risk.volume import SECOND_NS

cdef int64_t DAY = DAY_NS, SECOND = SECOND_NS

cdef enum:
    MICRO = 1_000_000
    SLOTS = 1 << 15  # of orders that another could repeat
    PROBES = 16  # slots that one key may use

cdef uint64_t MULTIPLIER = 0x9E3779B97F4A7C15  # the golden ratio, which spreads neighbouring keys

cdef double SLACK = 1e-9  # of a sum: thousands of times what its roundings can make


cdef class Line:
    """One instrument's numbers, and what the order in question lets its position reach."""

    def __init__(self, instrument, Top top, bint quick):
        """`quick`: its quote counts as one dollar; else the gate must be asked whenever it counts."""
        self.number = self.id = instrument.id
        self.top, self.quick = Top() if top is None else top, quick
        self.unit = MICRO / (2.0 * 10.0 ** (instrument.price_decimals + instrument.size_decimals))


cdef class Order:
    """The order in question."""

    cdef tuple fields(self):
        """The fields of `Proposed`."""
        return (
            self.now_ns, self.strategy, self.instrument, self.side, self.price, self.size, self.decided_ns,
            self.ttl_ns, 0, False,
        )


cdef class Repeats:
    """When orders of each strategy, instrument, side, price and size were last decided.

    It may find an order that does not exist (two keys of one number), and then the cap itself is asked.
    """

    def __init__(self, newest_orders, int64_t window_ns, int64_t slack_ns):
        """`newest_orders()` are execution's, the newest first; `slack_ns`: how much later one may be decided first."""
        assert self.slots == NULL, "initialised once"
        self.newest_orders, self.window_ns, self.slack_ns = newest_orders, window_ns, slack_ns
        self.crowded_ns = INT64_MIN
        self.slots = <Repeat *>calloc(SLOTS, sizeof(Repeat))
        if self.slots == NULL:
            raise MemoryError

    def __dealloc__(self):
        """Free the slots."""
        free(self.slots)

    cdef int follow(self) except -1:
        """Note the orders that were entered since the last call."""
        newest = None
        for one in self.newest_orders():
            if one is self.last:
                break
            if newest is None:
                newest = one
            if one.intent_ns and not one.child:
                self.note(key_of(one.strategy, one.instrument, one.side, one.price, one.size), one.intent_ns)
                if one.amend_to:  # it may still get this size
                    self.crowded_ns = max(self.crowded_ns, one.intent_ns)
        if newest is not None:
            self.last = newest
        return 0

    cdef int note(self, uint64_t key, int64_t decided_ns) noexcept:
        """Keep the newest decision of a key, in place of one that no later order can repeat."""
        cdef int64_t over_ns = decided_ns - self.window_ns - self.slack_ns
        cdef Repeat *slot
        cdef Repeat *free_slot = NULL
        cdef int probe
        for probe in range(PROBES):
            slot = &self.slots[(key + probe) & (SLOTS - 1)]
            if slot.key == key:
                slot.decided_ns = max(slot.decided_ns, decided_ns)
                return 0
            if free_slot == NULL and (slot.key == 0 or slot.decided_ns < over_ns):
                free_slot = slot
        if free_slot == NULL:
            self.crowded_ns = max(self.crowded_ns, decided_ns)
        else:
            free_slot.key, free_slot.decided_ns = key, decided_ns
        return 0

    cdef bint has(self, uint64_t key, int64_t decided_ns) noexcept:
        """Whether an order of this key may have been decided less than the window before or after."""
        cdef Repeat *slot
        cdef int probe
        if self.crowded_ns > decided_ns - self.window_ns:
            return True
        for probe in range(PROBES):
            slot = &self.slots[(key + probe) & (SLOTS - 1)]
            if slot.key == key and slot.decided_ns > decided_ns - self.window_ns:
                return True
        return False


cdef uint64_t key_of(uint64_t strategy, uint64_t instrument, int64_t side, int64_t price, int64_t size) noexcept:
    """A number of 64 bits for what two orders must have in common; never 0."""
    cdef uint64_t key = mix(mix(strategy, instrument), <uint64_t>side)
    key = mix(mix(key, <uint64_t>price), <uint64_t>size)
    return key if key else 1


cdef inline uint64_t mix(uint64_t key, uint64_t part) noexcept:
    """A key with one part more."""
    key = (key ^ part) * MULTIPLIER
    return key ^ key >> 29


cdef class CapTable:
    """Every configured further cap."""

    def __init__(self, account, dict tops not None, caps):
        """Of this account (`gate.Account`); each cap enters its numbers."""
        limits = account.limits
        self.account, self.exposures, self.sight = account, account.exposures, account.sight
        self.book_age_ns, self.var_window_days = limits.max_book_age_ns, limits.var_window_days
        self.lines = [
            Line(one, tops.get(one.id), one.quote in limits.usd_quotes) for one in account.instruments.values()
        ]
        self.capital = 0 if limits.capital_usd is None else float(limits.capital_usd) * MICRO
        self.gross_most = self.net_most = self.share_most = self.own_share_most = self.var_most = INFINITY
        self.open_most = 0
        self.sectors, self.checks = [], []
        for cap in caps:
            precompute = getattr(cap, "precompute", None)
            if precompute is None:
                self.checks.append(cap)
            else:
                precompute(self)

    def ask(self, cap):
        """Ask this cap itself about each order."""
        self.checks.append(cap)

    def bound_gross(self, double most):
        """The account's gross worst case is at most this, in millionths of a dollar."""
        self.gross_most, self.needs_lines = most, True

    def bound_net(self, double most):
        """The account's net worst case on the order's side is at most this."""
        self.net_most, self.needs_lines = most, True

    def bound_sector(self, double most):
        """The gross worst case of each sector that has the order's instrument is at most this."""
        for numbers in self.account.limits.sectors.values():
            self.sectors.append(({line.number: line for line in self.lines if line.number in numbers}, most))
        self.needs_lines = True

    def bound_share(self, double share):
        """The gross worst case is at most this share of the equity."""
        self.share_most, self.needs_lines, self.needs_equity = min(self.share_most, share), True, True

    def bound_own_share(self, double share):
        """The worst case of the order's instrument is at most this share of the equity."""
        self.own_share_most, self.needs_lines, self.needs_equity = share, True, True

    def bound_var(self, double most, int64_t days_least, int64_t days_old_most):
        """The value at risk is below this, over at least so many days, the newest at most so many days ago."""
        self.var_most, self.needs_lines = most, True
        self.days_least, self.days_old_most = days_least, days_old_most

    def bound_open_orders(self, int64_t most):
        """At most so many orders are open."""
        self.open_most = most

    def bound_size(self, most_of):
        """An order is at most `most_of(account, instrument, now_ns)`, which never falls within a second."""
        self.size_most_of = most_of

    def refuse_self_trade(self, cap):
        """Ask this cap only while an order on the other side of the instrument is open."""
        self.self_trade = cap

    def refuse_repeats(self, cap, int64_t window_ns):
        """Ask this cap only where an order may repeat another one of the window."""
        limits = self.account.limits
        slack_ns = limits.max_intent_age_ns + limits.max_intent_ahead_ns
        self.repeated, self.repeats = cap, Repeats(self.sight.newest_orders, window_ns, slack_ns)

    def note_amend(self, int64_t now_ns):
        """Ask the cap on repeats itself about orders decided up to a window later: an open order gets another size."""
        if self.repeats is not None:
            self.repeats.crowded_ns = max(self.repeats.crowded_ns, now_ns)

    def approves(self, proposed):
        """Whether every cap certainly allows this order, which replaces none, follows no book and is no pair."""
        cdef Order order = Order.__new__(Order)
        (
            order.now_ns, order.strategy, order.instrument, order.side, order.price, order.size, order.decided_ns,
            order.ttl_ns, relief, follows_book, pair,
        ) = proposed
        assert not relief and not follows_book and not pair, proposed
        order.id = order.instrument
        return self.allows(order)

    cdef bint allows(self, Order order) except -1:
        """Whether every cap certainly allows an order that replaces none."""
        if self.needs_lines and not self.positions_allow(order):
            return False
        if not self.orders_allow(order):
            return False
        if self.size_most_of is not None and not self.size_allows(order):
            return False
        for cap in self.checks:
            if not self.asks(cap, order):
                return False
        return True

    cdef bint size_allows(self, Order order) except -1:
        """The cap on the size for its market."""
        cdef Line line
        cdef int64_t second = order.now_ns // SECOND
        for line in self.lines:
            if line.id == order.id:
                if second != line.size_second or order.size > line.size_most:
                    line.size_second = second
                    line.size_most = min(INT64_MAX, self.size_most_of(self.account, line.number, order.now_ns))
                return order.size <= line.size_most
        return False

    cdef bint orders_allow(self, Order order) except -1:
        """The caps on open and earlier orders."""
        cdef uint64_t key
        if self.open_most and len(self.sight.open_orders()) >= self.open_most:
            return False
        if self.self_trade is not None:
            exposure = self.exposures.get(order.instrument)
            pending = exposure is not None and (exposure.open_sell if order.side == 1 else exposure.open_buy)
            if pending and not self.asks(self.self_trade, order):
                return False
        if self.repeats is None:
            return True
        self.repeats.follow()
        key = key_of(order.strategy, order.instrument, order.side, order.price, order.size)
        return not self.repeats.has(key, order.decided_ns) or self.asks(self.repeated, order)

    cdef bint asks(self, object cap, Order order) except -1:
        """Whether a cap's own check allows the order."""
        if order.proposed is None:
            from engine.risk.gate import Proposed  # the gate imports the approval, which has this table

            order.proposed = Proposed(*order.fields())
        return cap.check(order.proposed, self.account) is None

    cdef bint positions_allow(self, Order order) except -1:
        """The caps on positions, open orders and the new one, at the prices of good and fresh books."""
        if not self.fill_lines(order) or not self.sums_allow(order):
            return False
        return self.var_most == INFINITY or self.var_allows(order)

    cdef bint fill_lines(self, Order order) except -1:
        """What each instrument can reach, in sizes and in millionths of a dollar; False without a price."""
        cdef Line line
        cdef double held, price2, own
        for line in self.lines:
            line.buy = line.sell = line.up = line.down = line.worst = 0
            exposure = self.exposures.get(line.number)
            if exposure is not None:
                held = PyLong_AsDouble(exposure.size)
                line.buy = held + PyLong_AsDouble(exposure.open_buy)
                line.sell = PyLong_AsDouble(exposure.open_sell) - held
            is_own = line.id == order.id
            if is_own:
                line.buy += order.size if order.side == 1 else 0
                line.sell += 0 if order.side == 1 else order.size
            if line.buy == 0 and line.sell == 0:
                continue
            if not line.quick or not is_fresh(line.top, order.now_ns, self.book_age_ns):
                return False
            price2 = <double>line.top.bid + <double>line.top.ask
            own = max(price2, 2 * <double>order.price) if is_own else price2
            line.up = line.buy * (own if line.buy > 0 else price2) * line.unit
            line.down = line.sell * (own if line.sell > 0 else price2) * line.unit
            line.worst = max(line.up, line.down, 0)
        return True

    cdef bint sums_allow(self, Order order) except -1:
        """The sums in dollars are below their bounds, and below their shares of the equity."""
        cdef Line line
        cdef double gross = 0, net = 0, own = 0, width = 0, more = len(self.lines), equity
        for line in self.lines:
            gross += line.worst
            net += line.up if order.side == 1 else line.down
            width += fabs(line.up) + fabs(line.down)
            if line.id == order.id:
                own = line.worst
        more += width * SLACK
        if gross + more > self.gross_most or net + more > self.net_most:
            return False
        for lines, most in self.sectors:
            if order.instrument in lines and gross_of(<dict>lines) + more > most:
                return False
        if not self.needs_equity:
            return True
        equity = self.equity_at_least(order.now_ns)
        return equity > 0 and gross + more <= equity * self.share_most and own + more <= equity * self.own_share_most

    cdef double equity_at_least(self, int64_t now_ns) except? -1:
        """A little less than the account's equity; 0 where it is not known."""
        cdef Line line
        cdef double total = self.capital, width = fabs(self.capital)
        for line in self.lines:
            exposure = self.exposures.get(line.number)
            if exposure is None:
                continue
            if exposure.held and not is_fresh(line.top, now_ns, self.book_age_ns):
                return 0
            if not self.update_net(line, exposure):
                return 0
            total += line.net
            width += fabs(line.net)
        return total - width * SLACK - len(self.lines) - 1

    cdef bint update_net(self, Line line, object exposure) except -1:
        """The net of an instrument, computed again after a fill and at another price; False: it is not known."""
        fill_count = exposure.fill_count
        if exposure is line.exposure and fill_count is line.fill_count and (
            line.top.bid == line.bid and line.top.ask == line.ask
        ):
            return True
        net2 = exposure.net2(<object>line.top.bid + <object>line.top.ask if exposure.held else 0)
        if net2 is None or (net2 and not line.quick):
            return False
        if not line.money_unit:
            line.money_unit = MICRO / (2 * 10.0 ** <int>exposure.money_decimals)
        line.net = PyLong_AsDouble(net2) * line.money_unit
        line.exposure, line.fill_count, line.bid, line.ask = exposure, fill_count, line.top.bid, line.top.ask
        return True

    cdef bint var_allows(self, Order order) except -1:
        """At most 5 % of the past days would lose as much as the limit; no day would, if the worst of each do not."""
        cdef Line line
        cdef double loss = 0, more
        cdef Py_ssize_t day, place, above = 0
        cdef list reached = [line for line in self.lines if line.buy != 0 or line.sell != 0]
        cdef int64_t today = order.now_ns // DAY
        if today != self.past_today or self.account.returns.version != self.past_version or reached != self.reached:
            self.use_days(reached, today)
        if not self.days:
            return False
        for line in reached:
            loss += (line.worst + rounding_of(line)) * max(line.most_rise, line.most_fall)
        if loss < self.var_most:
            return True
        for day in range(self.days):
            loss = 0
            for place in range(len(reached)):
                line = <Line>reached[place]
                more = rounding_of(line)
                loss += (line.down + more) * self.rises[day, place] + (line.up + more) * self.falls[day, place]
            above += loss >= self.var_most
        return above <= self.days // <Py_ssize_t>TAIL

    cdef int use_days(self, list reached, int64_t today) except -1:
        """Read the past days of these instruments, once a day; none where they are too few or too old."""
        cdef Line line
        cdef Py_ssize_t place
        returns, self.days = self.account.returns, 0
        past = returns.scenarios(tuple([(<Line>line).number for line in reached]), today, self.var_window_days)
        self.past, self.reached, self.past_today, self.past_version = past, reached, today, returns.version
        if len(past.days) < self.days_least or max(past.days) < today - self.days_old_most:
            return 0
        self.days, self.rises, self.falls = len(past.days), past.rises, past.falls
        for place in range(len(reached)):
            line = <Line>reached[place]
            line.most_rise, line.most_fall = past.rises[:, place].max(), past.falls[:, place].max()
        return 0


cdef double gross_of(dict lines) except? -1:
    """The gross worst case of these instruments."""
    cdef double total = 0
    for line in lines.values():
        total += (<Line>line).worst
    return total


cdef inline double rounding_of(Line line) noexcept:
    """By how much a value of this instrument may be higher than its float: the exact one is rounded up."""
    return 1 + SLACK * (fabs(line.up) + fabs(line.down))


cdef inline bint is_fresh(Top top, int64_t now_ns, int64_t age_ns) noexcept:
    """Whether a book is good and not too old."""
    return top.state == BOOK_GOOD and top.two_sided and now_ns - top.receive_ns <= age_ns

# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The compiled loops over bars: what is held, what it cost and what it is worth, bar by bar and set by set.

    row t:  open    what the close of row t - 1 decided is filled: open ± half a spread, the taker's fee
            close   valued at the close; the close decides for row t + 1

Positions, prices and fees are whole numbers, so they equal those of an event-by-event run. A mean is the exact sum
divided once, as `engine.indicators.Sma` returns it for whole numbers.
"""

from libc.stdint cimport int8_t, int64_t

from engine.model.wide cimport wide_of, wide_t
from research.simulate.matching.schedule cimport Schedule

cdef int64_t FEE_UNIT = 100_000_000  # of one unit of the quote currency


cdef struct Account:
    wide_t money  # brought by fills, in the decimals of price times size
    int64_t fees
    int64_t position
    int64_t fills
    double cash  # money less fees, in the quote currency
    double held  # the position, in the base currency
    double equity
    double peak
    double drawdown


cdef class Market:
    """The bars of a run, and the costs of a fill; `Kernel.cross` and `hold` read them."""

    cdef const int64_t[::1] start_ns, opens, closes, sums
    cdef const double[::1] values  # the closes, in the quote currency
    cdef int64_t half
    cdef wide_t scale
    cdef double unit, size_unit
    cdef readonly Py_ssize_t rows

    def __init__(self, start_ns, opens, closes, sums, values, half, price_decimals, size_decimals):
        """`sums` has one element more than rows: the sum of the closes before each row."""
        scale = 10 ** (price_decimals + size_decimals)
        self.start_ns, self.opens, self.closes, self.sums, self.values = start_ns, opens, closes, sums, values
        self.half, self.rows = half, len(opens)
        self.scale = wide_of(scale >> 64, scale & 0xFFFFFFFFFFFFFFFF)
        self.unit, self.size_unit = scale, 10**size_decimals

    cdef void trade(self, Account *account, Schedule schedule, Py_ssize_t row, int64_t target) noexcept nogil:
        """Fill what brings the position to its target at a row's open."""
        cdef int64_t size = target - account.position
        cdef int64_t price = self.opens[row] + (self.half if size > 0 else -self.half)
        cdef wide_t notional = <wide_t>price * (size if size > 0 else -size)
        account.money -= <wide_t>price * size
        account.fees += schedule.fee(self.start_ns[row], notional, self.scale, False)
        account.position, account.fills = target, account.fills + 1
        account.cash = <double>account.money / self.unit - <double>account.fees / <double>FEE_UNIT
        account.held = <double>target / self.size_unit

    cdef inline void value(self, Account *account, Py_ssize_t row) noexcept nogil:
        """Value the account at a row's close."""
        cdef double equity = account.cash + account.held * self.values[row]
        account.equity = equity
        account.peak = max(account.peak, equity)
        account.drawdown = max(account.drawdown, account.peak - equity)

    def cross(self, Schedule schedule not None, int64_t fast, int64_t slow, int64_t size, curve=None):
        """Hold `size` while the fast mean of the closes is over the slow one.

        Returns position, fills, fees, equity and drawdown at the end. `curve` gets the account after each row: its
        columns position, fees and equity.
        """
        cdef Account account = Account(0, 0, 0, 0, 0, 0, 0, 0, 0)
        cdef const int64_t *sums = &self.sums[0]
        cdef double of_fast = <double>fast, of_slow = <double>slow
        cdef int64_t target = 0, row
        cdef bint is_fast
        cdef bint kept = curve is not None
        cdef int64_t[::1] positions = curve["position"] if kept else None
        cdef int64_t[::1] fees = curve["fees"] if kept else None
        cdef double[::1] equities = curve["equity"] if kept else None
        with nogil:
            for row in range(self.rows):
                if target != account.position:
                    self.trade(&account, schedule, row, target)
                self.value(&account, row)
                if row + 1 >= slow:
                    is_fast = (<double>(sums[row + 1] - sums[row + 1 - fast]) / of_fast
                               > <double>(sums[row + 1] - sums[row + 1 - slow]) / of_slow)
                    target = size if is_fast else 0
                if kept:
                    positions[row], fees[row], equities[row] = account.position, account.fees, account.equity
        return account.position, account.fills, account.fees, account.equity, account.drawdown

    def hold(self, Schedule schedule not None, const int8_t[::1] sides, int64_t size, curve=None):
        """Hold `size` on the side that each row's close decides: 1 long, 0 flat, -1 short. As `cross` otherwise."""
        cdef Account account = Account(0, 0, 0, 0, 0, 0, 0, 0, 0)
        cdef int64_t target = 0, row
        cdef bint kept = curve is not None
        cdef int64_t[::1] positions = curve["position"] if kept else None
        cdef int64_t[::1] fees = curve["fees"] if kept else None
        cdef double[::1] equities = curve["equity"] if kept else None
        with nogil:
            for row in range(self.rows):
                if target != account.position:
                    self.trade(&account, schedule, row, target)
                self.value(&account, row)
                target = sides[row] * size
                if kept:
                    positions[row], fees[row], equities[row] = account.position, account.fees, account.equity
        return account.position, account.fills, account.fees, account.equity, account.drawdown

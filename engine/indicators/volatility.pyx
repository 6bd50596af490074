# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""How far prices move: average true range, Bollinger bands, realised volatility."""

from libc.math cimport NAN, fabs, fma, log, sqrt
from libc.stdint cimport int64_t

from engine.indicators.indicator cimport Indicator
from engine.indicators.smooth cimport Smooth, smooth
from engine.indicators.sums cimport Moving, Sum, add_pair, add_product, mean_of, slide, sum_of

from engine.indicators.definition import WINDOW, Definition, Kind, Parameter


cdef struct Range:
    Smooth average
    double close
    int64_t begun


cdef class Atr(Indicator):
    """Wilder's average true range."""

    cdef Range *state
    cdef int64_t window
    definition = Definition(
        "atr", "average true range (Wilder)", Kind.BAR, ("high", "low", "close"),
        "true range = max(high, last close) − min(low, last close); atr += (true range − atr) / `window`; the first "
        "one is "
        "the mean of `window` true ranges",
        lambda p: p["window"] + 1, (Parameter("window", 14, 1),), talib="ATR",
    )

    cpdef prepare(self):
        """The average."""
        self.window = self.parameters["window"]
        self.state = <Range *>self.allocate(sizeof(Range), 0)

    cdef int advance(self, const double *row) except -1:
        """One bar: high, low, close."""
        cdef Range *state = self.state
        cdef double close = state.close
        state.close = row[2]
        if not state.begun:
            state.begun = True
            return 0
        cdef double span = max(row[0] - row[1], fabs(row[0] - close), fabs(row[1] - close))
        if smooth(&state.average, self.window, 1.0 / <double>self.window, span):
            self.out[0] = sum_of(&state.average.average)
        return 0


cdef struct Band:
    Moving plain
    double last
    int64_t still  # prices equal to the last one, without a break
    Sum squares
    Sum turn


cdef class Bollinger(Indicator):
    """Bands of standard deviations around the mean."""

    cdef Band *state
    cdef int64_t window
    cdef double width
    definition = Definition(
        "bollinger", "Bollinger bands", Kind.PRICE, ("price",),
        "bb_middle = mean of `window` prices; bb_upper and bb_lower = bb_middle ± `deviations` · their standard "
        "deviation "
        "(divided by `window`); bb_pct = (price − bb_lower) / (bb_upper − bb_lower), NaN if the bands are equal",
        lambda p: p["window"], (Parameter("window", 20, 2), Parameter("deviations", 2.0, 0.01, 100.0, whole=False)),
        ("bb_middle", "bb_upper", "bb_lower", "bb_pct"), talib="BBANDS",
    )

    cpdef prepare(self):
        """A ring of the window."""
        self.window, self.width = self.parameters["window"], self.parameters["deviations"]
        self.state = <Band *>self.allocate(sizeof(Band), self.window)

    cdef int advance(self, const double *row) except -1:
        """One price."""
        cdef Band *state = self.state
        cdef double old = slide(&state.plain, self.memory, self.window, row[0])
        add_product(&state.squares, -old, old)
        add_product(&state.squares, row[0], row[0])
        add_product(&state.turn, row[0], row[0])
        if state.plain.at == 0:
            state.squares, state.turn = state.turn, Sum(0, 0)
        state.still = state.still + 1 if state.still and row[0] == state.last else 1
        state.last = row[0]
        if state.still >= self.window:
            self.place(row[0], row[0], 0)
        elif state.plain.count == self.window:
            self.place(row[0], mean_of(&state.plain), deviation(&state.plain.total, &state.squares, self.window))
        return 0

    cdef void place(self, double price, double middle, double one) noexcept nogil:
        """The bands around the middle at so many times one deviation."""
        cdef double reach = self.width * one
        self.out[0], self.out[1], self.out[2] = middle, middle + reach, middle - reach
        self.out[3] = 0.5 + (price - middle) / (2 * reach) if reach > 0 else NAN


cdef double deviation(const Sum *total, const Sum *squares, int64_t window) noexcept nogil:
    """The standard deviation: √(n · Σx² − (Σx)²) / n. The difference is exact to about 1e-28 of n · Σx²."""
    cdef double n = <double>window
    cdef double square = total.high * total.high
    cdef double product = n * squares.high
    cdef Sum difference = Sum(product, fma(n, squares.high, -product) + n * squares.low)
    add_pair(&difference, -square, -fma(total.high, total.high, -square) - 2 * total.high * total.low)
    cdef double left = sum_of(&difference)
    return sqrt(left) / n if left > 0 else 0


cdef struct Returns:
    Moving squares
    double last
    int64_t begun


cdef class RealisedVolatility(Indicator):
    """The size of a price's moves: of the middle of a book, of prints, of closes."""

    cdef Returns *state
    cdef int64_t window
    definition = Definition(
        "realised_volatility", "realised volatility", Kind.PRICE, ("price",),
        "√ Σ ln(price / last price)² over `window` moves; not annualised. A price that is not above 0 is missing",
        lambda p: p["window"] + 1, (WINDOW,),
    )

    cpdef prepare(self):
        """A ring of squared returns."""
        self.window = self.parameters["window"]
        self.state = <Returns *>self.allocate(sizeof(Returns), self.window)

    cdef int advance(self, const double *row) except -1:
        """One price."""
        cdef Returns *state = self.state
        cdef double last = state.last
        if row[0] <= 0:
            return self.miss()
        state.last = row[0]
        if not state.begun:
            state.begun = True
            return 0
        cdef double move = log(row[0] / last)
        slide(&state.squares, self.memory, self.window, move * move)
        if state.squares.count == self.window:
            self.out[0] = sqrt(max(sum_of(&state.squares.total), 0))
        return 0

# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Indicators of momentum: RSI, MACD, Stochastic."""

from libc.stdint cimport int64_t

from engine.indicators.extreme cimport Extreme, highest
from engine.indicators.indicator cimport Indicator
from engine.indicators.smooth cimport Smooth, smooth
from engine.indicators.sums cimport Moving, mean_of, slide, sum_of

from engine.indicators.definition import Definition, Kind, Parameter


cdef struct Strength:
    Smooth up
    Smooth down
    double last
    int64_t begun


cdef class Rsi(Indicator):
    """Wilder's relative strength index."""

    cdef Strength *state
    cdef int64_t window
    definition = Definition(
        "rsi", "relative strength index (Wilder)", Kind.PRICE, ("price",),
        "100 · up / (up + down), where up and down are the averages of rises and of falls: average += (move − "
        "average) / "
        "`window`; the first ones are means of `window` moves. 0 if no price moved, as TA-Lib has it",
        lambda p: p["window"] + 1, (Parameter("window", 14, 2),), talib="RSI",
    )

    cpdef prepare(self):
        """Two averages."""
        self.window = self.parameters["window"]
        self.state = <Strength *>self.allocate(sizeof(Strength), 0)

    cdef int advance(self, const double *row) except -1:
        """One price: its move from the last one is a rise or a fall."""
        cdef Strength *state = self.state
        cdef double move = row[0] - state.last
        state.last = row[0]
        if not state.begun:
            state.begun = True
            return 0
        smooth(&state.down, self.window, 1.0 / <double>self.window, -move if move < 0 else 0)
        if smooth(&state.up, self.window, 1.0 / <double>self.window, move if move > 0 else 0):
            self.out[0] = share(sum_of(&state.up.average), sum_of(&state.down.average))
        return 0


cdef inline double share(double up, double down) noexcept nogil:
    """The rises in percent of all moves."""
    return 100 * (up / (up + down)) if up + down > 0 else 0


cdef struct Convergence:
    Smooth fast
    Smooth slow
    Smooth signal
    int64_t rows  # before the fast average began


cdef class Macd(Indicator):
    """The distance of two exponential averages, and the average of this distance."""

    cdef Convergence *state
    cdef int64_t fast
    cdef int64_t slow
    cdef int64_t signal
    definition = Definition(
        "macd", "moving average convergence divergence", Kind.PRICE, ("price",),
        "macd = ema(`fast`) − ema(`slow`); macd_signal = ema(`signal`) of macd; macd_histogram = macd − macd_signal. "
        "Both "
        "first averages end at price `slow`; all three values begin together",
        lambda p: p["slow"] + p["signal"] - 1,
        (Parameter("fast", 12, 1), Parameter("slow", 26, 2), Parameter("signal", 9, 1)),
        ("macd", "macd_signal", "macd_histogram"), talib="MACD",
    )

    cpdef prepare(self):
        """Three averages."""
        self.fast, self.slow, self.signal = [self.parameters[name] for name in ("fast", "slow", "signal")]
        if self.fast >= self.slow:
            raise ValueError(f"macd: fast is {self.fast} and slow is {self.slow}; expected a fast below slow")
        self.state = <Convergence *>self.allocate(sizeof(Convergence), 0)

    cdef int advance(self, const double *row) except -1:
        """One price."""
        cdef Convergence *state = self.state
        cdef double line
        cdef bint known = smooth(&state.slow, self.slow, 2.0 / <double>(self.slow + 1), row[0])
        state.rows += state.rows <= self.slow - self.fast
        if state.rows > self.slow - self.fast:
            smooth(&state.fast, self.fast, 2.0 / <double>(self.fast + 1), row[0])
        if not known:
            return 0
        line = sum_of(&state.fast.average) - sum_of(&state.slow.average)
        if smooth(&state.signal, self.signal, 2.0 / <double>(self.signal + 1), line):
            self.out[0], self.out[1] = line, sum_of(&state.signal.average)
            self.out[2] = self.out[0] - self.out[1]
        return 0


cdef struct Oscillator:
    Extreme high
    Extreme low
    Moving k
    Moving d


cdef class Stochastic(Indicator):
    """The place of the close between the highest and the lowest price of a window."""

    cdef Oscillator *state
    cdef int64_t window
    cdef int64_t k
    cdef int64_t d
    definition = Definition(
        "stochastic", "stochastic oscillator (slow)", Kind.BAR, ("high", "low", "close"),
        "raw = 100 · (close − lowest low) / (highest high − lowest low) of `window` bars, 0 without a range, as "
        "TA-Lib has "
        "it; stochastic_k = mean of `k` raw values; stochastic_d = mean of `d` values of stochastic_k",
        lambda p: p["window"] + p["k"] + p["d"] - 2,
        (Parameter("window", 5, 1), Parameter("k", 3, 1), Parameter("d", 3, 1)),
        ("stochastic_k", "stochastic_d"), talib="STOCH",
    )

    cpdef prepare(self):
        """Two queues of extremes with their rows, then two rings."""
        self.window, self.k, self.d = [self.parameters[name] for name in ("window", "k", "d")]
        self.state = <Oscillator *>self.allocate(sizeof(Oscillator), 4 * self.window + self.k + self.d)

    cdef int advance(self, const double *row) except -1:
        """One bar: high, low, close."""
        cdef Oscillator *state = self.state
        cdef double *queue = self.memory
        cdef int64_t n = self.window
        cdef double top = highest(&state.high, queue, queue + n, n, row[0])
        cdef double bottom = -highest(&state.low, queue + 2 * n, queue + 3 * n, n, -row[1])
        if state.high.row < n:
            return 0
        slide(&state.k, queue + 4 * n, self.k, (row[2] - bottom) / ((top - bottom) / 100) if top != bottom else 0)
        if state.k.count < self.k:
            return 0
        slide(&state.d, queue + 4 * n + self.k, self.d, mean_of(&state.k))
        if state.d.count == self.d:
            self.out[0], self.out[1] = mean_of(&state.k), mean_of(&state.d)
        return 0

# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Averages of a price: simple, exponential, weighted by age."""

from libc.stdint cimport int64_t

from engine.indicators.indicator cimport Indicator
from engine.indicators.smooth cimport Smooth, smooth
from engine.indicators.sums cimport Moving, Sum, add_pair, add_product, mean_of, slide, sum_of

from engine.indicators.definition import WINDOW, Definition, Kind


cdef class Sma(Indicator):
    """The mean of the last prices."""

    cdef Moving *state
    cdef int64_t window
    definition = Definition(
        "sma", "simple moving average", Kind.PRICE, ("price",), "mean of the last `window` prices",
        lambda p: p["window"], (WINDOW,), talib="SMA",
    )

    cpdef prepare(self):
        """A ring of the window."""
        self.window = self.parameters["window"]
        self.state = <Moving *>self.allocate(sizeof(Moving), self.window)

    cdef int advance(self, const double *row) except -1:
        """One price."""
        slide(self.state, self.memory, self.window, row[0])
        if self.state.count == self.window:
            self.out[0] = mean_of(self.state)
        return 0


cdef class Ema(Indicator):
    """The average whose weights decrease by one factor for each price."""

    cdef Smooth *state
    cdef int64_t window
    definition = Definition(
        "ema", "exponential moving average", Kind.PRICE, ("price",),
        "ema += 2 / (`window` + 1) · (price − ema); the first one is the mean of `window` prices",
        lambda p: p["window"], (WINDOW,), talib="EMA",
    )

    cpdef prepare(self):
        """The average."""
        self.window = self.parameters["window"]
        self.state = <Smooth *>self.allocate(sizeof(Smooth), 0)

    cdef int advance(self, const double *row) except -1:
        """One price."""
        if smooth(self.state, self.window, 2.0 / <double>(self.window + 1), row[0]):
            self.out[0] = sum_of(&self.state.average)
        return 0


cdef struct Weighted:
    Moving plain
    Sum total  # Σ weight · price of the window: weight 1 for the oldest, `window` for the newest
    Sum turn


cdef class Wma(Indicator):
    """The average whose weights fall linearly with the age of the price."""

    cdef Weighted *state
    cdef int64_t window
    definition = Definition(
        "wma", "weighted moving average", Kind.PRICE, ("price",),
        "Σ weight · price / Σ weight over `window` prices; weight 1 for the oldest, `window` for the newest",
        lambda p: p["window"], (WINDOW,), talib="WMA",
    )

    cpdef prepare(self):
        """A ring of the window."""
        self.window = self.parameters["window"]
        self.state = <Weighted *>self.allocate(sizeof(Weighted), self.window)

    cdef int advance(self, const double *row) except -1:
        """One price: every weight in a full window falls by one, so the sum of the prices is subtracted."""
        cdef Weighted *state = self.state
        cdef double n = <double>self.window
        if state.plain.count == self.window:
            add_pair(&state.total, -state.plain.total.high, -state.plain.total.low)
            add_product(&state.total, n, row[0])
        add_product(&state.turn, <double>(state.plain.at + 1), row[0])
        slide(&state.plain, self.memory, self.window, row[0])
        if state.plain.at == 0:
            state.total, state.turn = state.turn, Sum(0, 0)
        if state.plain.count == self.window:
            self.out[0] = sum_of(&state.total) / (n * (n + 1) / 2) if state.plain.nonzero else 0
        return 0

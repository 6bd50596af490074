# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Measures of a book as indicators. `engine/book/measures.pxd` computes imbalance and spread here and in BOOK_TOP."""

from libc.math cimport NAN, fabs
from libc.stdint cimport int64_t

from engine.book.measures cimport bps_of, imbalance_between
from engine.indicators.indicator cimport Indicator
from engine.indicators.sums cimport Moving, slide, sum_of

from engine.indicators.definition import Definition, Kind, Missing, Parameter
from engine.model.records import BOOK_DEPTH

BEST = ("bid_price_1", "bid_size_1", "ask_price_1", "ask_size_1")


cdef inline double level(double size) noexcept nogil:
    """The size of a level; 0 if the book has no such level."""
    return size if fabs(size) <= 1e100 else 0


cdef class Imbalance(Indicator):
    """Which side of the book is heavier."""

    cdef int levels
    definition = Definition(
        "imbalance", "book imbalance", Kind.BOOK,
        lambda p: tuple(f"{side}_size_{i + 1}" for side in ("bid", "ask") for i in range(p["levels"])),
        "(bid size − ask size) / (bid size + ask size) over `levels` levels; NaN if a side is empty. BOOK_TOP "
        "publishes the "
        "same number at 10 levels",
        lambda p: 1, (Parameter("levels", BOOK_DEPTH, 1, BOOK_DEPTH),), missing=Missing.ACCEPT,
    )

    cpdef prepare(self):
        """No state but the value."""
        self.levels = self.parameters["levels"]
        self.allocate(0, 0)

    cdef int advance(self, const double *row) except -1:
        """One book: the sizes of the bids, then of the asks."""
        cdef double bid = 0, ask = 0
        cdef int i
        for i in range(self.levels):
            bid += level(row[i])
            ask += level(row[self.levels + i])
        self.out[0] = imbalance_between(bid, ask)
        return 0


cdef class SpreadBps(Indicator):
    """The distance of the best prices."""

    definition = Definition(
        "spread_bps", "spread", Kind.BOOK, ("bid_price_1", "ask_price_1"),
        "10 000 · (ask − bid) / ((ask + bid) / 2); below 0 if crossed, NaN if a side is empty. BOOK_TOP publishes the "
        "same "
        "number while the book is GOOD",
        lambda p: 1,
    )

    cdef int advance(self, const double *row) except -1:
        """One book: best bid, best ask."""
        self.out[0] = bps_of(row[1] - row[0], row[1] + row[0]) if row[0] > 0 and row[1] > 0 else NAN
        return 0


cdef class Microprice(Indicator):
    """The middle, moved towards the side that has less size."""

    definition = Definition(
        "microprice", "microprice", Kind.BOOK, BEST,
        "(bid price · ask size + ask price · bid size) / (bid size + ask size), best levels; NaN if a side is empty",
        lambda p: 1,
    )

    cdef int advance(self, const double *row) except -1:
        """One book: best bid and its size, best ask and its size."""
        if row[1] > 0 and row[3] > 0:
            self.out[0] = row[0] + (row[2] - row[0]) * (row[1] / (row[1] + row[3]))
        else:
            self.out[0] = NAN
        return 0


cdef struct Best:
    Moving flow
    double[4] last  # bid price, bid size, ask price, ask size
    int64_t begun


cdef class OrderFlowImbalance(Indicator):
    """Order-flow imbalance of Cont, Kukanov and Stoikov (2014)."""

    cdef Best *state
    cdef int64_t window
    definition = Definition(
        "ofi", "order-flow imbalance (Cont, Kukanov, Stoikov)", Kind.BOOK, BEST,
        "Σ e of the last `window` changes of book; e = [bid ≥ last bid] · bid size − [bid ≤ last bid] · last bid size "
        "− "
        "[ask ≤ last ask] · ask size + [ask ≥ last ask] · last ask size, best levels. A book without one side is "
        "missing",
        lambda p: p["window"] + 1, (Parameter("window", 100, 1),),
    )

    cpdef prepare(self):
        """A ring of the contributions."""
        self.window = self.parameters["window"]
        self.state = <Best *>self.allocate(sizeof(Best), self.window)

    cdef int advance(self, const double *row) except -1:
        """One book: best bid and its size, best ask and its size."""
        cdef Best *state = self.state
        cdef int i
        if row[1] <= 0 or row[3] <= 0:
            return self.miss()
        if state.begun:
            slide(&state.flow, self.memory, self.window, contribution(row, state.last))
        for i in range(4):
            state.last[i] = row[i]
        state.begun = True
        if state.flow.count == self.window:
            self.out[0] = sum_of(&state.flow.total)
        return 0


cdef double contribution(const double *now, const double *last) noexcept nogil:
    """What one change of the best levels adds to demand."""
    cdef double flow = 0
    if now[0] >= last[0]:
        flow += now[1]
    if now[0] <= last[0]:
        flow -= last[1]
    if now[2] <= last[2]:
        flow -= now[3]
    if now[2] >= last[2]:
        flow += last[3]
    return flow

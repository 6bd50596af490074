# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Indicators of volume: OBV, session VWAP, volume ratio, and the flow of prints."""

from libc.math cimport NAN, floor
from libc.stdint cimport int64_t

from engine.indicators.indicator cimport Indicator
from engine.indicators.sums cimport Moving, Sum, add, add_product, mean_of, slide, sum_of

from engine.indicators.definition import WINDOW, Definition, Kind, Missing, Parameter

cdef double NS = 1e9


cdef struct Balance:
    Sum total
    double close
    int64_t begun


cdef class Obv(Indicator):
    """On-balance volume."""

    cdef Balance *state
    definition = Definition(
        "obv", "on-balance volume", Kind.BAR, ("close", "volume"),
        "the first volume; then + volume if the close rose, − volume if it fell",
        lambda p: 1, missing=Missing.SKIP, talib="OBV",
    )

    cpdef prepare(self):
        """The sum."""
        self.state = <Balance *>self.allocate(sizeof(Balance), 0)

    cdef int advance(self, const double *row) except -1:
        """One bar: close, volume."""
        cdef Balance *state = self.state
        if not state.begun or row[0] > state.close:
            add(&state.total, row[1])
        elif row[0] < state.close:
            add(&state.total, -row[1])
        state.close, state.begun = row[0], True
        self.out[0] = sum_of(&state.total)
        return 0


cdef struct Session:
    Sum value
    Sum volume
    double number
    int64_t begun


cdef class Vwap(Indicator):
    """The average price of a session, weighted by size."""

    cdef Session *state
    cdef double length
    cdef double offset
    definition = Definition(
        "vwap", "session VWAP", Kind.PRINT, ("price", "size", "time_ns"),
        "Σ price · size / Σ size since the session began; sessions of `session_s` seconds begin `offset_s` seconds "
        "after "
        "00:00 UTC. NaN until the session has volume; a row of an ended session does not count",
        lambda p: 1,
        (Parameter("session_s", 86_400, 1, 31 * 86_400), Parameter("offset_s", 0, 0, 31 * 86_400)),
        missing=Missing.SKIP,
    )

    cpdef prepare(self):
        """Two sums."""
        self.length, self.offset = [self.parameters[name] * NS for name in ("session_s", "offset_s")]
        self.state = <Session *>self.allocate(sizeof(Session), 0)

    cdef int advance(self, const double *row) except -1:
        """One print: price, size, time."""
        cdef Session *state = self.state
        cdef double number = floor((row[2] - self.offset) / self.length)
        if not state.begun or number > state.number:
            state[0] = Session(Sum(0, 0), Sum(0, 0), number, True)
        if number == state.number:
            add_product(&state.value, row[0], row[1])
            add(&state.volume, row[1])
        self.out[0] = sum_of(&state.value) / sum_of(&state.volume) if sum_of(&state.volume) > 0 else NAN
        return 0


cdef class VolumeRatio(Indicator):
    """The volume of a bar beside the usual one."""

    cdef Moving *state
    cdef int64_t window
    definition = Definition(
        "volume_ratio", "volume ratio", Kind.BAR, ("volume",),
        "volume / mean of the last `window` volumes, this one included; NaN if they are all 0",
        lambda p: p["window"], (WINDOW,),
    )

    cpdef prepare(self):
        """A ring of volumes."""
        self.window = self.parameters["window"]
        self.state = <Moving *>self.allocate(sizeof(Moving), self.window)

    cdef int advance(self, const double *row) except -1:
        """One volume."""
        slide(self.state, self.memory, self.window, row[0])
        if self.state.count == self.window:
            self.out[0] = row[0] / mean_of(self.state) if self.state.nonzero else NAN
        return 0


cdef struct Flow:
    Moving net
    Moving total


cdef class TradeFlow(Indicator):
    """What aggressors bought less what they sold."""

    cdef Flow *state
    cdef int64_t window
    definition = Definition(
        "trade_flow", "trade flow", Kind.PRINT, ("size", "side"),
        "trade_flow = Σ side · size of the last `window` prints, side +1 if the aggressor bought and −1 if it sold; "
        "trade_imbalance = trade_flow / Σ size, NaN without size",
        lambda p: p["window"], (Parameter("window", 100, 1),), ("trade_flow", "trade_imbalance"),
    )

    cpdef prepare(self):
        """Two rings."""
        self.window = self.parameters["window"]
        self.state = <Flow *>self.allocate(sizeof(Flow), 2 * self.window)

    cdef int advance(self, const double *row) except -1:
        """One print: size, side."""
        cdef Flow *state = self.state
        slide(&state.net, self.memory, self.window, row[0] * row[1])
        slide(&state.total, self.memory + self.window, self.window, row[0])
        if state.net.count == self.window:
            self.out[0] = sum_of(&state.net.total)
            self.out[1] = self.out[0] / sum_of(&state.total.total) if state.total.nonzero else NAN
        return 0

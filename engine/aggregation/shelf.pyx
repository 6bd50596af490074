# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The bars of every series: three a series, in memory and in cells, and how a successor finds them again.

    series = instrument · interval     [ last closed │ earlier │ current ]

A successor reads from the cells the bars of its own configuration, and from the ring the bars that were closed since; a
cell with the bar of another series is emptied.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING
from libc.stdint cimport int64_t, uint8_t, uint32_t

from engine.model.aggregates cimport Bar

from engine.model import aggregates

NO_BAR = bytes(BAR_SIZE)

assert sizeof(Bar) == BAR_SIZE == aggregates.BAR.size


cdef class Shelf:
    """The bars of every instrument and interval."""

    def __init__(self, instruments, intervals, cells):
        """Series for these instruments and lengths; `cells` holds three a series, in the order of both.

        An instrument is (id, price decimals, size decimals, since when they are so).
        """
        self.instruments, self.intervals = tuple([one[0] for one in instruments]), tuple(intervals)
        self.kinds = list(instruments)
        self.interval_count = len(self.intervals)
        self.series_count = len(self.instruments) * self.interval_count
        needed = self.series_count * PLACES
        if self.interval_count > 64 or needed > cells.count:
            raise ValueError(f"{len(self.instruments)} instruments with {self.interval_count} intervals need {needed} "
                             f"cells of bars, there are {cells.count}")
        for i in range(self.interval_count):
            self.interval[i] = self.intervals[i]
        self.cells = cells
        self.places = {one: place for place, one in enumerate(self.instruments)}
        self.storage = bytearray(max(1, needed) * sizeof(Bar))
        self.view = memoryview(self.storage)
        self.bars = <Bar *>PyByteArray_AS_STRING(self.storage)
        self.touched_storage = bytearray(max(1, needed))
        self.touched = <uint8_t *>PyByteArray_AS_STRING(self.touched_storage)

    cdef void restore(self, Py_ssize_t place, const Bar *bar):
        """One bar as its cell holds it; not if the configuration gave the cell another series."""
        cdef Py_ssize_t series = place // PLACES
        if (self.is_of(bar, series // self.interval_count)
                and bar.interval_ns == self.interval[series % self.interval_count]):
            self.bars[place] = bar[0]

    cdef int void(self, Py_ssize_t place, const Bar *shown) except -1:
        """A cell that shows a bar of another configuration's series shows none."""
        if shown.start_ns == 0:
            return 0
        if place >= self.series_count * PLACES:
            self.cells.write_bytes(place, NO_BAR)
        elif self.bars[place].start_ns != shown.start_ns or self.bars[place].instrument != shown.instrument:
            self.touched[place] = 1
        return 0

    cdef bint is_of(self, const Bar *bar, Py_ssize_t place):
        """Whether a bar is this instrument's, in the decimals it has."""
        number, price_decimals, size_decimals, _ = self.kinds[place]
        return (bar.instrument == <uint32_t>number and bar.price_decimals == <uint8_t>price_decimals
                and bar.size_decimals == <uint8_t>size_decimals)

    cdef void note_closed(self, const Bar *bar) noexcept:
        """Close a bar that is on the ring, also if its cell has it as open."""
        cdef Py_ssize_t i
        cdef Bar *last
        place = self.places.get(bar.instrument)
        if place is None or not self.is_of(bar, place):
            return
        for i in range(self.interval_count):
            last = self.at(<Py_ssize_t>place * self.interval_count + i, LAST_CLOSED)
            if self.interval[i] == bar.interval_ns and bar.start_ns > last.start_ns:
                last[0] = bar[0]

    cdef Bar *at(self, Py_ssize_t series, int which) noexcept nogil:
        """One of a series' three bars."""
        return &self.bars[series * PLACES + which]

    cdef void label(self, Py_ssize_t series, Bar *bar, int64_t now_ns):
        """Whose bar it is, and of when."""
        bar.instrument, bar.price_decimals, bar.size_decimals, _ = self.kinds[series // self.interval_count]
        bar.publish_ns = now_ns

    cdef int publish_touched(self, int64_t now_ns) except -1:
        """Show the bars that changed: the last closed first, so that a death between leaves none twice."""
        cdef Py_ssize_t place
        for place in range(self.series_count * PLACES):
            if self.touched[place]:
                self.touched[place] = 0
                if place % PLACES != LAST_CLOSED and self.bars[place].start_ns:
                    self.label(place // PLACES, &self.bars[place], now_ns)
                self.cells.write_bytes(place, self.record_of(place // PLACES, place % PLACES))
        return 0

    cdef object record_of(self, Py_ssize_t series, int which):
        """One bar as the bytes of its record."""
        cdef Py_ssize_t place = series * PLACES + which
        return self.view[place * BAR_SIZE: (place + 1) * BAR_SIZE]

# cython: language_level=3
"""What a strategy sees of a book: one object for each instrument, which every record of the book changes.

The figures that most decisions need are plain attributes; the levels stay in the record, undecoded, until a strategy
reads them. To remember a figure, a strategy keeps the figure, not the book.
"""

from cpython.bytes cimport PyBytes_CheckExact, PyBytes_FromStringAndSize
from libc.math cimport NAN
from libc.stdint cimport int64_t, uint32_t

from engine.model.records cimport Top, top_of
from engine.model.words cimport BOOK_EMPTY, BOOK_GOOD, BUY

from engine.model import records

cdef Py_ssize_t SIZE = sizeof(Top)
assert records.BOOK_TOP.size == SIZE


cdef uint32_t instrument_of(object record) except? 0:
    """The instrument of a record: the bytes that a lane returns, or a row."""
    return top_of(record).instrument if PyBytes_CheckExact(record) else record.instrument


cdef class Book:
    """The best levels of one instrument, exact in its decimals. Only a `good` book may be acted on."""

    def __init__(self, instrument):
        """Begin empty: nothing is known yet."""
        self.instrument = instrument
        self.state, self.spread_bps = BOOK_EMPTY, NAN
        self.rooms = bytearray(2 * SIZE)
        self.held = self.rooms
        self.incoming = self.held + SIZE

    def apply(self, object record, object decode=None):
        """Apply a record: a row, or its bytes, which `decode` makes a row when the levels are read."""
        self.record, self.decode = record, decode
        if PyBytes_CheckExact(record):
            self.apply_record(top_of(record))
        else:
            self.apply_row(record)

    @property
    def row(self):
        """The BOOK_TOP record, whole; None before the first."""
        if self.record is None and self.decode is not None:
            self.record = self.decode(PyBytes_FromStringAndSize(self.held, SIZE))
        elif PyBytes_CheckExact(self.record):
            self.record = self.decode(self.record)
        return self.record

    @property
    def spread(self):
        """Best ask minus best bid."""
        return <object>self.best_ask - <object>self.best_bid

    @property
    def mid_twice(self):
        """Twice the middle price: the middle itself may lie between two fixed-point numbers."""
        return <object>self.best_ask + <object>self.best_bid

    def best(self, int side):
        """The best price of a side: BUY is the bids."""
        return self.best_bid if side == BUY else self.best_ask

    def levels(self, int side):
        """(price, size) from the best on: BUY is the bids."""
        row = self.row
        if side == BUY:
            return tuple(zip(row.bid_price[: row.bids], row.bid_size[: row.bids], strict=True))
        return tuple(zip(row.ask_price[: row.asks], row.ask_size[: row.asks], strict=True))

    cdef int apply_incoming(self, object decode) except -1:
        """Apply the record that was copied to `incoming`; its levels stay there until they are read."""
        cdef char *before = self.held
        self.held, self.incoming = self.incoming, before
        self.record, self.decode = None, decode
        return self.apply_record(<const Top *>self.held)

    cdef int apply_record(self, const Top *record) except -1:
        """Set the figures from a record."""
        self.best_bid, self.best_ask, self.imbalance = record.bid_price[0], record.ask_price[0], record.imbalance
        self.spread_bps = record.spread_bps
        self.tick_sequence, self.receive_ns = <int64_t>record.tick_sequence, record.receive_ns
        self.judge(record.state, record.bids, record.asks)
        return 0

    cdef int apply_row(self, object row) except -1:
        """Set the figures from a row."""
        self.best_bid, self.best_ask, self.imbalance = row.bid_price[0], row.ask_price[0], row.imbalance
        self.spread_bps = row.spread_bps
        self.tick_sequence, self.receive_ns = row.tick_sequence, row.receive_ns
        self.judge(row.state, row.bids, row.asks)
        return 0

    cdef void judge(self, int state, int bids, int asks) noexcept:
        """Set whether the book is good; the imbalance of a book without two sides is 0."""
        self.state = state
        self.good = state == BOOK_GOOD and bids > 0 and asks > 0
        if not (bids > 0 and asks > 0):
            self.imbalance = 0.0

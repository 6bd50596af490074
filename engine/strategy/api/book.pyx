# cython: language_level=3
"""What a strategy sees of a book: one object an instrument, kept for good, filled anew from each record.

The figures every decision starts from are plain attributes; the levels stay in the record, undecoded, until someone
asks. A strategy that wants to remember a figure keeps the figure, not the book.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.math cimport NAN
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy

from engine.model.words cimport BOOK_EMPTY, BOOK_GOOD, BUY

from engine.model import records

OFFSETS = {field.name: field.offset for field in records.BOOK_TOP.fields}
cdef Py_ssize_t SIZE = records.BOOK_TOP.size
cdef Py_ssize_t INSTRUMENT = OFFSETS["instrument"], STATE = OFFSETS["state"], IMBALANCE = OFFSETS["imbalance"]
cdef Py_ssize_t BIDS = OFFSETS["bids"], ASKS = OFFSETS["asks"]
cdef Py_ssize_t BID_PRICE = OFFSETS["bid_price"], ASK_PRICE = OFFSETS["ask_price"]
cdef Py_ssize_t SPREAD_BPS = OFFSETS["spread_bps"]
cdef Py_ssize_t TICK_SEQUENCE = OFFSETS["tick_sequence"], RECEIVE_NS = OFFSETS["receive_ns"]


cdef uint32_t instrument_of(object record) except? 0:
    """Which instrument a record is of: its bytes as a lane holds them, or a row."""
    cdef uint32_t number
    if not PyBytes_CheckExact(record):
        return record.instrument
    assert PyBytes_GET_SIZE(record) == SIZE, len(record)
    memcpy(&number, PyBytes_AS_STRING(record) + INSTRUMENT, 4)
    return number


cdef class Book:
    """The best levels of one instrument, exact in its decimals. Only a `good` book may be acted on."""

    def __init__(self, instrument):
        """Begin empty: nothing is known yet."""
        self.instrument = instrument
        self.state, self.spread_bps = BOOK_EMPTY, NAN
        self.rooms = bytearray(2 * SIZE)
        self.held = self.rooms
        self.incoming = self.held + SIZE

    def take(self, object record, object decode=None):
        """Become what a record says: a row, or the bytes of one, which `decode` opens when its levels are wanted."""
        self.record, self.decode = record, decode
        if PyBytes_CheckExact(record):
            self.take_bytes(PyBytes_AS_STRING(record), PyBytes_GET_SIZE(record))
        else:
            self.take_row(record)

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

    cdef int take_incoming(self, object decode) except -1:
        """Become what was copied to `incoming`; its levels stay there until someone asks."""
        cdef char *before = self.held
        self.held, self.incoming = self.incoming, before
        self.record, self.decode = None, decode
        return self.take_bytes(self.held, SIZE)

    cdef int take_bytes(self, const char *at, Py_ssize_t size) except -1:
        """The figures out of a record's bytes."""
        assert size == SIZE, size
        memcpy(&self.best_bid, at + BID_PRICE, 8)
        memcpy(&self.best_ask, at + ASK_PRICE, 8)
        memcpy(&self.imbalance, at + IMBALANCE, 8)
        memcpy(&self.spread_bps, at + SPREAD_BPS, 8)
        memcpy(&self.tick_sequence, at + TICK_SEQUENCE, 8)
        memcpy(&self.receive_ns, at + RECEIVE_NS, 8)
        self.judge(<uint8_t>at[STATE], <uint8_t>at[BIDS], <uint8_t>at[ASKS])
        return 0

    cdef int take_row(self, object row) except -1:
        """The same out of a row."""
        self.best_bid, self.best_ask, self.imbalance = row.bid_price[0], row.ask_price[0], row.imbalance
        self.spread_bps = row.spread_bps
        self.tick_sequence, self.receive_ns = row.tick_sequence, row.receive_ns
        self.judge(row.state, row.bids, row.asks)
        return 0

    cdef void judge(self, int state, int bids, int asks) noexcept:
        """Whether both sides are there, and the venue's numbers in order."""
        self.state = state
        self.good = state == BOOK_GOOD and bids > 0 and asks > 0
        if not (bids > 0 and asks > 0):
            self.imbalance = 0.0

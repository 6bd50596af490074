# cython: language_level=3
"""The newest best prices out of BOOKS records, without making an object for each of the other numbers in them."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint32_t, uint8_t
from libc.string cimport memcpy

from engine.risk.market cimport Top

from engine.model import records

OFFSETS = {field.name: field.offset for field in records.BOOK_TOP.fields}
assert {name: field.code for name, field in zip(OFFSETS, records.BOOK_TOP.fields)}["bid_price"] == "i8"

cdef Py_ssize_t SIZE = records.BOOK_TOP.size
cdef Py_ssize_t INSTRUMENT = OFFSETS["instrument"], STATE = OFFSETS["state"], RECEIVE_NS = OFFSETS["receive_ns"]
cdef Py_ssize_t BIDS = OFFSETS["bids"], ASKS = OFFSETS["asks"]
cdef Py_ssize_t BID_PRICE = OFFSETS["bid_price"], ASK_PRICE = OFFSETS["ask_price"]
cdef Py_ssize_t IMBALANCE = OFFSETS["imbalance"]


def apply(object record, dict tops not None):
    """Apply a record to its instrument's top; the instrument, 0 if it is not traded here, -1 if it is no record.

    `record` is what a lane's `read_bytes` gives.
    """
    cdef const char *at
    cdef uint32_t instrument
    cdef int64_t bid = 0, ask = 0, receive_ns
    cdef Top top
    if not PyBytes_CheckExact(record):
        return -1
    assert PyBytes_GET_SIZE(record) == SIZE, len(record)
    at = PyBytes_AS_STRING(record)
    memcpy(&instrument, at + INSTRUMENT, 4)
    top = tops.get(instrument)
    if top is None:
        return 0
    if at[BIDS]:
        memcpy(&bid, at + BID_PRICE, 8)
    if at[ASKS]:
        memcpy(&ask, at + ASK_PRICE, 8)
    memcpy(&receive_ns, at + RECEIVE_NS, 8)
    top.update(<uint8_t>at[STATE], bid, ask, receive_ns)
    memcpy(&top.imbalance, at + IMBALANCE, 8)
    return instrument

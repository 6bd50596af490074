"""The records that compiled code writes or reads, field by field as `records.py` has them."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int8_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    DEPTH = 10  # levels a side in a book_top
    STEP_CURSORS = 15  # of one STEP record
    PARAMETERS = 4  # of an algorithm
    PAYLOAD = 220  # bytes of a frame in one record
    JOURNAL_PAYLOAD = 296
    CLIENT_ID = 16
    VENUE_ID = 40
    ERROR_CODE = 32
    ERROR_TEXT = 72

cdef struct Tick:
    int64_t receive_ns
    int64_t publish_ns
    int64_t venue_ns
    int64_t venue_sequence
    int64_t price
    int64_t size
    int64_t detail
    uint32_t instrument
    uint8_t kind
    int8_t side
    uint16_t flags

cdef struct Top:
    int64_t receive_ns
    int64_t publish_ns
    int64_t venue_ns
    int64_t venue_sequence
    int64_t tick_sequence
    double imbalance
    double spread_bps
    uint32_t instrument
    uint8_t state
    uint8_t bids
    uint8_t asks
    uint8_t flags
    uint64_t change_count
    int64_t[DEPTH] bid_price
    int64_t[DEPTH] bid_size
    int64_t[DEPTH] ask_price
    int64_t[DEPTH] ask_size
    uint64_t[7] spare


cdef inline const Top *top_of(bytes record) except NULL:
    """The BOOK_TOP in the bytes that a lane returns."""
    assert PyBytes_GET_SIZE(record) == sizeof(Top), len(record)
    return <const Top *>PyBytes_AS_STRING(record)


cdef struct Piece:
    int64_t receive_ns
    uint64_t number
    uint64_t connection
    uint32_t length
    uint32_t offset
    uint16_t size
    uint8_t kind
    uint8_t flags
    char[PAYLOAD] payload

cdef struct Intent:
    uint64_t intent_id
    uint64_t target_id
    int64_t now_ns
    int64_t ttl_ns
    int64_t tick_sequence
    int64_t receive_ns
    int64_t price
    int64_t size
    int64_t timeout_ns
    uint32_t strategy
    uint32_t instrument
    uint8_t kind
    int8_t side
    uint8_t order_type
    uint8_t time_in_force
    uint16_t algorithm
    uint16_t flags
    double signal
    int64_t[PARAMETERS] parameters

cdef struct Step:
    int64_t now_ns
    int64_t monotonic_ns
    uint32_t work
    uint32_t role
    uint64_t step
    uint32_t first
    uint32_t inputs
    uint64_t[STEP_CURSORS] cursors
    uint64_t[4] cells

cdef struct Consumed:
    uint64_t cursor
    uint64_t epoch
    int64_t now_ns
    uint64_t[5] spare

cdef struct Judged:
    uint64_t intent_id
    int64_t now_ns
    int64_t value
    int64_t limit
    int64_t intent_sequence
    uint32_t strategy
    uint32_t instrument
    uint16_t reason
    uint16_t kind
    uint32_t flags
    uint64_t spare

cdef struct Placed:
    char[CLIENT_ID] client_id
    uint64_t intent_id
    char[VENUE_ID] venue_order_id
    int64_t intent_ns
    int64_t receive_ns
    int64_t sent_ns
    int64_t answer_ns
    int64_t now_ns
    int64_t price
    int64_t size
    int64_t filled
    int64_t expires_ns
    uint64_t replaces_id
    uint32_t strategy
    uint32_t instrument
    uint16_t child
    uint16_t replaces_child
    uint32_t account
    uint8_t state
    int8_t side
    uint8_t order_type
    uint8_t time_in_force
    uint32_t flags
    int64_t limit_price
    int64_t timeout_ns
    char[ERROR_CODE] error
    char[ERROR_TEXT] error_text

cdef struct Journalled:
    uint64_t sequence
    int64_t now_ns
    uint8_t kind
    uint8_t version
    uint16_t size
    uint32_t checksum
    char[JOURNAL_PAYLOAD] payload

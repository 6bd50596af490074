"""An INTENT record for compiled code; a test holds its fields to `records.INTENT`."""

from libc.stdint cimport int8_t, int64_t, uint8_t, uint32_t, uint64_t

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
    uint32_t flags
    double signal
    uint64_t spare[4]

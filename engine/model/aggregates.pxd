"""The records of all venues together that compiled code writes, field by field as `aggregates.py` has them."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from engine.model.records cimport DEPTH

cdef struct Bar:
    int64_t start_ns
    int64_t interval_ns
    int64_t publish_ns
    uint64_t tick_sequence
    uint32_t instrument
    uint32_t flags
    uint64_t count
    int64_t open
    int64_t high
    int64_t low
    int64_t close
    int64_t volume_high
    uint64_t volume_low
    int64_t bought_high
    uint64_t bought_low
    int64_t notional_high
    uint64_t notional_low
    int64_t first_print
    int64_t last_print
    uint64_t late_count
    int64_t late_high
    uint64_t late_low
    uint8_t price_decimals
    uint8_t size_decimals
    uint16_t spare_word
    uint32_t spare_long
    uint64_t[2] spare

cdef struct GlobalBook:
    int64_t receive_ns
    int64_t publish_ns
    uint64_t tick_sequence
    uint64_t change_count
    double imbalance
    double spread_bps
    int64_t[DEPTH] bid_price
    int64_t[DEPTH] bid_size
    int64_t[DEPTH] ask_price
    int64_t[DEPTH] ask_size
    uint16_t[DEPTH] bid_members
    uint16_t[DEPTH] ask_members
    uint32_t group
    uint8_t state
    uint8_t bids
    uint8_t asks
    uint8_t price_decimals
    uint8_t size_decimals
    uint8_t flags
    uint16_t included
    uint32_t spare_word
    uint64_t[3] spare

cdef struct Opportunity:
    uint64_t opportunity_id
    int64_t receive_ns
    int64_t publish_ns
    int64_t begin_ns
    uint64_t tick_sequence
    uint32_t group
    uint32_t buy_instrument
    uint32_t sell_instrument
    uint8_t kind
    uint8_t flags
    uint8_t price_decimals
    uint8_t size_decimals
    int64_t buy_price
    int64_t sell_price
    int64_t edge_e8
    int64_t size
    int64_t buy_limit
    int64_t sell_limit
    int64_t buy_notional_high
    uint64_t buy_notional_low
    int64_t sell_notional_high
    uint64_t sell_notional_low
    int64_t profit_high
    uint64_t profit_low
    uint64_t[5] spare

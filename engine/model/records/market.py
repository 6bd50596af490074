"""The records of market data: ticks, books, instruments, and the frames they were read from."""

from typing import TYPE_CHECKING

from shm.record import Record

if TYPE_CHECKING:
    from engine.model.rows import (
        BookTopRow,
        ConnectionRow,
        FrameRow,
        InstrumentRow,
        LevelRow,
        PrintRow,
        TickRow,
    )

TICK_HEAD = {
    "receive_ns": "i8",
    "publish_ns": "i8",
    "venue_ns": "i8",  # 0 where the venue gives none
    "venue_sequence": "i8",  # the venue's own number of this change
    "price": "i8",
    "size": "i8",
}

TICK_TAIL = {"instrument": "u4", "kind": "u1", "side": "i1", "flags": "u2"}
TICK: "Record[TickRow]" = Record("tick", 64, {**TICK_HEAD, "detail": "i8", **TICK_TAIL})
LEVEL: "Record[LevelRow]" = Record("level", 64, {**TICK_HEAD, "size_before": "i8", **TICK_TAIL})
PRINT: "Record[PrintRow]" = Record("print", 64, {**TICK_HEAD, "print_id": "i8", **TICK_TAIL})
BOOK_DEPTH = 10  # levels a side in a book_top
BOOK_TOP: "Record[BookTopRow]" = Record(
    "book_top",
    448,
    {
        "receive_ns": "i8",
        "publish_ns": "i8",
        "venue_ns": "i8",
        "venue_sequence": "i8",
        "tick_sequence": "i8",  # the TICKS cursor after this event
        "imbalance": "f8",  # (bid size - ask size) / (both), over the levels here; nan when a side is empty
        "spread_bps": "f8",  # over the middle; nan unless the state is GOOD and both sides are there
        "instrument": "u4",
        "state": "u1",  # BookState
        "bids": "u1",  # how many levels below are real
        "asks": "u1",
        "flags": "u1",
        "change_count": "u8",  # events applied since the last reset
        "bid_price": f"{BOOK_DEPTH}i8",
        "bid_size": f"{BOOK_DEPTH}i8",
        "ask_price": f"{BOOK_DEPTH}i8",
        "ask_size": f"{BOOK_DEPTH}i8",
        "spare": "7u8",
    },
)

INSTRUMENT: "Record[InstrumentRow]" = Record(
    "instrument",
    256,
    {
        "price_step": "i8",
        "size_step": "i8",
        "size_min": "i8",
        "size_max": "i8",
        "notional_min": "i8",
        "multiplier": "i8",
        "price_min": "i8",  # this and the following maxima: 0 where the venue has no such limit
        "price_max": "i8",
        "notional_max": "i8",
        "market_size_max": "i8",
        "position_max": "i8",
        "update_ns": "i8",
        "id": "u4",
        "version": "u4",  # a change of decimals is a new version
        "venue": "S16",
        "symbol": "S32",
        "base": "S16",
        "quote": "S16",
        "kind": "S16",
        "price_decimals": "u1",
        "size_decimals": "u1",
        "trading": "u1",
        "old": "u1",  # from the cached copy: the venue did not answer
        "missing": "u4",  # channels the venue refused or ignored: bits of ChannelKind
        "spread_alarm_bps": "f8",  # the spread alarm while it is raised; 0: none is
        "natives": "u4",  # bits 1 << OrderType, and PAIRS of `instrument`
        "orders_max": "u4",
        "algo_orders_max": "u4",
        "trailing_min": "u4",  # in hundredths of a percent
        "trailing_max": "u4",
        "bid_up": "u4",  # in millionths of the market's price
        "bid_down": "u4",
        "ask_up": "u4",
        "ask_down": "u4",
        "spare": "u4",
    },
)

FRAME: "Record[FrameRow]" = Record(
    "frame",
    256,
    {
        "receive_ns": "i8",
        "number": "u8",  # the life's epoch and the frames before this one in it (see frame_id.py)
        "connection": "u8",  # which one of CONNECTIONS: the life's epoch and a count (see frame_id.py)
        "length": "u4",  # of the whole frame
        "offset": "u4",  # of this record's payload in it
        "size": "u2",  # how much of the payload counts
        "kind": "u1",  # FrameKind
        "flags": "u1",  # Flag.LAST on the frame's last record
        "payload": "S220",
    },
)

CONNECTION: "Record[ConnectionRow]" = Record(
    "connection",
    256,
    {
        "number": "u8",
        "begin_ns": "i8",
        "end_ns": "i8",  # 0 while the connection is open
        "venue": "S32",  # the configuration's name
        "dialect": "S32",
        "target": "S160",  # path and query; empty: the way to the REST side
        "spare": "u8",
    },
)

"""The records of what is made of all venues together: bars, groups, global books, opportunities.

As in `records`; the prices and sizes of a group have the finest decimals of its members.
"""

from typing import TYPE_CHECKING

from engine.model.records import BOOK_DEPTH
from shm.record import Record

if TYPE_CHECKING:
    from engine.model.rows import (
        BarRow,
        GlobalBookRow,
        GroupRow,
        OpportunityRow,
    )

BAR: "Record[BarRow]" = Record(
    "bar",
    192,
    {
        "start_ns": "i8",  # of its interval, a multiple of interval_ns
        "interval_ns": "i8",
        "publish_ns": "i8",  # the step's time in which it was closed, or last changed while open
        "tick_sequence": "u8",  # the TICKS cursor after the newest print in here
        "instrument": "u4",
        "flags": "u4",  # BarFlag
        "count": "u8",  # prints
        "open": "i8",
        "high": "i8",
        "low": "i8",
        "close": "i8",
        "volume_high": "i8",  # (high << 64 | low), at size decimals
        "volume_low": "u8",
        "bought_high": "i8",  # the share of the volume whose aggressor bought
        "bought_low": "u8",
        "notional_high": "i8",  # at price + size decimals
        "notional_low": "u8",
        "first_print": "i8",
        "last_print": "i8",
        "late_count": "u8",  # prints of earlier bars, read while this one was open: they are in no bar
        "late_high": "i8",  # and their volume
        "late_low": "u8",
        "price_decimals": "u1",
        "size_decimals": "u1",
        "spare_word": "u2",
        "spare_long": "u4",
        "spare": "2u8",
    },
)

GROUP_MEMBERS = 16
GROUP: "Record[GroupRow]" = Record(
    "group",
    192,
    {
        "id": "u4",
        "members": "u4",  # how many of `instrument` are real
        "name": "S48",
        "instrument": f"{GROUP_MEMBERS}u4",  # bit i of a mask of members is instrument[i]
        "update_ns": "i8",
        "price_decimals": "u1",  # the finest of its members': every price and size of the group has these decimals
        "size_decimals": "u1",
        "spare_word": "u2",
        "spare_long": "u4",
        "spare": "7u8",
    },
)

GLOBAL_BOOK: "Record[GlobalBookRow]" = Record(
    "global_book",
    448,
    {
        "receive_ns": "i8",  # of the newest word in here; never falls
        "publish_ns": "i8",
        "tick_sequence": "u8",  # the TICKS cursor after that tick
        "change_count": "u8",
        "imbalance": "f8",  # over the levels here; nan when a side is empty
        "spread_bps": "f8",  # nan when a side is empty, negative when crossed
        "bid_price": f"{BOOK_DEPTH}i8",
        "bid_size": f"{BOOK_DEPTH}i8",  # of all members together
        "ask_price": f"{BOOK_DEPTH}i8",
        "ask_size": f"{BOOK_DEPTH}i8",
        "bid_members": f"{BOOK_DEPTH}u2",  # whose they are: a mask a level
        "ask_members": f"{BOOK_DEPTH}u2",
        "group": "u4",
        "state": "u1",  # BookState: GOOD, CROSSED (between venues, locked too), EMPTY (a side has no usable venue)
        "bids": "u1",
        "asks": "u1",
        "price_decimals": "u1",
        "size_decimals": "u1",
        "flags": "u1",
        "included": "u2",  # the members whose books are in here: a mask
        "spare_word": "u4",
        "spare": "3u8",
    },
)

OPPORTUNITY: "Record[OpportunityRow]" = Record(
    "opportunity",
    192,
    {
        "opportunity_id": "u8",  # the sequence of its BEGIN on this lane
        "receive_ns": "i8",
        "publish_ns": "i8",
        "begin_ns": "i8",
        "tick_sequence": "u8",
        "group": "u4",
        "buy_instrument": "u4",
        "sell_instrument": "u4",
        "kind": "u1",  # OpportunityKind
        "flags": "u1",  # OpportunityFlag
        "price_decimals": "u1",  # the group's
        "size_decimals": "u1",
        "buy_price": "i8",  # best ask there
        "sell_price": "i8",  # best bid there
        "edge_e8": "i8",  # of the best prices, after both fees, over the buying price: 10^-8, rounded down
        "size": "i8",  # as far as both ladders pay
        "buy_limit": "i8",  # the worst price met on the way
        "sell_limit": "i8",
        "buy_notional_high": "i8",  # without fees, at price + size decimals
        "buy_notional_low": "u8",
        "sell_notional_high": "i8",
        "sell_notional_low": "u8",
        "profit_high": "i8",  # after fees, at price + size + 8 decimals: exact
        "profit_low": "u8",
        "spare": "5u8",
    },
)

RECORDS = (BAR, GROUP, GLOBAL_BOOK, OPPORTUNITY)

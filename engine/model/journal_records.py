"""The records that only the journal carries, with their bytes: one type for each JournalKind that is on no lane.

    TERMS    what the numbers of an instrument mean           FOLLOWED   an operator's command that execution follows
    ALARM    a halt that execution decided itself             WATERMARK  up to which fill every fill is known
    DAY      what an instrument's daily net is counted from   BALANCE    what is known of one asset's balance
    SETTING  a part of the values that an operator has set    BREAKER    the state of a breaker, or of the ramp
    NETTED   both sides of an internal fill

INTENT, VERDICT, ORDER and FILL, which the journal carries too, are in `records/`, as is JOURNAL itself, the record
around each of them. The time of a journal record is the time of the record inside it.
"""

from typing import TYPE_CHECKING

from engine.model.text import VENUE_ID
from shm.record import Record

if TYPE_CHECKING:
    from engine.model.rows import (
        AlarmRow,
        BalanceRow,
        BreakerRow,
        DayRow,
        FollowedRow,
        NettedRow,
        SettingRow,
        TermsRow,
        WatermarkRow,
    )

TERMS: "Record[TermsRow]" = Record(
    "terms",
    56,
    {
        "instrument": "u4",
        "price_decimals": "u1",
        "size_decimals": "u1",
        "symbol": "S32",
        "venue": "S16",  # as the configuration names it, for readers; it may be renamed
        "spare": "u2",
    },
)

ALARM: "Record[AlarmRow]" = Record(
    "alarm",
    112,
    {
        "venue_order_id": f"S{VENUE_ID}",  # the order of the cause; empty: the cause has no order
        "venue_fill_id": f"S{VENUE_ID}",  # FILL_DISPUTED, FALSE_FILL, NOT_APPLIED: the fill
        "difference": "i8",  # BALANCE_DIFFERS: account less fills, in the asset's eighth decimals
        "first_lost": "u8",  # JOURNAL_GAP: the first record that is missing
        "statement": "u4",  # CRC-32 of the venue's message, where that identifies the cause
        "strategy": "u4",  # 0: the cause has no strategy
        "instrument": "u4",  # 0: the halt is the whole system's
        "reason": "u2",  # AlarmReason
        "operator_way": "u2",  # OPERATOR: HaltReason, the way by which the operator asked
    },
)

FOLLOWED: "Record[FollowedRow]" = Record(
    "followed",
    64,
    {
        "asked_ns": "i8",  # when the operator asked
        "cursor": "u8",  # of execution on COMMANDS, after this command
        "life": "u8",  # of the COMMANDS ring: a cursor has no meaning on another
        "kind": "u2",  # CommandKind
        "reason": "u2",  # HaltReason
        "strategy": "u4",  # 0: all
        "instrument": "u4",  # 0: all
        "uid": "u4",
        "pid": "u4",
        "account": "u4",  # 0: all
        "target_id": "u8",  # CANCEL: the intent whose orders it means; an older program's record ends before it
        "spare": "u8",
    },
)

SETTING_BYTES = 240
SETTING: "Record[SettingRow]" = Record(
    "setting",
    288,
    {
        "asked_ns": "i8",  # when the operator asked
        "version": "u8",  # of the owner's settings
        "strategy": "u4",  # whose parameters; 0: the limits of risk
        "uid": "u4",
        "pid": "u4",
        "disabled": "u4",  # 1: the strategy was disabled
        "part": "u2",  # which part of the values this is, from 0
        "parts": "u2",
        "values": f"S{SETTING_BYTES}",  # of a JSON object with every value that is set for the owner
        "spare": "3u4",
    },
)

WATERMARK: "Record[WatermarkRow]" = Record(
    "watermark",
    48,
    {
        "cursor": f"S{VENUE_ID}",  # the venue's list of fills was compared up to here; only the venue's code reads it
        "instrument": "u4",
        "spare": "u4",
    },
)

DAY: "Record[DayRow]" = Record(
    "day",
    24,
    {
        "day_ns": "i8",  # when the UTC day began
        "mark2": "i8",  # twice the price of the day's first valuation; 0 where nothing was held
        "instrument": "u4",
        "spare": "u4",
    },
)

BALANCE: "Record[BalanceRow]" = Record(
    "balance",
    88,
    {
        "amount_high": "i8",  # (high << 64 | low), at FEE_DECIMALS
        "amount_low": "u8",
        "asset": "S64",  # `ALL_ASSETS`: any asset
        "change": "u4",  # BalanceChange
        "spare": "u4",
    },
)

BREAKER_STATE = 144
BREAKER: "Record[BreakerRow]" = Record(
    "breaker",
    224,
    {
        "since_ns": "i8",  # of the trip; 0: it has not tripped
        "value": "i8",  # that was found when it tripped
        "limit": "i8",
        "key": "S32",  # of `[risk]`
        "strategy": "u4",  # whose breaker it is, 0: the account's
        "policy": "u4",  # BreakerPolicy of the trip
        "reason": "u4",  # Reason of the trip
        "anew": "u4",  # 1: resumed by an operator, and not judged since
        "state": f"S{BREAKER_STATE}",  # a JSON object: the fields of the breaker's own state
        "spare": "2u4",
    },
)

NETTED: "Record[NettedRow]" = Record(
    "netted",
    160,
    {
        "buy_client_id": "S16",
        "sell_client_id": "S16",
        "buy_intent_id": "u8",
        "sell_intent_id": "u8",
        "buy_intent_ns": "i8",
        "sell_intent_ns": "i8",
        "buy_receive_ns": "i8",
        "sell_receive_ns": "i8",
        "buy_timeout_ns": "i8",
        "sell_timeout_ns": "i8",
        "buy_limit_price": "i8",
        "sell_limit_price": "i8",
        "now_ns": "i8",
        "price": "i8",
        "size": "i8",
        "buy_strategy": "u4",
        "sell_strategy": "u4",
        "buy_flags": "u4",  # OrderFlag
        "sell_flags": "u4",
        "instrument": "u4",
        "account": "u4",
    },
)

JOURNAL_RECORDS = (TERMS, ALARM, FOLLOWED, SETTING, WATERMARK, DAY, BALANCE, BREAKER, NETTED)

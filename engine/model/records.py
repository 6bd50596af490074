"""Every record that crosses a lane, with its bytes.

Prices and sizes are int64 fixed point in the instrument's decimals; times are int64 nanoseconds, wall clock
unless the name shows otherwise. Sizes here are asserted by `Record` itself; a changed field is a new schema
and an old reader refuses it.

    tick 64 B, one cache line; level and print are the same bytes under the names of their kind
    receive_ns │ publish_ns │ venue_ns │ venue_sequence │ price │ size │ detail │ instrument·kind·side·flags
"""

from typing import TYPE_CHECKING

from engine.model.text import VENUE_ID
from shm.record import Record

if TYPE_CHECKING:
    from engine.model.rows import (
        AcceptedRow,
        AccountBalanceRow,
        BookTopRow,
        BudgetedRow,
        BudgetRow,
        CancellingRow,
        CommandRow,
        ConnectionRow,
        DisagreementRow,
        FillRow,
        FrameRow,
        GateRow,
        HaltRow,
        HeartbeatRow,
        InstrumentHaltRow,
        InstrumentRow,
        IntentRow,
        JournalRow,
        LevelRow,
        ListedRow,
        ModeRow,
        MonitoredAccountRow,
        MonitoredRow,
        OrderRow,
        ParentRow,
        PositionRow,
        PrintRow,
        ReconciledRow,
        ScopeHaltRow,
        SessionRow,
        SettingsRow,
        StepRow,
        SupervisionRow,
        TickRow,
        VerdictRow,
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

PARAMETERS = 4  # of an algorithm, at most
INTENT: "Record[IntentRow]" = Record(
    "intent",
    128,
    {
        "intent_id": "u8",  # `intent_id.py` has its layout; never reused in a system's life
        "target_id": "u8",  # the intent whose order a CANCEL or REPLACE means
        "now_ns": "i8",  # the step's time in which it was decided
        "ttl_ns": "i8",  # refused when older
        "tick_sequence": "i8",  # the newest tick it was decided on
        "receive_ns": "i8",  # when that tick was received: the trace from wire to order
        "price": "i8",  # LIMIT: the price; MARKET or with an algorithm: never beyond it; 0: the collar's edge
        "size": "i8",
        "timeout_ns": "i8",  # 0: rests until cancelled
        "strategy": "u4",
        "instrument": "u4",
        "kind": "u1",
        "side": "i1",
        "order_type": "u1",
        "time_in_force": "u1",
        "algorithm": "u2",  # the number in `engine/model/algorithms.py` of what works it; 0: it is one order
        "flags": "u2",  # IntentFlag
        "signal": "f8",  # the figure it was decided by, for the audit
        "parameters": f"{PARAMETERS}i8",  # of the algorithm, in the registry's order; 0: the default
    },
)

VERDICT: "Record[VerdictRow]" = Record(
    "verdict",
    64,
    {
        "intent_id": "u8",
        "now_ns": "i8",
        "value": "i8",  # what was found
        "limit": "i8",  # what was allowed
        "intent_sequence": "i8",
        "strategy": "u4",
        "instrument": "u4",
        "reason": "u2",  # Reason; 0 is approved
        "kind": "u2",
        "flags": "u4",
        "spare": "u8",
    },
)

ERROR_CODE, ERROR_TEXT = 32, 72
ORDER: "Record[OrderRow]" = Record(
    "order",
    288,
    {
        "client_id": "S16",  # 128 bits: system, intent, child
        "intent_id": "u8",  # its parent
        "venue_order_id": f"S{VENUE_ID}",  # empty until the venue has named it
        "intent_ns": "i8",
        "receive_ns": "i8",  # of the tick that led to the intent
        "sent_ns": "i8",
        "answer_ns": "i8",
        "now_ns": "i8",  # of this change
        "price": "i8",
        "size": "i8",
        "filled": "i8",
        "expires_ns": "i8",  # by the venue's clock: a request not executed until then never will be
        "replaces_id": "u8",  # the intent whose order it replaces; its own: it replaces the child `replaces_child`
        "strategy": "u4",
        "instrument": "u4",
        "child": "u2",  # which child of its parent, from 0
        "replaces_child": "u2",
        "account": "u4",
        "state": "u1",  # OrderState
        "side": "i1",
        "order_type": "u1",
        "time_in_force": "u1",
        "flags": "u4",
        "limit_price": "i8",
        "timeout_ns": "i8",
        "error": f"S{ERROR_CODE}",  # the venue's code, as text
        "error_text": f"S{ERROR_TEXT}",  # the venue's words beside the code, cut off here
    },
)

ALGORITHM_STATE = 8  # numbers that an algorithm keeps from one life of execution to the next
PARENT: "Record[ParentRow]" = Record(
    "parent",
    192,
    {
        "intent_id": "u8",
        "now_ns": "i8",  # of this change
        "size": "i8",  # of all children together, at most
        "filled": "i8",  # of all children together
        "limit_price": "i8",  # no child has a worse price; 0: there is no limit
        "due_ns": "i8",  # when its algorithm is called next without another event; 0: not
        "children": "u8",  # how many were made so far
        "strategy": "u4",
        "instrument": "u4",
        "algorithm": "u2",
        "flags": "u2",  # IntentFlag, as the intent has it
        "status": "u2",  # ParentStatus
        "side": "i1",
        "time_in_force": "u1",  # as the intent has it
        "parameters": f"{PARAMETERS}i8",
        "state": f"{ALGORITHM_STATE}i8",
        "intent_ns": "i8",  # when the strategy decided it
        "receive_ns": "i8",  # of the tick that it follows from
        "timeout_ns": "i8",  # from `intent_ns` until it is cancelled; 0: never
    },
)

FILL: "Record[FillRow]" = Record(
    "fill",
    192,
    {
        "client_id": "S16",
        "intent_id": "u8",
        "venue_fill_id": f"S{VENUE_ID}",  # with the instrument, the identity of a fill
        "venue_order_id": f"S{VENUE_ID}",
        "venue_ns": "i8",
        "receive_ns": "i8",
        "price": "i8",
        "size": "i8",
        "fee": "i8",  # in fee_asset, at FEE_DECIMALS
        "fee_value": "i8",  # with FEE_VALUED: a fee in a third asset as it was in quote, at FEE_DECIMALS
        "dust": "i8",  # of an OPENING: what is held beyond `size`, signed, at the holdings' decimals
        "fee_asset": "S16",
        "strategy": "u4",
        "instrument": "u4",
        "side": "i1",
        "maker": "u1",
        "flags": "u2",
        "account": "u4",
    },
)
FEE_DECIMALS = 8

POSITION: "Record[PositionRow]" = Record(
    "position",
    256,
    {
        "instrument": "u4",
        "strategy": "u4",  # 0: the whole account
        "size": "i8",  # signed: what can be sold, in whole size steps
        "dust": "i8",  # what is held beyond it, at holding_decimals
        "average_price": "i8",  # of what is held, rounded to the price's decimals, for lookers-on
        "mark_price": "i8",  # 0: none
        "cost_high": "i8",  # exact cost of what is held: (high << 64 | low), at price + holding decimals
        "cost_low": "u8",
        "realised_high": "i8",
        "realised_low": "u8",
        "fees_high": "i8",  # in quote, at price + holding decimals
        "fees_low": "u8",
        "unrealised": "f8",  # this and below: in quote, for lookers; nan without a price
        "realised": "f8",
        "fees": "f8",
        "net": "f8",  # realised + unrealised - fees, since the journal's beginning
        "net_day": "f8",  # the same since the first valuation of this UTC day
        "usd_rate": "f8",  # dollars for one of the quote asset
        "update_ns": "i8",
        "day_ns": "i8",  # when this UTC day began
        "fill_count": "u8",
        "bought": "i8",
        "sold": "i8",
        "open_buy": "i8",  # size of open and in-flight orders a side: the worst case
        "open_sell": "i8",
        "fee_unvalued": "i8",  # a fee that no price valued in quote, at FEE_DECIMALS
        "fee_unvalued_asset": "S16",
        "fill_sequence": "u8",  # the FILLS cursor after the newest fill in here: a reader adds the fills from there on
        "price_decimals": "u1",
        "size_decimals": "u1",
        "holding_decimals": "u1",
        "unvalued_assets": "u1",  # in so many assets fees were not valued: the first is shown
        "account": "u4",
        "flags": "u2",  # PositionFlag
        "spare_word": "u2",
        "spare_long": "u4",
        "spare": "2u8",
    },
)

STEP_CELLS = 4
STEP_CURSORS = 15  # of one record; engine/model/step.py puts a step with more inputs into several
STEP: "Record[StepRow]" = Record(
    "step",
    192,
    {
        "now_ns": "i8",
        "monotonic_ns": "i8",
        "work": "u4",
        "role": "u4",
        "step": "u8",
        "first": "u4",  # the place of this record's first cursor among the step's
        "inputs": "u4",  # how many cursors the whole step has
        "cursors": f"{STEP_CURSORS}u8",  # what it had read up to, in the order of the role's inputs
        "cells": f"{STEP_CELLS}u8",  # the sequence of every cell it has read, in the order of the role's
    },
)

HEARTBEAT: "Record[HeartbeatRow]" = Record(
    "heartbeat",
    64,
    {
        "beat_ns": "i8",  # CLOCK_MONOTONIC
        "wall_ns": "i8",
        "start_ns": "i8",
        "steps": "u8",
        "work": "u8",
        "pid": "u4",
        "state": "u4",
        "reads": "u4",  # how many of the aggregation's lanes a strategy reads
        "lag": "u4",  # records that wait for the role
        "error_count": "u8",
    },
)

SET_TEXT = 960  # bytes of the values of one SET
COMMAND: "Record[CommandRow]" = Record(
    "command",
    1024,
    {
        "now_ns": "i8",
        "version": "u8",  # of a SET: counts the changes of its owner's settings
        "kind": "u2",  # CommandKind
        "reason": "u2",  # HaltReason of a HALT
        "strategy": "u4",  # 0: all; of a SET: whose parameters, 0: the limits of risk
        "instrument": "u4",  # 0: all
        "uid": "u4",  # who asked: the peer's credentials
        "pid": "u4",
        "account": "u4",  # 0: all
        "target_id": "u8",  # CANCEL: the intent whose orders it means
        "disabled": "u4",  # of a SET of a strategy: 1: it submits nothing until it is enabled
        "values": f"S{SET_TEXT}",  # of a SET: every value that an operator has set for this owner, as a JSON object
        "spare": "3u4",
    },
)

SETTINGS: "Record[SettingsRow]" = Record(
    "settings",
    256,
    {
        "now_ns": "i8",  # when the role read it
        "version": "u8",  # of the newest SET that the role has applied
        "refused": "u8",  # of the newest SET that the role has refused; 0: none
        "error": "S232",  # why it was refused
    },
)

HALT: "Record[HaltRow]" = Record(
    "halt",
    64,
    {
        "halted": "u8",  # 0: trading
        "since_ns": "i8",
        "command_sequence": "u8",  # the record on COMMANDS that made it so
        "uid": "u4",
        "reason": "u4",
        "spare": "4u8",
    },
)

GATE: "Record[GateRow]" = Record(
    "gate",
    64,
    {
        "now_ns": "i8",  # when this was written
        "halted": "u4",  # 1: execution sends no order
        "exits_only": "u4",  # Reason why only orders that reduce a position are sent; 0: entries are sent too
        "operator_sequence": "u8",  # how many writes of `operator_halt` execution has read
        "halt_sequence": "u8",  # how many writes of `halt`
        "ramp": "f8",  # the share of every cap in dollars that is in force
        "spare": "3u8",
    },
)

CANCELLING: "Record[CancellingRow]" = Record(
    "cancelling",
    256,
    {
        "now_ns": "i8",  # when this was written
        "since_ns": "i8",  # since when it has this state
        "listed_ns": "i8",  # when the newest listing was asked for; 0: none was
        "answered_ns": "i8",  # when the venue last answered anything
        "settled_ns": "i8",  # until then an order of the last execution can still arrive; 0: it may still send
        "sent": "u8",  # cancels that were sent, in this life
        "ended": "u8",  # orders that the venue ended, or no longer had, by its answers to them
        "listings": "u8",
        "open": "u4",  # open orders of this system in the newest listing
        "foreign": "u4",  # open orders of others in it
        "state": "u4",  # CancellerState
        "reason": "u4",  # CancelReason
        "epoch": "u8",  # the writer's life of the execution's heartbeat that it watches: its start
        "text": "S168",  # why the venue cannot be asked; empty: it answers
    },
)
LISTED: "Record[ListedRow]" = Record(
    "listed",
    128,
    {
        "listed_ns": "i8",  # of the listing; a cell of an earlier listing is over
        "venue_ns": "i8",  # when the venue accepted the order
        "client_id": "S36",
        "symbol": "S32",
        "venue_order_id": "S32",
        "side": "i4",
        "spare": "2u4",
    },
)

MODE: "Record[ModeRow]" = Record(
    "mode",
    64,
    {
        "since_ns": "i8",
        "mode": "u4",  # Mode
        "armed": "u4",  # 1: orders may leave this machine
        "spare": "6u8",
    },
)

SUPERVISION: "Record[SupervisionRow]" = Record(
    "supervision",
    128,
    {
        "now_ns": "i8",  # when the supervisor's loop last went round
        "up_ns": "i8",  # since when this supervisor's system has been up; 0: a process has not run yet
        "overdue_ns": "i8",  # since when the process `waits_for` has not run, where its deadline has passed; 0: none
        "processes": "u4",
        "running": "u4",
        "parked": "u4",
        "stopping": "u4",  # 1: the system is going down
        "waits_for": "S88",  # a process that should run and does not; empty: none
    },
)

SESSION: "Record[SessionRow]" = Record(
    "session",
    320,
    {
        "now_ns": "i8",  # of this change
        "since_ns": "i8",  # since when it has been ready, or has not
        "ready_ns": "i8",  # when it was ready first in this life of execution; 0: it has not been
        "retry_ns": "i8",  # the next attempt, while no attempt runs; 0: at once
        "attempts": "u8",  # connections begun in this life of execution
        "unreadable": "u8",  # frames of the venue that could not be read
        "state": "u4",  # SessionState
        "error": f"S{ERROR_CODE}",  # the venue's code when it last refused or ended the session; empty: it has not
        "venue": "S16",
        "text": "S220",  # why it is not ready: the venue's last word, or what happened to the connection
    },
)

INSTRUMENT_HALT: "Record[InstrumentHaltRow]" = Record(
    "instrument_halt",
    320,
    {
        "now_ns": "i8",  # of this change
        "since_ns": "i8",
        "difference": "i8",  # of a balance, in the asset's eighth decimals
        "venue_fill_id": f"S{VENUE_ID}",  # the fill that the reason is about; empty: none
        "venue_order_id": f"S{VENUE_ID}",  # the order that the reason is about; empty: none
        "instrument": "u4",
        "reason": "u4",  # AlarmReason; 0: not halted
        "text": "S208",  # what was found, cut off here; "" after a restart
    },
)

ACCOUNT_BALANCE: "Record[AccountBalanceRow]" = Record(
    "account_balance",
    144,
    {
        "asset": "S64",
        "amount_high": "i8",  # (high << 64 | low), at FEE_DECIMALS: free and locked together
        "amount_low": "u8",
        "locked_high": "i8",  # the part of it that the venue holds for open orders
        "locked_low": "u8",
        "transferred_high": "i8",  # deposits less withdrawals that the venue reported in this life of execution
        "transferred_low": "u8",
        "now_ns": "i8",  # when the venue's answer came
        "connection_ns": "i8",  # when the session came up: on another connection a transfer may be missing
        "fill_sequence": "u8",  # the FILLS cursor when the answer came
        "others": "u4",  # how often the fills of others on this account moved the asset, in this life of execution
        "account": "u4",
    },
)

MONITORED: "Record[MonitoredRow]" = Record(
    "monitored",
    128,
    {
        "instrument": "u4",
        "strategy": "u4",  # 0: the whole account
        "held_high": "i8",  # (high << 64 | low), signed, at holding_decimals
        "held_low": "u8",
        "average": "f8",  # cost of one; this and below: in quote, nan without a price
        "realised": "f8",
        "unrealised": "f8",
        "fees": "f8",
        "net": "f8",
        "notional_usd": "f8",
        "fill_count": "u8",
        "now_ns": "i8",
        "since_ns": "i8",  # since when it differs from execution's; 0: it agrees
        "mark2": "i8",  # twice the middle of the last GOOD book; 0: none
        "account": "u4",
        "state": "u1",  # Agreement
        "price_decimals": "u1",
        "size_decimals": "u1",
        "holding_decimals": "u1",
        "liquidation_price": "f8",  # of a derivative of the account, in quote; nan: there is none
        "spare": "u8",
    },
)

MONITORED_ACCOUNT: "Record[MonitoredAccountRow]" = Record(
    "monitored_account",
    256,
    {
        "now_ns": "i8",
        "since_ns": "i8",  # when this life of the monitor had read every fill
        "execution_silent_ns": "i8",  # since when a running execution has sent no heartbeat; 0: it sends them
        "balances_ns": "i8",  # when the newest balances arrived; 0: none yet
        "compared_ns": "i8",  # when the positions of a running execution were last compared; 0: not yet
        "day_from_ns": "i8",  # from when `net_day` counts; 0: not yet
        "fill_count": "u8",
        "worth": "f8",  # of the venue's balances; this and below: dollars, nan while a price is missing
        "cash": "f8",  # the part of it that is in dollar assets
        "equity": "f8",  # capital_usd and the net; without capital_usd the worth
        "peak": "f8",  # the highest equity
        "net": "f8",
        "net_day": "f8",
        "realised": "f8",
        "unrealised": "f8",
        "fees": "f8",
        "gross": "f8",  # of the positions
        "position": "f8",  # of each limit: what it is compared with, and the limit; nan: not set, or not known
        "position_limit": "f8",
        "concentration": "f8",
        "concentration_limit": "f8",
        "leverage": "f8",
        "leverage_limit": "f8",
        "drawdown": "f8",
        "drawdown_limit": "f8",
        "day_loss": "f8",
        "day_loss_limit": "f8",
        "free": "f8",  # the share of the equity that no position binds; its limit is the least allowed
        "free_limit": "f8",
        "liquidation": "f8",  # the way to the nearest liquidation, as a share of the price; nan: there is none
        "liquidation_limit": "f8",
        "differences": "u4",  # positions and balances that differ now
        "account": "u4",
    },
)

DISAGREEMENT: "Record[DisagreementRow]" = Record(
    "disagreement",
    256,
    {
        "now_ns": "i8",
        "since_ns": "i8",  # when the monitor found it first
        "difference": "i8",  # what execution or the venue has more than the fills, at FEE_DECIMALS, clamped
        "instrument": "u4",
        "strategy": "u4",  # 0: the whole account
        "account": "u4",
        "text": "S208",  # what the monitor computed, and what the other side has
        "spare": "u4",
        "spare_long": "u8",
    },
)

RECONCILED: "Record[ReconciledRow]" = Record(
    "reconciled",
    320,
    {
        "run": "u8",  # the number of the comparison in this life of execution
        "now_ns": "i8",  # when it ended
        "began_ns": "i8",
        "requested_ns": "i8",  # when an operator asked for it; 0: by the interval
        "balances_ns": "i8",  # when the balances last agreed with the fills, or a difference was reported; 0: never
        "orders_ours": "u4",  # open by our records when it ended
        "orders_listed": "u4",  # of ours that the venue listed
        "orders_others": "u4",  # of others that the venue listed
        "fills_listed": "u4",  # by the venue, since the last comparison
        "fills_unknown": "u4",  # of them, those that the journal did not have: others' too
        "assets": "u4",  # whose balances are compared
        "differences": "u4",  # REPORT: how many records of this run precede it
        "instrument": "u4",  # of a difference; 0: none
        "account": "u4",
        "kind": "u4",  # ReconciledKind
        "text": "S208",  # of a difference: what execution has, and what the venue has
        "spare": "4u8",
    },
)

SCOPE_HALT: "Record[ScopeHaltRow]" = Record(
    "scope_halt",
    256,
    {
        "now_ns": "i8",  # of this change
        "since_ns": "i8",  # when the command was carried out; 0: this cell holds no halt
        "account": "u4",  # the scope: at most one of the three, none for a flattening of the whole system
        "strategy": "u4",
        "instrument": "u4",
        "reason": "u4",  # HaltReason
        "state": "u4",  # FlattenState
        "uid": "u4",  # who asked
        "orders": "u4",  # of the scope, open or in doubt
        "positions": "u4",  # of the scope, that are not flat and can be closed
        "text": "S208",  # of a flattening: what it waits for, or what remains
    },
)

ACCEPTED: "Record[AcceptedRow]" = Record(
    "accepted",
    64,
    {
        "cursor": "u8",  # the lossless lane's consumer has read up to here
        "epoch": "u8",
        "now_ns": "i8",
        "spare": "5u8",
    },
)

BUDGET: "Record[BudgetRow]" = Record(
    "budget",
    64,
    {
        "version": "u8",  # counts the changes of this account's budget
        "amount": "i8",  # millionths of a dollar that the account's gross worst case may reach
        "now_ns": "i8",  # when the router confirmed it last
        "account": "u4",
        "spare": "u4",
        "spare_long": "4u8",
    },
)

BUDGETED: "Record[BudgetedRow]" = Record(
    "budgeted",
    64,
    {
        "version": "u8",  # of the budget that every further entry is checked against
        "used": "i8",  # the gross worst case, in millionths of a dollar; -1: not known, a price is missing
        "now_ns": "i8",
        "spare": "5u8",
    },
)

JOURNAL_VERSION = 3  # raise it when the bytes of a journal change: a journal of another version is refused
JOURNAL: "Record[JournalRow]" = Record(
    "journal",
    320,
    {
        "sequence": "u8",
        "now_ns": "i8",
        "kind": "u1",  # JournalKind: which record the payload is
        "version": "u1",  # JOURNAL_VERSION of the program that wrote it; at this place in every version
        "size": "u2",
        "checksum": "u4",  # crc32 of the record with this field 0
        "payload": "S296",
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
        "natives": "u4",  # bits 1 << OrderType
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

RECORDS = (
    TICK,
    LEVEL,
    PRINT,
    BOOK_TOP,
    INTENT,
    VERDICT,
    ORDER,
    PARENT,
    FILL,
    POSITION,
    STEP,
    HEARTBEAT,
    COMMAND,
    SETTINGS,
    HALT,
    GATE,
    CANCELLING,
    LISTED,
    MODE,
    SUPERVISION,
    SESSION,
    INSTRUMENT_HALT,
    ACCOUNT_BALANCE,
    MONITORED,
    MONITORED_ACCOUNT,
    DISAGREEMENT,
    RECONCILED,
    SCOPE_HALT,
    ACCEPTED,
    BUDGET,
    BUDGETED,
    JOURNAL,
    INSTRUMENT,
    FRAME,
    CONNECTION,
)

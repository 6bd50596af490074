"""The records of operating a system: heartbeats, commands, halts, the session, the canceller."""

from typing import TYPE_CHECKING

from engine.model.records.orders import ERROR_CODE
from engine.model.text import VENUE_ID
from shm.record import Record

if TYPE_CHECKING:
    from engine.model.rows import (
        BeliefRow,
        CancellingRow,
        CommandRow,
        GateRow,
        HaltRow,
        HeartbeatRow,
        InstrumentHaltRow,
        ListedRow,
        ModeRow,
        ScopeHaltRow,
        SessionRow,
        SettingsRow,
        StateRow,
        StepRow,
        SupervisionRow,
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

STATE_BYTES, STATE_CURSORS = 15_824, 64
STATE: "Record[StateRow]" = Record(
    "state",
    16_384,
    {
        "now_ns": "i8",  # of the step after which it was saved
        "code": "u8",  # what it belongs to, as hashes: the class and its modules,
        "parameters": "u8",  # the parameters and instruments of the configuration,
        "lanes": "u8",  # and this making of the lanes
        "size": "u8",  # bytes of `data`
        "lane_count": "u8",  # of `cursors`
        "cursors": f"{STATE_CURSORS}u8",  # of the strategy's verdicts, orders and fills: the state includes them so far
        "data": f"S{STATE_BYTES}",  # what the strategy's `save` returned, as MessagePack
    },
)

BELIEF_NAMES, BELIEF_WEIGHTS = 160, 8
BELIEF: "Record[BeliefRow]" = Record(
    "belief",
    320,
    {
        "now_ns": "i8",  # of the step in which the strategy published it; 0: never
        "probability": "f8",  # NaN: no opinion
        "confidence": "f8",
        "exposure": "f8",  # 0 to 1: the part of its size that it trades
        "weights": f"{BELIEF_WEIGHTS}f8",  # of the experts in `names`
        "regime": "S24",
        "names": f"S{BELIEF_NAMES}",  # of the experts, separated by commas
        "spare": "5u8",
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

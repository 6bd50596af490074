"""The records of orders: from a strategy's intent to the fill, and the record of the journal that holds them."""

from typing import TYPE_CHECKING

from engine.model.text import VENUE_ID
from shm.record import Record

if TYPE_CHECKING:
    from engine.model.rows import (
        AcceptedRow,
        FillRow,
        IntentRow,
        JournalRow,
        OrderRow,
        ParentRow,
        VerdictRow,
    )

PARAMETERS = 4  # of an algorithm, at most
INTENT: "Record[IntentRow]" = Record(
    "intent",
    128,
    {
        "intent_id": "u8",  # `intent_id.py` has its layout; never reused in a system's life
        "target_id": "u8",  # the intent whose order a CANCEL or REPLACE means; of a child of the router: its parent
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
        "expires_ns": "i8",  # by the venue's clock: not executed later than this; on ROUTE_ORDERS the parent's deadline
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

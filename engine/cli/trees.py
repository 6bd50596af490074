"""A record as JSON, in the same shape for every command.

    an enum          its word                           "state": "OPEN", "reason": "ORDER_RATE", "side": "buy"
    flags            the words of the set bits          "flags": ["CANCEL_WANTED"]
    an id of ours    with the name beside it            "instrument": 1, "symbol": "BTCUSDT", "strategy_name": "maker"
    a price or size  decimal text                       "price": "60000.10"; an integer if the instrument is unknown
    dust             decimal text                       "dust": "0.00000990", with the decimals of holdings
    128-bit halves   one decimal text                   "realised": "-1.25000000"
    a wall clock     nanoseconds, and ISO in UTC        "sent_ns": 1700000000000000000, "sent": "2023-11-14T22:13:20Z"
    a verdict, an order                                 "why": the refusal or the reject, as one line of text
    a float          decimal text                       "spread_bps": "0.01666667", "imbalance": "-0.25000000"

Durations and monotonic times stay nanoseconds; NaN and infinity are null.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import shm
from engine import instruments
from engine.cli.output import decimal_text, iso, plain
from engine.lanes import LOOKERS, open_lanes
from engine.model import algorithms, words
from engine.model.fixed import to_text
from engine.model.holdings import HoldingTerms
from engine.model.instrument import Instrument
from engine.model.records import FEE_DECIMALS
from engine.model.refusals import refusal_text, reject_text
from engine.model.text import word
from engine.model.words import BookState, TickKind
from engine.monitor.names import Names

WORDS: Mapping[str, Mapping[str, type[IntEnum]]] = {
    "tick": {"kind": words.TickKind},
    "book_top": {"state": words.BookState},
    "intent": {"kind": words.IntentKind, "order_type": words.OrderType, "time_in_force": words.TimeInForce},
    "verdict": {"reason": words.Reason, "kind": words.IntentKind},
    "parent": {"status": words.ParentStatus, "time_in_force": words.TimeInForce},
    "order": {"state": words.OrderState, "order_type": words.OrderType, "time_in_force": words.TimeInForce},
    "heartbeat": {"state": words.RoleState},
    "command": {"kind": words.CommandKind, "reason": words.HaltReason},
    "halt": {"reason": words.HaltReason},
    "monitored": {"state": words.Agreement},
    "reconciled": {"kind": words.ReconciledKind},
    "instrument_halt": {"reason": words.AlarmReason},
    "journal": {"kind": words.JournalKind},
    "frame": {"kind": words.FrameKind},
    "opportunity": {"kind": words.OpportunityKind},
    "global_book": {"state": words.BookState},
}
MARKS: Mapping[str, type[IntEnum]] = {
    "tick": words.Flag, "book_top": words.Flag, "order": words.OrderFlag, "fill": words.FillFlag, "bar": words.BarFlag,
    "opportunity": words.OpportunityFlag, "position": words.PositionFlag, "intent": words.IntentFlag,
    "parent": words.IntentFlag, "verdict": words.VerdictFlag,
}  # fmt: skip
PRICES = frozenset({
    "price", "limit_price", "average_price", "mark_price", "bid_price", "ask_price", "open", "high", "low", "close",
    "buy_price", "sell_price", "price_step", "price_min", "price_max",
})  # fmt: skip
SIZES = frozenset({
    "size", "size_before", "filled", "bid_size", "ask_size", "bought", "sold", "open_buy", "open_sell", "size_step",
    "size_min", "size_max", "market_size_max", "position_max",
})  # fmt: skip
BALANCES = frozenset({"amount", "locked", "transferred"})
FEES = frozenset({"fee", "fee_value", "fee_unvalued", "difference"})
DURATIONS = frozenset({"ttl_ns", "timeout_ns", "interval_ns"})
MONOTONIC = frozenset({"beat_ns", "monotonic_ns"})
MONEY_DECIMALS = 8
UNSCALED = frozenset({"command", "journal", "frame", "connection", "heartbeat", "halt", "step", "accepted"})


@dataclass(frozen=True, slots=True)
class Naming:
    """The names and decimals for a system's ids."""

    instruments: dict[int, Instrument]
    names: Names

    @classmethod
    def of(cls, system: str) -> "Naming":
        """Instruments as the feed published them, names as in the configuration; empty where they are unknown."""
        try:
            known = {one.id: one for one in instruments.read(open_lanes(system, LOOKERS))}
        except (shm.SegmentError, OSError):
            known = {}
        return cls(known, Names.of(system))


def tree_of(row: Any, naming: Naming) -> dict[str, Any]:
    """A record's row for JSON."""
    record = type(row).__name__
    values = {name: value for name, value in row._asdict().items() if not name.startswith("spare")}
    scale = _scale(record, values, naming)
    tree: dict[str, Any] = {}
    for name, value in values.items():
        if name.endswith("_low") and f"{name[:-4]}_high" in values:
            continue
        if name.endswith("_high") and f"{name[:-5]}_low" in values:
            tree.pop(name[:-5], None)
            wide = (value << 64) | values[f"{name[:-5]}_low"]
            tree[name[:-5]] = (
                to_text(wide, _wide_decimals(name[:-5], values, scale)) if scale or name[:-5] in BALANCES else wide
            )
        elif name == "dust":
            tree[name] = _dust(value, values, naming)
        elif name not in tree or f"{name}_high" not in values:  # the exact sum is in the tree already
            tree.update(_fields(record, name, value, scale, naming))
    return {**tree, **_words_of(record, row, naming)}


def _fields(record: str, name: str, value: Any, scale: tuple[int, int] | None, naming: Naming) -> dict[str, Any]:
    """One field, with the name or the time that goes with it."""
    if name in WORDS.get(record, {}):
        return {name: word(WORDS[record][name], value)}
    if name == "flags" and record in MARKS:
        return {name: [one.name for one in MARKS[record] if value & one]}
    if name.endswith("_ns") and name not in DURATIONS | MONOTONIC:
        return {name: value, name.removesuffix("_ns"): iso(value)}
    return {name: _number(record, name, value, scale), **_beside(name, value, naming)}


def _number(record: str, name: str, value: Any, scale: tuple[int, int] | None) -> Any:
    """A decimal number as text; other values unchanged."""
    if name == "client_id":
        return value.ljust(16, b"\0").hex()
    if name in FEES:
        return to_text(value, FEE_DECIMALS)
    if isinstance(value, float):
        return decimal_text(value)
    if scale is not None and record not in UNSCALED and name in PRICES | SIZES:
        return _scaled(value, scale[0] if name in PRICES else scale[1])
    return plain(value)


def _beside(name: str, value: Any, naming: Naming) -> dict[str, str]:
    """The name that belongs to an id."""
    if name == "account" and isinstance(value, int):
        return {"account_name": naming.names.account(value)}
    if name == "strategy":
        return {"strategy_name": naming.names.strategy(value)}
    if name != "instrument" or not isinstance(value, int):
        return {}
    one = naming.instruments.get(value)
    return {"symbol": str(value)} if one is None else {"symbol": one.symbol, "venue": one.venue}


def _scaled(value: Any, decimals: int) -> Any:
    return [to_text(one, decimals) for one in value] if isinstance(value, list | tuple) else to_text(value, decimals)


def _scale(record: str, values: Mapping[str, Any], naming: Naming) -> tuple[int, int] | None:
    """Decimals of prices and of sizes: the record's own, else its instrument's."""
    if "price_decimals" in values:
        return values["price_decimals"], values["size_decimals"]
    one = naming.instruments.get(values["instrument"]) if isinstance(values.get("instrument"), int) else None
    return None if one is None or record in UNSCALED else (one.price_decimals, one.size_decimals)


def _wide_decimals(name: str, values: Mapping[str, Any], scale: tuple[int, int] | None) -> int:
    """The decimals of a 128-bit sum."""
    price, size = scale or (0, 0)
    if name in BALANCES:
        return FEE_DECIMALS
    if name == "held":
        return int(values["holding_decimals"])
    if name in ("volume", "bought", "late"):
        return size
    if name == "profit":
        return price + size + MONEY_DECIMALS
    return price + int(values.get("holding_decimals", size))


def _dust(value: int, values: Mapping[str, Any], naming: Naming) -> str | int:
    """Dust with the record's own decimals of holdings, else with its instrument's."""
    one = naming.instruments.get(values["instrument"])
    if "holding_decimals" in values:
        return to_text(value, values["holding_decimals"])
    return value if one is None else to_text(value, HoldingTerms.of(one).decimals)


def _words_of(record: str, row: Any, naming: Naming) -> dict[str, Any]:
    """The fields of a record whose numbers are given in words."""
    if record == "verdict":
        return {"why": refusal_text(row.reason, row.value, row.limit, naming.instruments.get(row.instrument))}
    if record == "order":
        return {"side": side_word(row.side), "why": reject_text(row.error, row.error_text)}
    if record == "parent":
        terms = _terms(row.algorithm, row.parameters, naming.instruments.get(row.instrument))
        return {"side": side_word(row.side), "algorithm_name": algorithms.name_of(row.algorithm), "terms": terms}
    if record in ("intent", "fill"):
        return {"side": side_word(row.side)}
    if record == "tick":
        side = {"side": side_word(row.side) if row.kind == TickKind.PRINT else "bid" if row.side > 0 else "ask"}
        return {**side, "state": word(BookState, row.detail)} if row.kind == TickKind.STATE else side
    return {}


def side_word(side: int) -> str:
    """A side as a word; "" for an intent that places nothing."""
    return "buy" if side > 0 else "sell" if side < 0 else ""


def _terms(algorithm: int, numbers: Sequence[int], instrument: Instrument | None) -> dict[str, int | str]:
    """The parameters of an algorithm that are set, by their names; prices as text."""
    one = algorithms.by_number(algorithm)
    named = zip(() if one is None else one.parameters, numbers, strict=False)
    return {
        parameter.name: to_text(value, instrument.price_decimals)
        if instrument is not None and parameter.name.endswith("_price")
        else value
        for parameter, value in named
        if value
    }

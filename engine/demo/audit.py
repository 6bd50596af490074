"""Compares an account's journal with its venue's truth log: every order, every fill, every balance.

Execution writes the journal and the matching engine writes the truth log. The two processes share only a socket, so
every order or fill that was lost, doubled or invented is a difference here.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from engine.config.paths import FIRST_ACCOUNT
from engine.execution.journal.journal import read_journal
from engine.execution.orders import codec
from engine.execution.orders.ledger import Ledger
from engine.execution.restore import checkpoint
from engine.model.fixed import to_fixed
from engine.model.instrument import Instrument
from engine.model.records import FEE_DECIMALS
from engine.model.refusals import reject_text
from engine.model.rows import OrderRow
from engine.model.text import shown
from engine.model.words import DONE_STATES, FillFlag, JournalKind, OrderState
from engine.venues.binance.kind import BINANCE

TRUTH_DECIMALS = 8
TRUTH_ENDS = {
    "accepted": OrderState.OPEN,
    "triggered": OrderState.OPEN,
    "amended": OrderState.OPEN,
    "fill": OrderState.PARTLY_FILLED,
    "cancelled": OrderState.CANCELLED,
    "expired": OrderState.EXPIRED,
    "prevented": OrderState.EXPIRED,
}


def _amounts() -> dict[str, Fraction]:
    """Amounts by asset; an unknown asset has 0."""
    return defaultdict(Fraction)


@dataclass(slots=True)
class Side:
    """One side's record: orders by client id with final state and filled size, fills by their identity."""

    orders: dict[str, tuple[int, int]] = field(default_factory=dict)
    fills: Counter[tuple[str, str, str, int, int]] = field(default_factory=Counter)
    gained: dict[str, Fraction] = field(default_factory=dict)  # the change of each balance since the deposits
    apart: dict[str, Fraction] = field(default_factory=_amounts)  # the effect of fees in a third asset, see `gains`
    ends: dict[str, str] = field(default_factory=dict)  # the final state of each order of the journal, in words


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference, in words."""

    text: str


def read_ours(directory: Path, instruments: dict[int, Instrument]) -> Side:
    """Our side, from the journal."""
    ours = Side()
    for entry in read_journal(directory):
        if entry.kind == JournalKind.ORDER:
            row = codec.ORDER.unpack(entry.payload)
            scale = 10 ** (TRUTH_DECIMALS - instruments[row.instrument].size_decimals)
            ours.orders[row.client_id.hex()] = (row.state, row.filled * scale)
            ours.ends[row.client_id.hex()] = _end(row)
        elif entry.kind == JournalKind.FILL:
            fill = codec.FILL.unpack(entry.payload)
            one = instruments[fill.instrument]
            size = fill.size * 10 ** (TRUTH_DECIMALS - one.size_decimals)
            price = fill.price * 10 ** (TRUTH_DECIMALS - one.price_decimals)
            ours.fills[one.symbol, shown(fill.venue_fill_id), fill.client_id.hex(), price, size] += 1
            _set_apart(ours.apart, fill, one)
    return ours


def read_ledger(
    directory: Path, instruments: dict[int, Instrument], strategies: tuple[int, ...], account: int = FIRST_ACCOUNT
) -> Ledger:
    """The positions that the execution of an account would restore from its journal."""
    order = BINANCE.trading["spot"].fill_order.name
    request = checkpoint.Request(str(directory), 0, tuple(instruments.values()), strategies, order, account)
    replay = checkpoint.blank(request)
    for entry in read_journal(directory):
        replay.feed(entry)
    return replay.blotter.ledger


def gains(ledger: Ledger, apart: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """The change of each balance that our positions and the fees in a third asset imply.

    A position counts a fee in a third asset at its value in quote, or not at all; `apart` undoes that and charges the
    fee's own asset.
    """
    found = _amounts()
    found.update(apart)
    for one in ledger.account.values():
        found[one.instrument.base] += Fraction(one.held, 10**one.terms.decimals)
        found[one.instrument.quote] += Fraction(one.cash - one.fees, 10**one.money_decimals)
    return found


def _set_apart(apart: dict[str, Fraction], fill: Any, one: Instrument) -> None:
    """Add a fill's fee in a third asset, and its value in quote if it has a price."""
    asset = fill.fee_asset.rstrip(b"\0").decode()
    if not fill.fee or asset in (one.base, one.quote):
        return
    apart[asset] -= Fraction(fill.fee, 10**FEE_DECIMALS)
    if fill.flags & FillFlag.FEE_VALUED:
        apart[one.quote] += Fraction(fill.fee_value, 10**FEE_DECIMALS)


def _end(row: OrderRow) -> str:
    """An order's final state; for a rejected order also the venue's reason."""
    if row.state != OrderState.REJECTED:
        return OrderState(row.state).name.lower()
    reason = reject_text(row.error, row.error_text)
    return f"rejected by the venue ({reason})" if reason else "rejected"


def explain(ours: Side, truth: Side) -> list[str]:
    """The orders that are in the journal only, by final state: the venue logs an order only when it accepts it."""
    never = Counter(end for one, end in ours.ends.items() if one not in truth.orders)
    return [f"{count:,} orders of the journal are not in the venue's log: {end}" for end, count in never.most_common()]


def read_truth(path: Path, account: str) -> Side:
    """The venue's side for an account; an incomplete last line is skipped."""
    truth = Side()
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    for line in whole.splitlines():
        event = msgspec.json.decode(line)
        if event.get("account") != account or event["what"] == "balances":
            continue
        filled, size = (to_fixed(str(event[name]), TRUTH_DECIMALS) for name in ("filled", "size"))
        end = OrderState.FILLED if filled == size else TRUTH_ENDS[event["what"]]
        if end == OrderState.OPEN and filled:
            end = OrderState.PARTLY_FILLED
        truth.orders[event["client_id"]] = (int(end), filled)
        truth.gained.update({asset: Fraction(text) for asset, text in event.get("gained", {}).items()})
        if event["what"] == "fill":
            price, part = (to_fixed(str(event[name]), TRUTH_DECIMALS) for name in ("fill_price", "fill_size"))
            truth.fills[event["symbol"], str(event["fill_id"]), event["client_id"], price, part] += 1
    return truth


def compare(ours: Side, truth: Side) -> list[Finding]:
    """Every difference; empty when both sides agree."""
    found = [
        Finding(f"order {one}: the venue has it, the journal does not") for one in truth.orders.keys() - ours.orders
    ]
    for client_id, (state, filled) in ours.orders.items():
        if client_id not in truth.orders:
            if state not in DONE_STATES or filled:
                found.append(Finding(f"order {client_id}: {OrderState(state).name}, unknown to the venue"))
        elif (state, filled) != truth.orders[client_id]:
            end, size = truth.orders[client_id]
            both = f"{OrderState(state).name} {filled}, at the venue {OrderState(end).name} {size}"
            found.append(Finding(f"order {client_id}: in the journal {both}"))
    found += [Finding(f"fill {one}: the venue has it, the journal does not") for one in truth.fills - ours.fills]
    found += [Finding(f"fill {one}: the journal has it, the venue does not") for one in ours.fills - truth.fills]
    for asset in sorted({*ours.gained, *truth.gained}):
        mine, there = ours.gained.get(asset, Fraction()), truth.gained.get(asset, Fraction())
        if mine != there:
            found.append(Finding(f"balance of {asset}: ours changed by {float(mine)}, the venue's by {float(there)}"))
    return found

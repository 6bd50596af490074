"""Restores the state of a strategy that was killed, from lanes only.

1. ORDERS, VERDICTS and its own INTENTS are read from their first record: its working orders.
2. FILLS is read from its first record: its position. Of several executions each has its own lanes and instruments.
3. A ring whose first record was overwritten is incomplete. For FILLS the position then begins with the POSITIONS cells:
   each has the FILLS sequence that it includes, and the fills after it are on the ring. Orders are not restored then:
   the ledger drops them and the role has all orders of this strategy cancelled.

A lap in a running role (its process was frozen for longer than the rings reach back) is handled in the same way.
Ids: `engine/model/intent_id.py` has the layout. The count continues from the newest intent on the lane. A new lane has
no earlier intents, so its count begins at the milliseconds since 2020: above any id of an earlier life that submitted
fewer than a thousand intents a second.
"""

from collections.abc import Callable, Iterable
from typing import Any

import shm
from engine.lanes import lane_of
from engine.lanes.ports import CellReader, RingReader
from engine.model.intent_id import count_of, is_routed
from engine.model.rows import IntentRow, OrderRow, VerdictRow
from engine.model.words import VerdictFlag
from engine.strategy.api.ledger import PLACING, Ledger
from engine.strategy.role.lanes import StrategyLanes

FIRST_COUNT_MS = 1_577_836_800_000  # 2020-01-01


def fold(reader: RingReader, lane: str, apply: Callable[[Any], object]) -> bool:
    """Apply every record of a ring, from the first or the oldest one; False when the first is lost."""
    reader.cursor = lane_of(lane).start
    whole = True
    while (row := reader.read()) is not None:
        if isinstance(row, shm.Lapped):
            whole = False
        else:
            apply(row)
    return whole


def fold_each(readers: Iterable[RingReader], lane: str, apply: Callable[[Any], object]) -> bool:
    """Apply every record of the rings of each execution; False when the first of one is lost."""
    return all([fold(reader, lane, apply) for reader in readers])  # noqa: C419 - each is read


def recover_positions(lanes: StrategyLanes, ledger: Ledger) -> bool:
    """Restore the position from every execution's FILLS; False when one began with the cells."""
    pairs = zip(lanes.positions, lanes.fills, strict=True)
    return all([recover_held(positions, fills, ledger) for positions, fills in pairs])  # noqa: C419 - of each


def recover_held(positions: CellReader, fills: RingReader, ledger: Ledger) -> bool:
    """Restore the position at one execution from its FILLS; False when it began with the cells."""
    cells = read_cells(positions, ledger)  # before FILLS: a cell must not include fills that are applied to it later
    rows: list[tuple[int, Any]] = []
    whole = fold(fills, "fills", lambda row: rows.append((fills.cursor - 1, row)))
    begin = {} if whole else {instrument: cell.fill_sequence for instrument, cell in cells.items()}
    for cell in () if whole else cells.values():
        ledger.set_held_from_cell(cell)
    for sequence, row in rows:
        if row.strategy == ledger.strategy and sequence >= begin.get(row.instrument, 0):
            ledger.fill(row)
    return whole


def read_cells(positions: CellReader, ledger: Ledger) -> dict[int, Any]:
    """This strategy's POSITION rows by instrument."""
    rows = (positions.read(index) for index in range(lane_of("positions").count))
    return {row.instrument: row for row in rows if row is not None and row.strategy == ledger.strategy}


def recover_orders(lanes: StrategyLanes, ledger: Ledger) -> bool:
    """Restore the working orders; False, and no orders, when a ring has lost its first record."""
    settled: set[int] = set()  # intents that have an order or a refusal

    def judge(row: VerdictRow) -> None:
        child = row.flags & VerdictFlag.CHILD or is_routed(row.intent_id)
        if row.strategy == ledger.strategy and row.reason and not child:
            settled.add(row.intent_id)

    def change(row: OrderRow) -> None:
        if row.strategy == ledger.strategy and not is_routed(row.intent_id):
            settled.add(row.intent_id)
            ledger.change(row)

    def intend(row: IntentRow) -> None:
        if row.intent_id not in settled and row.kind in PLACING:
            ledger.intend(row)

    whole = fold_each(lanes.verdicts, "verdicts", judge)
    whole = fold_each(lanes.orders, "orders", change) and whole
    fold_each(lanes.own, "intents", intend)
    if not whole:
        ledger.drop_orders()
    return whole


def recover_routed(lanes: StrategyLanes, ledger: Ledger) -> set[int]:
    """The working intents that the router has."""
    found: set[int] = set()

    def intend(row: IntentRow) -> None:
        if row.intent_id in ledger.working:
            found.add(row.intent_id)

    fold_each(lanes.own[len(lanes.fills) :], "routes", intend)
    return found


def recover_count(lanes: StrategyLanes, now_ns: int) -> int:
    """The count of the newest intent, or the first count on a new lane."""
    count = 0

    def newest(row: Any) -> None:
        nonlocal count
        count = max(count, count_of(row.intent_id))

    fold_each(lanes.own, "intents", newest)
    return count or max(0, now_ns // 1_000_000 - FIRST_COUNT_MS)

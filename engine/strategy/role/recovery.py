"""How a strategy that was killed learns who it is, from the lanes alone.

1. ORDERS, VERDICTS and its own INTENTS are read from their first record: what was wanted, what became of it.
2. FILLS are read from their first record: the position.
3. A ring that has lost its first record cannot tell a whole story any more. For FILLS the story begins then at the
   POSITIONS cells: each says how far into FILLS it reaches, so every value of it also stands on the ring. For orders
   nothing is believed: the ledger forgets them and the role has everything of this strategy cancelled.

A lap while running (the process was frozen for longer than the rings reach back) is recovered from in the same way.
Ids: an intent id is strategy << 40 | count. The count goes on from the newest intent on our lane; a lane made anew says
nothing of earlier lives, so it begins at the milliseconds since 2020: beyond any id of a life that made fewer than a
thousand intents a second.
"""

from collections.abc import Callable
from typing import Any

import shm
from engine.lanes import lane_of
from engine.model.rows import IntentRow, OrderRow, VerdictRow
from engine.strategy.api.ledger import PLACING, Ledger
from engine.strategy.role.lanes import LaneReader, StrategyLanes

COUNT_BITS = 40
FIRST_COUNT_MS = 1_577_836_800_000  # 2020-01-01


def fold(reader: LaneReader, lane: str, take: Callable[[Any], object]) -> bool:
    """Hand every record of a ring to `take`, from the first or the oldest held; False when the first is lost."""
    reader.cursor = lane_of(lane).start
    whole = True
    while (row := reader.read()) is not None:
        if isinstance(row, shm.Lapped):
            whole = False
        else:
            take(row)
    return whole


def recover_positions(lanes: StrategyLanes, ledger: Ledger) -> bool:
    """Learn the position from FILLS; False when it had to begin at the cells."""
    cells = read_cells(lanes, ledger)  # before FILLS: a cell must not reach beyond the fills folded onto it
    rows: list[tuple[int, Any]] = []
    whole = fold(lanes.fills, "fills", lambda row: rows.append((lanes.fills.cursor - 1, row)))
    begin = {} if whole else {instrument: cell.fill_sequence for instrument, cell in cells.items()}
    for cell in () if whole else cells.values():
        ledger.hold_cell(cell)
    for sequence, row in rows:
        if row.strategy == ledger.strategy and sequence >= begin.get(row.instrument, 0):
            ledger.fill(row)
    return whole


def read_cells(lanes: StrategyLanes, ledger: Ledger) -> dict[int, Any]:
    """Give this strategy's POSITION rows by instrument."""
    rows = (lanes.positions.read(index) for index in range(lane_of("positions").count))
    return {row.instrument: row for row in rows if row is not None and row.strategy == ledger.strategy}


def recover_orders(lanes: StrategyLanes, ledger: Ledger) -> bool:
    """Learn the working orders; False, and none, when a ring does not reach back to its beginning."""
    settled: set[int] = set()  # intents that have an order or a refusal

    def judge(row: VerdictRow) -> None:
        if row.strategy == ledger.strategy and row.reason:
            settled.add(row.intent_id)

    def change(row: OrderRow) -> None:
        if row.strategy == ledger.strategy:
            settled.add(row.intent_id)
            ledger.change(row)

    def intend(row: IntentRow) -> None:
        if row.intent_id not in settled and row.kind in PLACING:
            ledger.intend(row)

    whole = fold(lanes.verdicts, "verdicts", judge)
    whole = fold(lanes.orders, "orders", change) and whole
    fold(lanes.own, "intents", intend)
    if not whole:
        ledger.forget_orders()
    return whole


def recover_count(lanes: StrategyLanes, now_ns: int) -> int:
    """Learn the newest count of an intent of ours."""
    count = 0

    def newest(row: Any) -> None:
        nonlocal count
        count = max(count, row.intent_id & ((1 << COUNT_BITS) - 1))

    fold(lanes.own, "intents", newest)
    return count or max(0, now_ns // 1_000_000 - FIRST_COUNT_MS)

"""The orders that are open or in doubt by an execution's own records: its ORDERS lane, without those of others."""

import shm
from engine.lanes.ports import RingReader
from engine.model.rows import OrderRow
from engine.model.words import DONE_STATES, OrderFlag


def unfinished(ring: RingReader, end: int | None = None) -> list[OrderRow]:
    """The newest record of each order that is not done, of all records that the ring still has, those before `end`."""
    ring.cursor = ring.oldest
    newest: dict[bytes, OrderRow] = {}
    while (end is None or ring.cursor < end) and (row := ring.read()) is not None:
        if not isinstance(row, shm.Lapped):
            newest[row.client_id] = row
    return [row for row in newest.values() if row.state not in DONE_STATES and not row.flags & OrderFlag.FOREIGN]

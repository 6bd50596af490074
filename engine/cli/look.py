"""What several commands read from the lanes: instruments, orders, parents, and numbers as text."""

from collections.abc import Iterator
from typing import Any

import shm
from engine import instruments
from engine.cli import NOT_FOUND, CommandError
from engine.cli.output import attach, segments_of
from engine.lanes import LOOKERS, open_lanes
from engine.model.instrument import Instrument
from engine.model.words import IntentKind


def known_instruments(system: str) -> dict[int, Instrument]:
    """The instruments by id; empty until the feed publishes them."""
    try:
        return {one.id: one for one in instruments.read(open_lanes(system, LOOKERS))}
    except shm.SegmentError as error:
        raise CommandError(str(error), NOT_FOUND) from error


def name_of(known: dict[int, Instrument], instrument: int) -> str:
    """An instrument's symbol, or its id until the feed publishes the instrument."""
    return known[instrument].symbol if instrument in known else str(instrument)


def last_states(system: str) -> dict[bytes, Any]:
    """The newest record of every order on the lane, oldest order first."""
    orders: dict[bytes, Any] = {}
    for row in _rows_of(system, "orders"):
        orders[row.client_id] = row
    return orders


def newest_parents(system: str) -> dict[int, Any]:
    """Every parent's newest record that the lane still holds, by its intent."""
    return {row.intent_id: row for row in _rows_of(system, "parents")}


def newest_routes(system: str) -> dict[int, Any]:
    """The newest ORDER of every parent of the router that its lane still holds, by its intent."""
    return {row.intent_id: row for row in _rows_of(system, "route_orders")}


def routed_children(system: str) -> dict[int, int]:
    """The parent of every child of the router that its lanes still hold, by the child's intent."""
    return {row.intent_id: row.target_id for row in _rows_of(system, "routed") if row.kind == IntentKind.PLACE}


def _rows_of(system: str, lane: str) -> Iterator[Any]:
    """Every record that the rings of a lane still hold, owner by owner."""
    for name in segments_of(system, lane):
        ring = attach(name)
        assert isinstance(ring, shm.RingReader)
        ring.cursor = ring.oldest
        yield from (row for row in ring.rows() if not isinstance(row, shm.Lapped))


def cells_of(system: str, lane: str) -> list[Any]:
    """Every written cell of a lane, owner by owner."""
    rows = []
    for name in segments_of(system, lane):
        cells = attach(name)
        assert isinstance(cells, shm.CellReader)
        rows += [row for index in range(cells.count) if (row := cells.read(index)) is not None]
    return rows

"""The new records of a lane of orders, for those who follow it from check to check."""

from collections.abc import Callable, Iterator

import shm
from engine.lanes.ports import RingReader
from engine.model.rows import OrderRow

READ_MOST = 8_192  # records of one check; the rest waits for the next one


def new_orders(lane: RingReader, forget: Callable[[], None]) -> Iterator[OrderRow]:
    """The records since the last call; where records are lost, `forget` what is known and go on with the later ones."""
    for _ in range(READ_MOST):
        row = lane.read()
        if row is None:
            return
        if isinstance(row, shm.Lapped):
            forget()
            continue
        yield row

"""Instruments in shared memory: each feed publishes its venues' metadata, all other roles read it here.

Cell i holds the i-th instrument of the configuration, in the lane of the feed that has its venue. The cells outlive
the feed, so a restarted strategy or execution starts without waiting for the feed.
"""

import time
from collections.abc import Sequence

import shm
from engine.lanes import RoleLanes
from engine.model.instrument import Instrument
from engine.model.records import INSTRUMENT
from engine.model.rows import InstrumentRow

POLL_S = 0.01
TEXTS = ("venue", "symbol", "base", "quote", "kind")
NUMBERS = ("id", "price_decimals", "size_decimals", "price_step", "size_step", "size_min", "size_max", "notional_min",
           "multiplier", "version", "natives", "orders_max", "algo_orders_max", "trailing_min", "trailing_max",
           "price_min", "price_max", "notional_max", "market_size_max", "position_max", "bid_up", "bid_down", "ask_up",
           "ask_down")  # fmt: skip


class InstrumentsMissingError(Exception):
    """The feed did not publish the instruments in time."""


def write(
    cells: shm.CellWriter, index: int, instrument: Instrument, now_ns: int, *, old: bool = False, missing: int = 0,
    spread_alarm_bps: float = 0.0,
) -> None:  # fmt: skip
    """Write an instrument; `old` if it comes from the cached copy, `missing` the channels without messages."""
    texts = {name: getattr(instrument, name).encode() for name in TEXTS}
    numbers = {name: getattr(instrument, name) for name in NUMBERS}
    row = INSTRUMENT.row(
        **texts, **numbers, trading=instrument.trading, old=old, update_ns=now_ns, missing=missing,
        spread_alarm_bps=spread_alarm_bps,
    )  # fmt: skip
    cells.write(index, *row)


def from_row(row: InstrumentRow) -> Instrument:
    """The instrument in a cell's row."""
    texts = {name: getattr(row, name).rstrip(b"\0").decode() for name in TEXTS}
    return Instrument(**texts, **{name: getattr(row, name) for name in NUMBERS}, trading=bool(row.trading))


def read(lanes: RoleLanes) -> list[Instrument]:
    """Every instrument that a feed has published, in the configuration's order."""
    rows: dict[int, InstrumentRow] = {}
    for _, cells in lanes.cell_readers("instruments"):
        rows |= {index: row for index in range(cells.count) if (row := cells.read(index)) is not None}
    return [from_row(rows[index]) for index in sorted(rows)]


def await_all(lanes: RoleLanes, ids: Sequence[int], timeout_s: float = 15.0) -> list[Instrument]:
    """The instruments of these ids; waits at a role's start until the feed has published them."""
    deadline = time.monotonic() + timeout_s
    while True:
        known = {instrument.id: instrument for instrument in read(lanes)}
        if all(one in known for one in ids):
            return [known[one] for one in ids]
        if time.monotonic() > deadline:
            missing = [one for one in ids if one not in known]
            raise InstrumentsMissingError(
                f"after {timeout_s} s the feed has not shown instruments {missing} of {lanes.system!r}"
            )
        time.sleep(POLL_S)

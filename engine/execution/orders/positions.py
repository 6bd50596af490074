"""Publishes the cells of POSITIONS: a changed position at once, and every `mark_interval_ns` each held position.

Where only the size of open orders has changed, which each order does twice, the cell's last record is written with the
new size, unless its valuation is as old as the interval.

A position is valued at the middle of its book (`prices`). A day begins at 00:00 UTC. Its first valuation is recorded in
the journal, and the net of the day counts from it, after a restart too. While an instrument is held and has no price,
its day does not begin.
"""

import struct

from engine.execution.orders import codec
from engine.execution.orders.blotter import Blotter
from engine.execution.orders.prices import Prices
from engine.lanes.ports import CellWriter
from engine.meters import current as meters
from engine.meters.table import place_of
from engine.model.fixed import clamped
from engine.model.journal_records import DAY
from engine.model.records import POSITION
from engine.model.words import JournalKind

POSITION_HOP = place_of("position")
DAY_NS = 86_400 * 1_000_000_000
OPEN = struct.Struct("<qq")  # open_buy, open_sell
OPEN_AT = next(one.offset for one in POSITION.fields if one.name == "open_buy")
assert [one.offset for one in POSITION.fields if one.name == "open_sell"] == [OPEN_AT + 8]


class Positions:
    """The POSITIONS lane."""

    def __init__(self, blotter: Blotter, prices: Prices, cells: CellWriter, interval_ns: int) -> None:
        """Bind the parts together; the first write values everything."""
        self._blotter = blotter
        self._ledger = blotter.ledger
        self._prices = prices
        self._write = cells.write_bytes
        self._interval_ns = interval_ns
        self._valued_ns = self._fill_sequence = 0
        self._day_ns = 0
        self._written: dict[int, tuple[int, bytes]] = {}  # by cell: when its position was valued, its record

    def write(self, now_ns: int, fill_sequence: int) -> None:
        """Write the cells that changed, and those of all held positions when they are due."""
        touched = self._blotter.touched
        if now_ns - self._valued_ns >= self._interval_ns:
            self._valued_ns = now_ns
            self._day_ns = now_ns - now_ns % DAY_NS
            self._begin_days()
            touched.update(index for index, one in enumerate(self._ledger.positions) if one.held)
        exposed = self._blotter.exposed
        for index in sorted(touched | exposed) if touched else exposed:
            valued_ns, data = self._written.get(index, (0, b""))
            if index in touched or now_ns - valued_ns >= self._interval_ns:
                self._written[index] = now_ns, self._value(index, fill_sequence)
            else:
                self._written[index] = valued_ns, self._with_open(index, data)
            self._write(index, self._written[index][1])
        touched.clear()
        exposed.clear()
        if fill_sequence != self._fill_sequence:
            self._fill_sequence = fill_sequence
            meters.observe_since(POSITION_HOP, now_ns)

    def _value(self, index: int, fill_sequence: int) -> bytes:
        """The record of a position at its present price."""
        position = self._ledger.positions[index]
        mark2 = self._prices.middle2(position.instrument.id)
        rate = self._prices.usd_rate(position.instrument.quote)
        return codec.POSITION.pack_row(position.row(fill_sequence, mark2, rate, self._day_ns, self._blotter.account))

    def _with_open(self, index: int, data: bytes) -> bytes:
        """The last record of a position with the present size of its open orders."""
        position = self._ledger.positions[index]
        found = OPEN.pack(clamped(position.open_buy), clamped(position.open_sell))
        return data[:OPEN_AT] + found + data[OPEN_AT + OPEN.size :]

    def _begin_days(self) -> None:
        """Begin the day of every instrument that can be valued and has not begun it."""
        for instrument, account in self._ledger.account.items():
            mark2 = self._prices.middle2(instrument)
            if account.day_ns != self._day_ns and (mark2 or not self._ledger.holds(instrument)):
                self._begin_day(instrument, mark2)

    def _begin_day(self, instrument: int, mark2: int) -> None:
        """Record the day's first valuation, and count the day's net from it."""
        day = DAY.row(day_ns=self._day_ns, mark2=mark2, instrument=instrument)
        self._blotter.journal.add(self._valued_ns, JournalKind.DAY, codec.DAY.pack_row(day))
        self._blotter.journal.commit(self._valued_ns)
        self._ledger.begin_day(instrument, self._day_ns, mark2)
        positions = enumerate(self._ledger.positions)
        self._blotter.touched.update(index for index, one in positions if one.instrument.id == instrument)

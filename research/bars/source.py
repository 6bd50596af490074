"""Where a simulated strategy's `on_bar` has its bars from: rows of the record `bar`, at the time they are known.

GivenBars   bars that the user has, each at its end
PrintBars   bars of the data's prints, made by the engine's own `Bars`: equal to those of a live system
"""

import heapq
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from engine.aggregation import interval_ns
from engine.aggregation.bars import Bars as BarMaker
from engine.model.aggregates import BAR as BAR_RECORD
from engine.model.codec import Codec
from engine.model.instrument import Instrument
from engine.model.records import TICK
from engine.model.words import BarFlag, TickKind
from research.bars.bar import Bars

NEVER_NS = (1 << 63) - 1
CELLS_MOST = 1 << 20
BLOCK = 4_096  # bars that are converted at once
GRACE_NS, AHEAD_NS = 20_000_000, 5_000_000_000  # the defaults of [aggregation]
PRINT, STATE = int(TickKind.PRINT), int(TickKind.STATE)


class BarSource(Protocol):
    """What a run asks for bars."""

    intervals: frozenset[int]  # the lengths of its bars

    @property
    def next_ns(self) -> int:
        """When the next bar is known."""

    def due(self, now_ns: int) -> list[Any]:
        """The bars that are known by now and were not returned before."""

    def add(self, tick: Any) -> None:
        """Read a print or a state that the strategy receives now, as a row of the record `tick`."""


class GivenBars:
    """Bars of the user, by instrument; each is known at its end, or later by `delay_ns`."""

    def __init__(self, bars: Mapping[Instrument, Bars], interval_ns: int, delay_ns: int = 0) -> None:
        """The bars were checked (see `bar.check`)."""
        self.intervals = frozenset((interval_ns,))
        each = [_rows_of(table, one, interval_ns, delay_ns) for one, table in bars.items()]
        self._rows = heapq.merge(*each, key=lambda row: (row.publish_ns, row.instrument))
        self._first = next(self._rows, None)

    @property
    def next_ns(self) -> int:
        """When the next bar is known."""
        return NEVER_NS if self._first is None else int(self._first.publish_ns)

    def due(self, now_ns: int) -> list[Any]:
        """The bars that ended by now."""
        found = []
        while self.next_ns <= now_ns:
            found.append(self._first)
            self._first = next(self._rows, None)
        return found

    def add(self, tick: Any) -> None:
        """Do nothing: the bars are given."""


def _rows_of(bars: Bars, one: Instrument, interval_ns: int, delay_ns: int) -> Iterator[Any]:
    """Rows of the record, made when they are due; what a bar of the user does not know is 0."""
    zero: dict[str, Any] = dict.fromkeys(BAR_RECORD.row._fields, 0) | {"spare": (0, 0), "instrument": one.id}
    zero |= {"interval_ns": interval_ns, "price_decimals": one.price_decimals, "size_decimals": one.size_decimals}
    empty = BAR_RECORD.row(**zero)
    for begin in range(0, len(bars), BLOCK):
        for start, open_, high, low, close, volume in bars[begin : begin + BLOCK].tolist():
            yield empty._replace(
                start_ns=start, publish_ns=start + interval_ns + delay_ns, open=open_, high=high, low=low, close=close,
                volume_low=volume, flags=int(BarFlag.CLOSED if volume else BarFlag.CLOSED | BarFlag.EMPTY),
            )  # fmt: skip


class PrintBars:
    """Bars of the prints, as the table [aggregation] of a system makes them: closed by the clock, `grace_ns` late."""

    def __init__(
        self,
        instruments: Sequence[Instrument],
        bars: Sequence[str],
        *,
        begin_ns: int,
        grace_ns: int = GRACE_NS,
        by_venue: bool = False,
        ahead_ns: int = AHEAD_NS,
    ) -> None:
        """`bars` are lengths like "1m"; a bar that began before the data, at `begin_ns`, is PARTIAL."""
        lengths = [length_of(text) for text in bars]
        self.intervals = frozenset(lengths)
        kinds = [(one.id, one.price_decimals, one.size_decimals, 0) for one in instruments]
        self._pack, self._unpack = Codec(TICK).pack_row, Codec(BAR_RECORD).unpack
        self._closed: list[Any] = []
        self._now_ns = self._count = 0
        self._maker = BarMaker(kinds, lengths, grace_ns, by_venue, ahead_ns, _Ring(self), _Cells())  # type: ignore[arg-type]
        nothing = np.zeros(0, np.uint8)
        self._maker.begin(nothing, nothing, [0], [begin_ns])

    @property
    def next_ns(self) -> int:
        """When the next bar is known."""
        return self._now_ns if self._closed else int(self._maker.next_ns)

    def due(self, now_ns: int) -> list[Any]:
        """Close what the clock closes; the bars that were closed."""
        self._maker.close_due(0, now_ns, self._count, now_ns, 0)
        found, self._closed = self._closed, []
        return found

    def add(self, tick: Any) -> None:
        """Add a print or a state."""
        self._now_ns = tick.receive_ns
        self._maker.add_ticks(self._pack(tick), self._count, tick.receive_ns)
        self._count += 1

    def close(self, record: bytes) -> None:
        """A bar was closed."""
        self._closed.append(self._unpack(record))


class _Ring:
    """The ring `bars` of a run: the closed bars wait for the strategy."""

    def __init__(self, source: PrintBars) -> None:
        self._source = source

    def publish_bytes(self, record: Any) -> None:
        """Keep a closed bar."""
        self._source.close(bytes(record))


class _Cells:
    """The cells of open bars: a run has no successor that reads them."""

    count = CELLS_MOST

    def write_bytes(self, index: int, record: Any) -> None:
        """Keep nothing."""


def length_of(text: str) -> int:
    """The length of "1m" in nanoseconds."""
    if not isinstance(text, str) or not re.fullmatch(r"[1-9]\d*[smhd]", text):
        raise ValueError(f'bars: found {text!r}, expected a length like "1s", "5m", "1h" or "1d"')
    return interval_ns(text)

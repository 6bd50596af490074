"""Ticks for other tools: prints or best prices of the ring as `MarketTick`, one JSON line each.

Lost records are reported on stderr, so stdout holds ticks only.
"""

import argparse
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from engine.cli import WRONG_USE, CommandError
from engine.cli.look import known_instruments
from engine.cli.memory import follow_each, newest
from engine.cli.output import choose_instrument, choose_lane, choose_system, print_record, segments_of
from engine.model.instrument import Instrument
from engine.model.market_tick import MarketTick, TickFields, to_market_tick
from engine.model.words import Flag, TickKind

KINDS = {"print": TickKind.PRINT, "best": TickKind.BEST}
EVERYTHING = 1 << 62


def ticks(options: argparse.Namespace) -> int:
    """Print the newest ticks, or with --follow new ones as they are published."""
    system = choose_system(options.system)
    lanes = segments_of(system, "ticks") or [choose_lane("ticks", system)]
    export = Export(system, options.instrument, KINDS[options.kind])
    found = export.market_ticks(follow_each(lanes, 0) if options.follow else newest_of(lanes))
    for tick in found if options.follow else deque(found, options.n):
        print_record(options, tick._asdict())
    return 0


def newest_of(lanes: Sequence[str]) -> list[dict[str, Any]]:
    """The newest ticks of every feed, in the order in which they were published."""
    rows = [row for lane in lanes for row in newest(lane, EVERYTHING)]
    return sorted(rows, key=lambda row: row.get("publish_ns", 0)) if len(lanes) > 1 else rows


class Export:
    """Converts one system's ticks to MarketTick."""

    def __init__(self, system: str, wanted: str, kind: TickKind) -> None:
        """Export every instrument, or only `wanted` (a symbol or an id)."""
        self._system, self._kind = system, kind
        self._known: dict[int, Instrument] = known_instruments(system)
        self._wanted = choose_instrument(wanted, self._known.values(), WRONG_USE) if wanted else 0

    def market_ticks(self, rows: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> Iterator[MarketTick]:
        """Every row of this kind as a MarketTick; rows that repeat the state (REFRESH) are left out."""
        for row in rows:
            if "lost" in row:
                print(f"engine-ctl: lost {row['lost']} records", file=sys.stderr)  # noqa: T201
            elif row["kind"] == self._kind and row["size"] and not row["flags"] & Flag.REFRESH:
                yield from self._market_tick(row)

    def _market_tick(self, row: dict[str, Any]) -> Iterator[MarketTick]:
        """The row as a MarketTick, if its instrument is wanted."""
        instrument = self._instrument(row["instrument"])
        if self._wanted in (0, instrument.id):
            fields = TickFields(*(row[name] for name in TickFields._fields))
            try:
                yield to_market_tick(fields, instrument)
            except ValueError as error:
                raise CommandError(f"{instrument.symbol}, tick {row['sequence']}: {error}") from error

    def _instrument(self, number: int) -> Instrument:
        """An instrument by its id; the instruments are read again when the id is new."""
        if number not in self._known:
            self._known = known_instruments(self._system)
        if number not in self._known:
            raise CommandError(f"instrument {number} is unknown: the feed has not published its metadata")
        return self._known[number]

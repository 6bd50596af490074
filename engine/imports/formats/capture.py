"""Recorded traffic of a venue: our `.sycap`, and every format that `engine-ctl capture check` reads.

The feed's own code reads it, as in a replay, so the rows are those that a live feed publishes: ticks and levels with
the states of the book. `publish_ns` is the recorded `receive_ns`. Rounds for readers that join late are left out.

The lanes are segments of a system of this process alone, `import-<pid>`, which are removed at the end; those that a
killed import left are removed by the next one.
"""

import dataclasses
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import shm
from engine.feed.books.outbox import Outbox
from engine.feed.capture.check import Survey, pieces_of
from engine.feed.config import FeedConfig
from engine.feed.replay.build import make_stage
from engine.feed.replay.role import ReplayRole, Stage
from engine.imports.errors import ImportRefusedError
from engine.imports.listing import Listed, Listing
from engine.imports.numbers import FIRST_NS
from engine.imports.report import Refusals, Report
from engine.imports.shapes import Rows
from engine.imports.source import Source
from engine.imports.tables import Array
from engine.lanes import FEED, LOOKERS, open_lanes
from engine.lanes.create import create
from engine.lanes.map import lane_of
from engine.model.fixed import INT64_MAX
from engine.model.instrument import Instrument
from engine.model.words import Flag, TickKind
from engine.venues.catalogue import dialect_of

KINDS = ("ticks", "levels")
PREFIX = "import-"
CAPACITY = 1 << 19  # records of a lane: of all books in one step
STEP_NS = 100_000_000  # recorded time of one step


class Capture:
    """Files of one venue, read as one session."""

    complete, snapshots_join = True, False  # the rows have the marks of their events

    def __init__(self, listing: Listing, interface: str, venue: str = "") -> None:
        """`interface`: whose traffic it is, by its name in the catalogue; `venue`: our name, by default the same."""
        dialect_of(interface)  # refuses a name that it does not know
        self._listing, self._interface, self._venue = listing, interface, venue or interface
        self.options = {"format": "capture", "interface": interface, "venue": self._venue}

    def read(self, source: Source, refusals: Refusals, report: Report) -> Iterator[list[Rows]]:
        """Run the recording through a feed."""
        del refusals  # a frame that cannot be read is counted by the feed
        symbols = {symbol: place for place, symbol in enumerate(self._symbols(source.paths), 1)}
        found: dict[int, Instrument] = {}
        with _quiet(), _lanes() as (writers, readers), tempfile.TemporaryDirectory() as place:
            role = self._role(
                source.paths, symbols, Path(place), Outbox(writers[0], None, None, None, writers[1]), found
            )
            at_ns = 1
            while not role.ended:
                role.step(at_ns)
                at_ns += STEP_NS
                yield list(self._rows(readers, found, report))
            report.notes += _notes(role.stages[0])

    def _symbols(self, paths: tuple[Path, ...]) -> list[str]:
        """The symbols that are given, else those of the recording."""
        given = [one.symbol for one in self._listing.given]
        if given:
            return given
        survey = Survey(dialect_of(self._interface))
        for piece in pieces_of(paths, "", self._interface):
            survey.add(piece)
        if not survey.symbols():
            raise ImportRefusedError(f"{paths[0]}: no frame of {self._interface}: is --interface right?")
        return survey.symbols()

    def _role(
        self, paths: tuple[Path, ...], symbols: Mapping[str, int], place: Path, outbox: Outbox,
        found: dict[int, Instrument],
    ) -> ReplayRole:  # fmt: skip
        config = FeedConfig(
            self._interface, dict(symbols), levels=True, instruments_path=str(place / "instruments.json")
        )

        def publish(one: Instrument, *_: Any) -> None:
            found[one.id] = one

        stage = make_stage(config, self._interface, list(paths), "", outbox, publish)
        if stage.ports.reel.next_ns < FIRST_NS:
            raise ImportRefusedError(f"{paths[0]}: the recording has no wall times: its rows have no place in time")
        return ReplayRole("import", [stage], 1.0, lambda: None)

    def _rows(self, readers: Mapping[str, Any], found: Mapping[int, Instrument], report: Report) -> Iterator[Rows]:
        for kind, reader in readers.items():
            lost, rows = reader.copy()
            if lost:
                raise ImportRefusedError(
                    f"one step of the recording has over {CAPACITY} changes of {kind}: {lost} were lost"
                )
            rows = rows[(rows["flags"] & Flag.REFRESH == 0) & (rows["receive_ns"] >= FIRST_NS)]
            rows["publish_ns"] = rows["receive_ns"]
            first, report.read = report.read + 1, report.read + len(rows)
            lines = np.arange(first, first + len(rows))
            for number in np.unique(rows["instrument"]).tolist():
                mine = rows["instrument"] == number
                yield Rows(kind, *self._listed(found[number], rows[mine]), lines[mine])

    def _listed(self, one: Instrument, rows: Array) -> tuple[Listed, Array]:
        """The instrument as it is given, with the rows at its decimals; else as the recording has it."""
        known = self._listing.find(one.symbol, self._venue)
        if known is None:
            return Listed(
                self._venue, one.symbol, one.price_decimals, one.size_decimals, one.price_step, one.size_step
            ), rows
        more = known.price_decimals - one.price_decimals, known.size_decimals - one.size_decimals
        if min(more) < 0:
            raise ImportRefusedError(
                f"{known.name}: the recording has {one.price_decimals} decimals of price and {one.size_decimals} of"
                f" size, found {known.price_decimals} and {known.size_decimals}: give finer steps by --instrument"
            )
        _scale(rows, *more)
        return known, rows


def _notes(stage: Stage) -> Iterator[str]:
    """What the recording lacks."""
    if stage.ports.reel.error:
        yield f"the recording ends early: {stage.ports.reel.error}"
    if stage.ports.lost_marks:
        yield f"the recorder lost frames at {stage.ports.lost_marks} places: the books begin again there"
    if stage.feed.malformed:
        yield f"{stage.feed.malformed} frames could not be read: engine-ctl capture check names them"


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the log of a feed that lives: what matters is in the report."""
    log = logging.getLogger("steelyard.feed")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)


def _scale(rows: Array, price: int, size: int) -> None:
    """Write prices and sizes with so many more decimals."""
    before = rows["kind"] == TickKind.LEVEL  # their detail is a size too
    for name, more in (("price", price), ("size", size)):
        if len(rows) and int(np.abs(rows[name]).max()) > INT64_MAX // 10**more:
            raise ImportRefusedError(f"a {name} does not fit 64 bits with {more} more decimals: give coarser steps")
        rows[name] *= 10**more
    rows["detail"][before] *= 10**size


@contextmanager
def _lanes() -> Iterator[tuple[list[shm.RingWriter], dict[str, shm.RingReader]]]:
    """Lanes of this process alone: their writers, and their readers by kind."""
    for system in shm.systems():
        pid = system.removeprefix(PREFIX)
        if system.startswith(PREFIX) and pid.isdigit() and not Path(f"/proc/{pid}").exists():
            _remove(system)
    system = f"{PREFIX}{os.getpid()}"
    _remove(system)
    with ExitStack() as stack:
        stack.callback(_remove, system)
        for kind in KINDS:
            create(system, f"{kind}.{FEED}", dataclasses.replace(lane_of(kind), capacity=CAPACITY), wake="never")
        writers = [stack.enter_context(closing(open_lanes(system, FEED).ring_writer(kind))) for kind in KINDS]
        yield writers, {kind: open_lanes(system, LOOKERS).ring_reader(kind) for kind in KINDS}


def _remove(system: str) -> None:
    for name in shm.names(system):
        shm.remove(name)

"""The live ladder: one instrument's book as the feed publishes it in a cell."""

import argparse
import time
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

import shm
from engine.cli import NOT_FOUND, CommandError
from engine.cli.health import SILENT_NS
from engine.cli.live import draw_live
from engine.cli.look import known_instruments
from engine.cli.output import Terminal, ago, attach, choose_instrument, choose_system, monotonic_age, print_json
from engine.cli.trees import Naming, tree_of
from engine.lanes import LOOKERS, open_lanes
from engine.model.instrument import Instrument
from engine.model.rows import BookTopRow
from engine.model.words import BookState
from engine.monitor.figures import bps_text
from engine.monitor.names import Names
from engine.monitor.texts import price_text, size_text, title_of
from engine.view.screen import whole_table

INTERVAL_S = 0.1
BAR = 24
LEVELS = ("bids", "asks", "bid_price", "bid_size", "ask_price", "ask_size")  # shown as pairs


def book(options: argparse.Namespace) -> int:
    """Show a book, live or once."""
    system = choose_system(options.system)
    known = known_instruments(system)
    wanted = choose_instrument(options.instrument, known.values(), NOT_FOUND)
    cells, feed = attach_book(system, wanted)
    if options.json or options.once or not Terminal().is_terminal:
        row = find(cells, wanted)
        if row is None:
            raise CommandError(
                f"no book of {options.instrument!r} yet: engine-ctl status shows what the feed does", NOT_FOUND
            )
        if options.json:
            silent_ns = feed.silent_ns()
            silent_ms = None if silent_ns is None else silent_ns // 1_000_000
            print_json(options, {**book_tree(row, known), "feed_silent_ms": silent_ms})
        else:
            Terminal().print(feed.with_warning(ladder(row, known)))
        return 0
    return _live(cells, wanted, known, feed)


class Feed:
    """Whether the feed beats. When it dies, its books stay in memory with their last state, which may be good."""

    def __init__(self, system: str, role: str) -> None:
        """Attach to the heartbeat of this feed, if it has one."""
        self._role, name = role, f"{system}.heartbeat.{role}"
        self._beats = attach(name) if name in shm.names(system) else None

    def silent_ns(self) -> int | None:
        """The age of the feed's heartbeat; None without one."""
        row = self._beats.read(0) if isinstance(self._beats, shm.CellReader) else None
        return None if row is None else monotonic_age(row.beat_ns)

    def with_warning(self, table: Table) -> RenderableType:
        """The ladder; below a warning when the feed's heartbeat is old."""
        silent_ns = self.silent_ns()
        if silent_ns is None:
            return Group(f"[red]{self._role} has no heartbeat: the book below may be stale", table)
        if silent_ns < SILENT_NS:
            return table
        return Group(f"[red]the heartbeat of {self._role} is {ago(silent_ns)} old: the book below is stale", table)


def attach_book(system: str, instrument: int) -> tuple[shm.CellReader, Feed]:
    """The cells that hold an instrument's book, and the feed that writes them; the first feed's until one has it."""
    readers = open_lanes(system, LOOKERS).cell_readers("book_tops")
    owned = next((one for one in readers if find(one.lane, instrument) is not None), readers[0])
    return owned.lane, Feed(system, owned.owner)


def find(cells: shm.CellReader, instrument: int) -> BookTopRow | None:
    """The instrument's book top, from any cell; None without one."""
    rows = (cells.read(index) for index in range(cells.count))
    return next((row for row in rows if row is not None and row.instrument == instrument), None)


def book_tree(row: BookTopRow, known: dict[int, Instrument]) -> dict[str, Any]:
    """A book top for JSON: levels as text, best first."""
    one = row.instrument
    levels = {
        side: [
            (price_text(known, one, price), size_text(known, one, size))
            for price, size in list(zip(prices, sizes, strict=True))[:count]
        ]
        for side, prices, sizes, count in (
            ("bids", row.bid_price, row.bid_size, row.bids),
            ("asks", row.ask_price, row.ask_size, row.asks),
        )
    }
    head = {key: value for key, value in tree_of(row, Naming(known, Names())).items() if key not in LEVELS}
    return {**head, **levels}


def ladder(row: BookTopRow, known: dict[int, Instrument]) -> Table:
    """Asks above bids, best prices in the middle, sizes as bars; the title shows the book's state."""
    tree = book_tree(row, known)
    good = row.state == BookState.GOOD
    age = ago(max(0, _now_ns() - row.publish_ns))
    state = f"[{'green' if good else 'red bold'}]{title_of(known, row.instrument)} {tree['state'].lower()}[/]"
    title = f"{state} · {age} old · spread {bps_text(row.spread_bps)} bp · {row.change_count:,} events"
    table = whole_table("", "bid", "price", "ask", "", title=title, box=None)
    largest = max([1, *row.bid_size[: row.bids], *row.ask_size[: row.asks]])
    for index in reversed(range(row.asks)):
        price, size = tree["asks"][index]
        table.add_row("", "", f"[red]{price}", size, _bar(row.ask_size[index], largest))
    for index in range(row.bids):
        price, size = tree["bids"][index]
        table.add_row(_bar(row.bid_size[index], largest), size, f"[green]{price}", "", "")
    table.columns[0].justify = table.columns[1].justify = "right"
    return table


def _bar(size: int, largest: int) -> str:
    return "█" * max(1, size * BAR // largest)


def _now_ns() -> int:
    """The system's time, exact enough for an age on a screen."""
    return time.time_ns()


def _live(cells: shm.CellReader, wanted: int, known: dict[int, Instrument], feed: Feed) -> int:
    """Draw the ladder until `q` or ^C."""

    def draw() -> RenderableType:
        row = find(cells, wanted)
        return "waiting for the feed" if row is None else feed.with_warning(ladder(row, known))

    return draw_live(draw, lambda: None, INTERVAL_S)

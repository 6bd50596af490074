"""Orders, positions and the view of the whole system, all read from lanes."""

import argparse
import time
from collections.abc import Iterator
from typing import Any

import shm
from engine import instruments
from engine.cli import NOT_FOUND, CommandError
from engine.cli.live import draw_live
from engine.cli.output import Terminal, attach, choose_system, local, print_json, print_line, print_table, segments_of
from engine.cli.trees import Naming, tree_of
from engine.lanes import LOOKERS, open_lanes
from engine.model.fixed import to_text
from engine.model.instrument import Instrument
from engine.model.rows import PositionRow
from engine.monitor import profit
from engine.monitor.figures import Figures
from engine.monitor.names import Names
from engine.view.screen import screen, title_of

INTERVAL_S = 0.2
ONCE_S = 1.0  # a rate needs two readings


def known_instruments(system: str) -> dict[int, Instrument]:
    """The instruments by id; empty until the feed publishes them."""
    try:
        return {one.id: one for one in instruments.read(open_lanes(system, LOOKERS))}
    except shm.SegmentError as error:
        raise CommandError(str(error), NOT_FOUND) from error


def name_of(known: dict[int, Instrument], instrument: int) -> str:
    """An instrument's symbol, or its id until the feed publishes the instrument."""
    return known[instrument].symbol if instrument in known else str(instrument)


def price_text(known: dict[int, Instrument], instrument: int, price: int) -> str:
    """A price as the venue writes it."""
    return to_text(price, known[instrument].price_decimals) if instrument in known else str(price)


def size_text(known: dict[int, Instrument], instrument: int, size: int) -> str:
    """A size as the venue writes it."""
    return to_text(size, known[instrument].size_decimals) if instrument in known else str(size)


def last_states(system: str) -> dict[bytes, Any]:
    """The newest record of every order on the lane, oldest order first."""
    orders: dict[bytes, Any] = {}
    for row in _rows_of(system, "orders"):
        orders[row.client_id] = row
    return orders


def newest_parents(system: str) -> dict[int, Any]:
    """Every parent's newest record that the lane still holds, by its intent."""
    return {row.intent_id: row for row in _rows_of(system, "parents")}


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


def positions(options: argparse.Namespace) -> int:
    """List positions."""
    system = choose_system(options.system)
    naming = Naming(known_instruments(system), Names.of(system))
    rows = cells_of(system, "positions")
    if options.json:
        print_json([tree_of(row, naming) for row in rows])
        return 0
    columns = ("strategy", "instrument", "position", "average", "mark", "net", "today", "realised", "unrealised",
               "fees", "fills", "changed")  # fmt: skip
    several = len({row.account for row in rows}) > 1
    whose = [(naming.names.account(row.account),) if several else () for row in rows]
    shown = [(*account, *_position_row(row, naming)) for account, row in zip(whose, rows, strict=True)]
    print_table(("account", *columns) if several else columns, shown)
    for text in profit.lines(rows, naming.instruments, naming.names):
        print_line(text)
    return 0


def _position_row(row: PositionRow, naming: Naming) -> tuple[object, ...]:
    sums = (row.net, row.net_day, row.realised, row.unrealised)
    return (
        naming.names.strategy(row.strategy), title_of(naming.instruments, row.instrument), profit.held_text(row),
        to_text(row.average_price, row.price_decimals),
        to_text(row.mark_price, row.price_decimals) if row.mark_price else "-", *(profit.money(one, 4) for one in sums),
        profit.fees_text(row, 4), row.fill_count, local(row.update_ns),
    )  # fmt: skip


def view(options: argparse.Namespace) -> int:
    """Show the whole system on one screen: live at a terminal until `q` or ^C, once into a file or a pipe."""
    figures = Figures(choose_system(options.system))
    console = Terminal()
    if options.once or not console.is_terminal:
        for pause_s in (0.0, ONCE_S):
            time.sleep(pause_s)
            figures.poll()
        console.print(screen(figures, console.width))
        return 0
    figures.poll()
    return draw_live(lambda: screen(figures, console.width, console.height), figures.poll, INTERVAL_S)

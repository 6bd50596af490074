"""Looking at trading: orders, positions and the whole system, all read from lanes."""

import argparse
import time
from typing import Any

import shm
from engine import instruments
from engine.cli import NOBODY, Complaint
from engine.cli.live import show_live
from engine.cli.output import Terminal, attach, choose_system, row_tree, say, say_json, say_table
from engine.model.fixed import to_text
from engine.model.instrument import Instrument
from engine.model.records import FEE_DECIMALS
from engine.model.words import DONE_STATES, OrderState, OrderType, TimeInForce
from engine.monitor import profit
from engine.monitor.figures import Figures
from engine.monitor.view import screen, title_of

INTERVAL_S = 0.2
ONCE_S = 1.0  # a rate needs two looks


def known_instruments(system: str) -> dict[int, Instrument]:
    """The instruments by id; none when the feed has shown none."""
    try:
        return {one.id: one for one in instruments.read(system)}
    except shm.SegmentError as error:
        raise Complaint(str(error), NOBODY) from error


def name_of(known: dict[int, Instrument], instrument: int) -> str:
    """An instrument's symbol, or its id while nobody has shown it."""
    return known[instrument].symbol if instrument in known else str(instrument)


def price_text(known: dict[int, Instrument], instrument: int, price: int) -> str:
    """A price as the venue writes it."""
    return to_text(price, known[instrument].price_decimals) if instrument in known else str(price)


def size_text(known: dict[int, Instrument], instrument: int, size: int) -> str:
    """A size as the venue writes it."""
    return to_text(size, known[instrument].size_decimals) if instrument in known else str(size)


def last_states(system: str) -> dict[bytes, Any]:
    """Every order's newest record that the lane still holds, oldest order first."""
    ring = attach(f"{system}.orders")
    assert isinstance(ring, shm.RingReader)
    ring.cursor = ring.oldest
    orders: dict[bytes, Any] = {}
    for row in ring.rows():
        if not isinstance(row, shm.Lapped):
            orders[row.client_id] = row
    return orders


def orders(options: argparse.Namespace) -> int:
    """List orders by their last state."""
    system = choose_system(options.system)
    rows = [row for row in last_states(system).values() if options.all or row.state not in DONE_STATES]
    known = known_instruments(system)
    if options.json:
        say_json([order_tree(row, known) for row in rows])
        return 0
    columns = ("order", "strategy", "instrument", "side", "type", "price", "size", "filled", "state", "venue order")
    say_table(columns, [_order_row(row, known) for row in rows], f"{len(rows)} orders")
    return 0


def order_tree(row: Any, known: dict[int, Instrument]) -> dict[str, Any]:
    """An order for JSON: the record, its words and its numbers as text."""
    named = {
        "client_id": row.client_id.ljust(16, b"\0").hex(), "symbol": name_of(known, row.instrument),
        "state": OrderState(row.state).name, "price": price_text(known, row.instrument, row.price),
        "size": size_text(known, row.instrument, row.size), "filled": size_text(known, row.instrument, row.filled),
        "order_type": OrderType(row.order_type).name, "time_in_force": TimeInForce(row.time_in_force).name,
    }  # fmt: skip
    return {**row_tree(row), **named}


def _order_row(row: Any, known: dict[int, Instrument]) -> tuple[object, ...]:
    tree = order_tree(row, known)
    kind = f"{tree['order_type']} {tree['time_in_force']}".lower()
    return (
        tree["client_id"], row.strategy, title_of(known, row.instrument), "buy" if row.side > 0 else "sell", kind,
        tree["price"], tree["size"], tree["filled"], tree["state"].lower(), row.venue_order_id or "-",
    )  # fmt: skip


def positions(options: argparse.Namespace) -> int:
    """List positions."""
    system = choose_system(options.system)
    known = known_instruments(system)
    cells = attach(f"{system}.positions")
    assert isinstance(cells, shm.CellReader)
    rows = [row for index in range(cells.count) if (row := cells.read(index)) is not None]
    if options.json:
        say_json([_position_tree(row, known) for row in rows])
        return 0
    columns = ("strategy", "instrument", "position", "average", "mark", "net", "today", "realised", "unrealised",
               "fees", "fills")  # fmt: skip
    say_table(columns, [_position_row(row, known) for row in rows])
    for text in profit.lines(profit.profits(rows, known)):
        say(text)
    return 0


def _position_tree(row: Any, known: dict[int, Instrument]) -> dict[str, Any]:
    numbers = {
        "symbol": name_of(known, row.instrument),
        "size": to_text(row.size, row.size_decimals),
        "dust": to_text(row.dust, row.holding_decimals),
        "fee_unvalued": to_text(row.fee_unvalued, FEE_DECIMALS),
        "average_price": to_text(row.average_price, row.price_decimals),
        "mark_price": to_text(row.mark_price, row.price_decimals),
    }
    return {**row_tree(row), **numbers}


def _position_row(row: Any, known: dict[int, Instrument]) -> tuple[object, ...]:
    tree, sums = _position_tree(row, known), (row.net, row.net_day, row.realised, row.unrealised)
    return (
        row.strategy or "account", title_of(known, row.instrument), profit.held_text(row), tree["average_price"],
        tree["mark_price"] if row.mark_price else "-", *(profit.money(one, 4) for one in sums),
        profit.fees_text(row, 4), row.fill_count,
    )  # fmt: skip


def view(options: argparse.Namespace) -> int:
    """The whole system on one screen: live at a terminal until `q` or ^C, once into a file or a pipe."""
    figures = Figures(choose_system(options.system))
    console = Terminal()
    if options.once or not console.is_terminal:
        for pause_s in (0.0, ONCE_S):
            time.sleep(pause_s)
            figures.poll()
        console.print(screen(figures, console.width))
        return 0
    figures.poll()
    return show_live(lambda: screen(figures, console.width, console.height), figures.poll, INTERVAL_S)

"""engine-ctl positions: a line for each position, and the profit of each strategy and of the account."""

import argparse
import time

from engine.cli.look import cells_of, known_instruments
from engine.cli.output import choose_system, local, print_json, print_line, print_table
from engine.cli.stopping import held
from engine.cli.trees import Naming, tree_of
from engine.model.fixed import to_text
from engine.model.rows import PositionRow
from engine.monitor import profit
from engine.monitor.names import Names
from engine.monitor.texts import title_of


def positions(options: argparse.Namespace) -> int:
    """List positions."""
    system = choose_system(options.system)
    naming = Naming(known_instruments(system), Names.of(system))
    rows = cells_of(system, "positions")
    if options.json:
        print_json(options, *(tree_of(row, naming) for row in rows))
        return 0
    columns = ("strategy", "instrument", "position", "average", "mark", "net", "today", "realised", "unrealised",
               "fees", "fills", "changed")  # fmt: skip
    several = len({row.account for row in rows}) > 1
    whose = [(naming.names.account(row.account),) if several else () for row in rows]
    shown = [(*account, *_position_row(row, naming)) for account, row in zip(whose, rows, strict=True)]
    print_table(("account", *columns) if several else columns, shown)
    for text in profit.lines(rows, naming.instruments, naming.names):
        print_line(text)
    symbols = {one.id: one.symbol for one in naming.instruments.values()}
    held.print_held(held.trees(system, symbols, naming.names), time.time_ns())
    return 0


def _position_row(row: PositionRow, naming: Naming) -> tuple[object, ...]:
    sums = (row.net, row.net_day, row.realised, row.unrealised)
    return (
        naming.names.strategy(row.strategy), title_of(naming.instruments, row.instrument), profit.held_text(row),
        to_text(row.average_price, row.price_decimals),
        to_text(row.mark_price, row.price_decimals) if row.mark_price else "-", *(profit.money(one, 4) for one in sums),
        profit.fees_text(row, 4), row.fill_count, local(row.update_ns),
    )  # fmt: skip

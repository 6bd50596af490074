"""engine-ctl balances: what the venue holds for each account, free and in open orders."""

import argparse
from typing import Any

from engine.cli.look import cells_of
from engine.cli.output import choose_system, local, print_json, print_table
from engine.cli.trees import Naming, tree_of
from engine.model.fixed import to_text
from engine.model.records import FEE_DECIMALS
from engine.model.rows import AccountBalanceRow
from engine.monitor.names import Names

COLUMNS = ("account", "asset", "total", "free", "locked", "answered")


def balances(options: argparse.Namespace) -> int:
    """List each account's assets as the venue answered last."""
    system = choose_system(options.system)
    naming = Naming({}, Names.of(system))
    trees = [_tree(row, naming) for row in cells_of(system, "balances")]
    if options.json:
        print_json(options, *trees)
        return 0
    several = len({tree["account"] for tree in trees}) > 1
    columns = COLUMNS if several else COLUMNS[1:]
    shown = [tuple(_text(tree, column) for column in columns) for tree in trees]
    print_table(columns, shown)
    return 0


def _tree(row: AccountBalanceRow, naming: Naming) -> dict[str, Any]:
    """The record, with the free part of the balance."""
    amount, locked = row.amount_high << 64 | row.amount_low, row.locked_high << 64 | row.locked_low
    return tree_of(row, naming) | {"free": to_text(amount - locked, FEE_DECIMALS)}


def _text(tree: dict[str, Any], column: str) -> str:
    """One column of one asset."""
    named = {"account": "account_name", "total": "amount"}.get(column, column)
    return local(tree["now_ns"]) if column == "answered" else str(tree[named])

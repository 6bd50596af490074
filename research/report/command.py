"""`engine-ctl report`: a real system's day or week, from its recorded history.

The parser of `engine/cli` names this module; no room below this one imports it.
"""

import argparse
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from engine.cli import FAILED, WRONG_USE, CommandError
from engine.cli.output import choose_system, print_json, print_line, print_table
from research.extras import need
from research.performance.of_session import Recorded
from research.performance.performance import Performance
from research.report.day import Position, positions
from research.report.page import write

DAYS_OF_WEEK = 7
COLUMNS = ("account", "instrument", "held", "mark", "profit", "fees", "traded", "fills", "by fills")


def run(options: argparse.Namespace) -> int:
    """Report a range of a system; exit code 1 when positions and fills disagree."""
    try:
        name, start, end = _range(options)
        system = "" if options.directory else choose_system(options.system, stopped=True)
        recorded = Recorded(system, start, end, options.directory)
        one = recorded.performance(options.capital)
        rows = list(positions(recorded))
        files = _write(Path(options.out), name, one)
    except (ValueError, ImportError) as error:
        raise CommandError(str(error), WRONG_USE) from error
    if options.json:
        print_json(options, _tree(one, rows, files))
    else:
        _print(one, rows, files)
    return 0 if all(row.is_reconciled for row in rows) else FAILED


def _range(options: argparse.Namespace) -> tuple[str, str, str]:
    """The period's name, its first day, and the day after it."""
    days = DAYS_OF_WEEK if options.week else 1
    text = options.week or options.day or datetime.now(UTC).date().isoformat()
    try:
        first = datetime.strptime(text + "-1", "%G-W%V-%u").date() if options.week else date.fromisoformat(text)  # noqa: DTZ007
    except ValueError as error:
        expected = "a week like 2026-W49" if options.week else "a day like 2026-12-01"
        raise ValueError(f"{text!r}: expected {expected}") from error
    return text, first.isoformat(), (first + timedelta(days)).isoformat()


def _write(out: Path, name: str, one: Performance) -> list[str]:
    """The three files."""
    out.mkdir(parents=True, exist_ok=True)
    page = write(out / f"report-{name}.html", one)
    tables = {"orders": _orders(one), "portfolio": _portfolio(one)}
    return [str(page), *(_parquet(out / f"{kind}-{name}.parquet", table) for kind, table in tables.items())]


def _orders(one: Performance) -> dict[str, Any]:
    """Every order: arrival, average, slippage, times and fees."""
    rows = one.executions
    left_out = ("instrument", "strategy")  # strategies have numbers in a simulated portfolio only
    table: dict[str, Any] = {name: rows[name] for name in rows.dtype.names or () if name not in left_out}
    table["symbol"] = np.array([one.names[place] for place in rows["instrument"]], dtype=object)
    table["decided_ns"] = rows["decided_ns"].astype("datetime64[ns]")
    return table


def _portfolio(one: Performance) -> dict[str, Any]:
    """Equity and the value of each instrument at each step."""
    return {"at_ns": one.at_ns.astype("datetime64[ns]"), "equity": one.equity, **one.values}


def _parquet(path: Path, table: dict[str, Any]) -> str:
    """Write a table, in one step."""
    arrow, parquet = need("pyarrow"), need("pyarrow.parquet")
    new = path.with_name(path.name + ".new")
    parquet.write_table(arrow.table(table), new)
    new.replace(path)
    return str(path)


def _tree(one: Performance, rows: list[Position], files: list[str]) -> dict[str, Any]:
    """What was found, as JSON has it."""
    found = [row._asdict() | {"reconciled": row.is_reconciled} for row in rows]
    missing = list(one.missing)
    return {"profit": one.profit, "currency": one.currency, "missing": missing, "positions": found, "files": files}


def _print(one: Performance, rows: list[Position], files: list[str]) -> None:
    """A table of the positions, the profit of each strategy, what is missing, and where the files are."""
    print_table(COLUMNS, (_shown(row) for row in rows))
    counts = f"{len(one.fills)} fills, {len(one.executions)} orders"
    print_line(f"profit {one.profit:.4f} {one.currency} of {one.capital:g}, {counts}")
    for name, profits in one.profits.items():
        print_line(f"{name}: {profits[-1]:.4f} {one.currency}")
    for text in one.missing:
        print_line(f"PARTIAL: {text}")
    for file in files:
        print_line(file)


def _shown(row: Position) -> tuple[str, ...]:
    """A position as the table shows it."""
    differs = f"DIFFERS: held {row.held_by_fills:.8g}, profit {row.profit_by_fills:.4f}"
    equal = "equal" if row.is_priced else "held equal, profit not compared: no price at the end"
    return (
        str(row.account), row.symbol, f"{row.held:.8g}", f"{row.mark:.8g}", f"{row.profit:.4f}", f"{row.fees:.4f}",
        f"{row.traded:.2f}", str(row.fills), equal if row.is_reconciled else differs,
    )  # fmt: skip

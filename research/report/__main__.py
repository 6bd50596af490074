"""The report of a real system's day or week, from its recorded history.

    python -m research.report --system demo --capital 100000 --day 2026-12-01
    python -m research.report --system demo --capital 100000 --week 2026-W49 --out reports

Prints what is held of each instrument and its profit, by POSITIONS and by the fills, and writes to --out: the report as
HTML, every order with its execution as Parquet, and what was held over time as Parquet. Exit code 0, 1 when positions
and fills disagree, 2 wrong use.
"""

import argparse
import json
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from engine.cli.output import print_line, print_table
from research.extras import need
from research.performance.of_session import Recorded
from research.performance.performance import Performance
from research.report.day import Position, positions
from research.report.page import write

DAYS_OF_WEEK = 7
COLUMNS = ("account", "instrument", "held", "mark", "profit", "fees", "traded", "fills", "by fills")


def main(arguments: list[str] | None = None) -> int:
    """Report a range of a system."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        name, start, end = _range(options)
        recorded = Recorded(options.system, start, end, options.directory)
        one = recorded.performance(options.capital)
        rows = list(positions(recorded))
        files = _write(options.out, name, one)
    except (ValueError, ImportError) as error:
        parser.error(str(error))
    if options.json:
        print(json.dumps(_plain(one, rows, files)))  # noqa: T201 - the command's output
    else:
        _print(one, rows, files)
    return 0 if all(row.is_reconciled for row in rows) else 1


def _parser() -> argparse.ArgumentParser:
    """The command's options."""
    head, example, rest = (__doc__ or "").split("\n\n", 2)
    parser = argparse.ArgumentParser(
        prog="python -m research.report", description=f"{head}\n\n{rest}", epilog=f"example:\n{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--system", default="", help="the system; default: STEELYARD_SYSTEM")
    parser.add_argument("--capital", type=float, required=True, help="the money of its accounts at the start")
    period = parser.add_mutually_exclusive_group()
    period.add_argument("--day", help="a day in UTC, like 2026-12-01; default: today")
    period.add_argument("--week", help="a week from Monday to Sunday in UTC, like 2026-W49")
    parser.add_argument("--directory", default="", help="the recorder's directory, when it is not the system's")
    parser.add_argument("--out", type=Path, default=Path(), help="where the files go; default: here")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


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
    table: dict[str, Any] = {name: rows[name] for name in rows.dtype.names or () if name != "instrument"}
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


def _plain(one: Performance, rows: list[Position], files: list[str]) -> dict[str, Any]:
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
    return (
        str(row.account), row.symbol, f"{row.held:.8g}", f"{row.mark:.8g}", f"{row.profit:.4f}", f"{row.fees:.4f}",
        f"{row.traded:.2f}", str(row.fills), "equal" if row.is_reconciled else differs,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())

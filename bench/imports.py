"""Rows a second of `engine-ctl data import`, beside a plain read of the same file by Arrow.

    python -m bench.imports [--json] [--quick]

trades   a CSV of trades with a header: text to exact numbers, checks, comparison with the history, zstd Parquet
levels   a CSV of Tardis with one level a line: beside that each change in its book
again    the trades once more from another file: every row is compared with the history, and none is written
read     the file of trades read by pyarrow.csv as text, and nothing else: the most that any import can do

Rounds of all four in turns, on one core; medians with the spread of the middle half. `of_read` is trades over read of
one round: a ratio does not depend on how fast the machine is at that moment.
"""

import json
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from pyarrow import csv

from bench.command import output, parser_of
from bench.machine import describe
from engine.imports.formats.generic import Generic
from engine.imports.formats.layout import Layout
from engine.imports.formats.tardis import Tardis
from engine.imports.listing import Listing, parse
from engine.imports.run import Format, Options, run
from engine.imports.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS, QUICK_ROWS = 2_000_000, 20_000
ROUNDS, QUICK_ROUNDS = 7, 1
START_MS = 1_700_000_000_000
LISTING = Listing([parse("venue:BTCUSDT,price=0.01,size=0.001")])
TRADES = Generic(Layout("trades"), {}, LISTING, parquet=False)


def write_trades(path: Path, count: int, end: str) -> None:
    """Trades of a price that moves at random, by a fixed seed; `end` makes the bytes of two files differ."""
    chance, price = random.Random(1), 3_000_000
    with path.open("w") as file:
        file.write("time,price,size,side,id\n")
        for n in range(1, count + 1):
            price += chance.randrange(-5, 6)
            size, side = chance.randrange(1, 99_999), ("buy", "sell")[n % 2]
            file.write(
                f"{START_MS + 15 * n},{price // 100}.{price % 100:02},{size // 1000}.{size % 1000:03},{side},{n}\n"
            )
        file.write(end)


def write_levels(path: Path, count: int) -> None:
    """Changes within 500 steps of a middle price, by a fixed seed."""
    chance = random.Random(2)
    with path.open("w") as file:
        file.write("exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n")
        for n in range(count):
            side = ("bid", "ask")[chance.randrange(2)]
            price = 3_000_000 + chance.randrange(1, 500) * (-1 if side == "bid" else 1)
            at_us = START_MS * 1_000 + 150 * n
            size = chance.randrange(9_999)
            file.write(f"venue,BTCUSDT,{at_us},{at_us + 900},false,{side},{price / 100:.2f},{size / 1000:.3f}\n")


def measure(*, quick: bool) -> dict[str, Any]:
    """Every figure."""
    rows, rounds = (QUICK_ROWS, QUICK_ROUNDS) if quick else (ROWS, ROUNDS)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        write_trades(place / "trades.csv", rows, "")
        write_trades(place / "again.csv", rows, "\n")
        write_levels(place / "levels.csv", rows)
        found = [_round(place / f"history{number}", place, rows) for number in range(rounds)]
    return {
        "machine": describe(), "rows": rows, "rounds": rounds,
        **{f"{name}_rows_per_s": _shown([one[name] for one in found], 0) for name in found[0]},
        "of_read": _shown([one["trades"] / one["read"] for one in found], 3),
    }  # fmt: skip


def _round(history: Path, place: Path, rows: int) -> dict[str, float]:
    """One round: rows a second of each."""
    tardis = Tardis(LISTING)
    work: dict[str, Callable[[], object]] = {
        "read": lambda: _read(place / "trades.csv"),
        "trades": lambda: _import(history, place / "trades.csv", TRADES),
        "levels": lambda: _import(history, place / "levels.csv", tardis),
        "again": lambda: _import(history, place / "again.csv", TRADES),
    }
    found = {}
    for name, do in work.items():
        began = time.perf_counter()
        do()
        found[name] = rows / (time.perf_counter() - began)
    return found


def _import(history: Path, path: Path, form: Format) -> None:
    result = run(Source(path), form, history, Options(), time.time_ns())
    assert not result.known, "a file that the history has"
    assert not result.report.refused, result.report.refused_rows


def _read(path: Path) -> None:
    with csv.open_csv(path, read_options=csv.ReadOptions(use_threads=False, block_size=4 << 20)) as reader:
        for _ in reader:
            pass


def _shown(values: list[float], digits: int) -> dict[str, float]:
    """The median with the quartiles."""
    low, middle, high = statistics.quantiles(values, n=4) if len(values) > 1 else (values[0],) * 3
    return {"median": round(middle, digits), "from": round(low, digits), "to": round(high, digits)}


def main() -> None:
    """Print the figures."""
    options = parser_of("imports", __doc__, "few rows, one round").parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    output(measure(quick=options.quick), options, lambda found: print(json.dumps(found, indent=2)))


if __name__ == "__main__":
    main()

"""The commands that read lanes, logs and the journal."""

import argparse
from typing import TYPE_CHECKING

from engine.cli.parser.base import (
    add,
    add_plain,
    count,
    duration,
)
from engine.cli.parser.texts import (
    ACROSS,
    AUTOPSY,
    BACKFILL,
    BALANCES,
    BOOK,
    DATA,
    DEATHS,
    FILLS,
    JOURNAL,
    LATENCY,
    LOG,
    MONITOR,
    ORDERS,
    PARITY,
    POSITIONS,
    PRUNE,
    REPORT,
    TOP,
    TRACE,
)
from engine.supervisor.commands import INSTRUMENT

if TYPE_CHECKING:
    from engine.cli.parser.base import Commands


def reading_commands(commands: "Commands") -> None:
    """The commands that read lanes."""
    text = "list open and in-flight orders"
    orders = add(commands, "orders", "orders:orders", text, "orders --all --json", ORDERS)
    orders.add_argument(
        "--all", action="store_true", help="orders that are done too, as far back as the lane holds them"
    )
    add(
        commands,
        "positions",
        "positions:positions",
        "list positions with their profit and loss",
        "positions",
        POSITIONS,
    )
    text = "list what the venue holds for each account: total, free, in open orders"
    add(commands, "balances", "balances:balances", text, "balances", BALANCES)
    text = "show the monitor's own figures beside execution's, and the state of the limits"
    add(commands, "monitor", "monitor:monitor", text, "monitor", MONITOR)
    text = "show how long each hop takes beside its budget, the stages of the orders, and the slowest orders"
    latency = add(commands, "latency", "latency:latency", text, "latency -n 500", LATENCY)
    latency.add_argument("-n", type=count, default=1000, metavar="N", help="the newest N orders (default 1000)")
    latency.add_argument(
        "--for", dest="seconds", type=duration, default=0.0, metavar="SECONDS", help="measure the hops for so long"
    )
    latency.add_argument("--worst", type=count, default=5, metavar="N", help="the slowest N orders (default 5)")
    latency.add_argument("--hdr", default="", metavar="FILE", help="write the hops as an HdrHistogram log")
    text = "show the journey of one order: every stage from its market data to its position, and the record of each"
    trace = add(commands, "trace", "trace:trace", text, "trace 0123456789abcdef0123456789abcdef", TRACE)
    trace.add_argument("order", metavar="ORDER", help="our client id, the venue's id, or the number of an intent")
    trace.add_argument("--otlp", default="", metavar="URL", help="send the stages as spans to an OTLP/HTTP collector")
    _journal_commands(commands)
    add(commands, "paths", "logs:paths", "show where the system's files are", "paths --json")
    log = add(commands, "log", "logs:log", "show the log of a process, or all of them", "log -f execution", LOG)
    log.add_argument("role", metavar="ROLE", nargs="?", default="", help="a process or a role; default: all")
    log.add_argument("-n", type=count, default=40, metavar="N", help="the newest N entries (default 40)")
    log.add_argument("-f", "--follow", action="store_true", help="then print new entries as they are written")
    log.add_argument("--utc", action="store_true", help="times in UTC instead of local time")
    text = "show why processes ended: cause, record, last log lines, stack"
    ends = add(commands, "deaths", "deaths:deaths", text, "deaths -n 1 --process execution", DEATHS)
    ends.add_argument("-n", type=count, default=5, metavar="N", help="the newest N deaths (default 5)")
    ends.add_argument("--process", default="", metavar="NAME", help="only those of this process or role")
    book = add(commands, "book", "ladder:book", "show a live ladder of one book", "book BTCUSDT --once", BOOK)
    book.add_argument("instrument", metavar="INSTRUMENT", help=INSTRUMENT)
    book.add_argument("--once", action="store_true", help="print the book once and exit; --json does so too")
    text = "print ticks for other tools, as MarketTick JSON lines"
    ticks = add(commands, "ticks", "ticks:ticks", text, "ticks --follow")
    ticks.add_argument(
        "instrument", metavar="INSTRUMENT", nargs="?", default="", help=f"only this instrument: {INSTRUMENT}"
    )
    ticks.add_argument("--kind", choices=("print", "best"), default="print", help="trades (default) or best prices")
    ticks.add_argument("-n", type=count, default=10, metavar="N", help="how many (default 10)")
    ticks.add_argument("--follow", action="store_true", help="print new ticks instead, as they are published")
    text = "show all venues together: global books and opportunities"
    across = add(commands, "across", "across:across", text, "across BTC/USDT", ACROSS)
    across.add_argument(
        "group", metavar="GROUP", nargs="?", default="", help="a group, or the symbol or id of an instrument in it"
    )
    across.add_argument("--once", action="store_true", help="print the tables once and exit; --json does so too")
    text = "show the whole system live: roles, rates, books, fills"
    view = add(commands, "view", "view:view", text, "view --once", tree=False)
    view.add_argument(
        "--once", action="store_true", help="print the screen once, after measuring rates for a second, and exit"
    )
    _top_command(commands)
    text = "show what a dead engine left: segments, owners, last records"
    autopsy = add(commands, "autopsy", "autopsy:autopsy", text, "autopsy -n 10", about=AUTOPSY)
    autopsy.add_argument("-n", type=count, default=3, metavar="N", help="the newest N records of each lane (default 3)")


def _top_command(commands: "Commands") -> None:
    text = "the whole system on an interactive terminal: orders, roles, hops, limits; halt and resume"
    top = add(commands, "top", "top:top", text, "top --once", TOP, tree=False)
    top.add_argument("--once", action="store_true", help="print every page once, as without a terminal, and exit")


def _journal_commands(commands: "Commands") -> None:
    """The commands that read the journal on disk."""
    text = "show the journal on disk: its place, its size, open orders, holdings"
    journal = add(commands, "journal", "journal:journal", text, "journal --set-aside", JOURNAL)
    _directory(journal)
    journal.add_argument(
        "--set-aside",
        action="store_true",
        help="rename the journal; refused while an order is open or a position is held",
    )
    journal.add_argument(
        "--force", default="", metavar="WHY", help="rename the journal although a position is held; WHY is kept with it"
    )
    fills = add(commands, "fills", "journal:fills", "list every fill in the journal on disk", "fills --csv", FILLS)
    _directory(fills)
    fills.add_argument("--csv", action="store_true", help="comma separated values with a header line")
    fills.add_argument("-n", type=count, default=None, metavar="N", help="only the newest N fills")


def _directory(parser: argparse.ArgumentParser) -> None:
    text = "the journal's directory; needed when the configuration sets one outside the state directory"
    parser.add_argument("--directory", default="", metavar="DIR", help=text)


def shm_commands(commands: "Commands") -> None:
    """The commands that read segments."""
    parser = commands.add_parser("shm", help="read shared memory: ls, stat, tail", description="Read shared memory.")
    inner = parser.add_subparsers(metavar="COMMAND", required=True)
    listing = add(inner, "ls", "memory:ls", "list the segments", "shm ls --system demo")
    listing.add_argument("--aside", action="store_true", help="list the segments that were set aside for an autopsy")
    stat = add(inner, "stat", "memory:stat", "show one lane: rate, cursor, epoch, owner, age", "shm stat ticks")
    stat.add_argument("lane", metavar="LANE", help="a lane, as ticks or heartbeat.feed, or with its system: demo.ticks")
    stat.add_argument(
        "--seconds", type=duration, default=1.0, metavar="S", help="how long to measure the rate (default 1)"
    )
    tail = add(
        inner, "tail", "memory:tail", "print a lane's newest records as JSON lines", "shm tail orders -n 5 --follow"
    )
    tail.add_argument("lane", metavar="LANE", help="a lane, as ticks or heartbeat.feed, or with its system: demo.ticks")
    tail.add_argument("-n", type=count, default=10, metavar="N", help="how many (default 10)")
    tail.add_argument("--follow", action="store_true", help="then print new records as they are published")
    text = "for fills: also print opening records, which are holdings from before the lane began and no trades"
    tail.add_argument("--openings", action="store_true", help=text)


def report_command(commands: "Commands") -> None:
    """The command that reports a recorded day; it is above this room, so it is named by its module."""
    text = "report a recorded day or week: profit, positions against fills, each order"
    parser = add(commands, "report", "", text, "report --system demo --capital 100000 --day 2026-12-01", REPORT)
    parser.set_defaults(run="research.report.command:run")
    capital = "the money of the system's accounts at the start"
    parser.add_argument("--capital", type=float, required=True, metavar="MONEY", help=capital)
    period = parser.add_mutually_exclusive_group()
    period.add_argument("--day", default="", help="a day in UTC, like 2026-12-01; default: today")
    period.add_argument("--week", default="", help="a week from Monday to Sunday in UTC, like 2026-W49")
    directory = "the recorder's directory, when it is not the system's"
    parser.add_argument("--directory", default="", metavar="DIRECTORY", help=directory)
    parser.add_argument("--out", default=".", metavar="DIRECTORY", help="where the files go; default: here")


def parity_command(commands: "Commands") -> None:
    """The command that compares a recorded session; it is above this room, so it is named by its module."""
    text = "compare a recorded session with its replay and with simulated answers"
    parser = add_plain(commands, "parity", "", text, "parity demo --orders", PARITY)
    parser.set_defaults(run="research.parity.command:run")
    session = "a system with a recording, or the directory of its recorder; default: the only system"
    parser.add_argument("session", metavar="SESSION", nargs="?", default="", help=session)
    parser.add_argument(
        "--at", default="", metavar="TIME", help="the session that ran at this UTC time; default: the newest"
    )
    parser.add_argument("--list", action="store_true", help="list the recorded sessions")
    strategy = "only this strategy; may be given several times"
    parser.add_argument("--strategy", action="append", default=[], metavar="NAME", help=strategy)
    models = "a TOML file with the models of latency, queue and fees; default: as measured in the session"
    parser.add_argument("--models", default="", metavar="FILE", help=models)
    config = "the system's file; default: what the recorder has noted"
    parser.add_argument("--config", default="", metavar="FILE", help=config)
    parser.add_argument("--orders", action="store_true", help="show every order beside its simulation")


def data_commands(commands: "Commands") -> None:
    """The commands of the history that the recorder makes."""
    text = "the recorded history: ls, check, seal, prune, backfill, import"
    parser = commands.add_parser("data", help=text, description="The history.")
    inner = parser.add_subparsers(metavar="COMMAND", required=True)
    text = "list the history: days, rows, gaps and bytes of each kind and venue"
    listing = add(inner, "ls", "data:ls", text, "data ls --json", DATA)
    text = "read every file of the history again: its crc, its rows, and each lane's numbers without a hole"
    check = add(inner, "check", "data:check", text, "data check", DATA)
    text = "seal and compact what is recorded, also of the present day"
    seal = add(inner, "seal", "data:seal", text, "data seal --hot ticks", DATA)
    text = "also keep the days of this kind as mapped arrays; may be given several times"
    seal.add_argument("--hot", action="append", default=[], metavar="KIND", help=text)
    for one in (listing, check, seal, _prune(inner), _backfill(inner), _import(inner)):
        one.add_argument("--directory", default="", metavar="PATH", help="the recorder's directory")
        text = "the system's file, whose [recorder] has the directory; --directory is used instead where both are given"
        one.add_argument("--config", default="", metavar="FILE", help=text)


def _prune(inner: "Commands") -> argparse.ArgumentParser:
    text = "remove the sealed days that are older than [recorder] keep_days"
    prune = add(inner, "prune", "data:prune", text, "data prune --before 2026-06-01 --dry-run", PRUNE)
    prune.add_argument("--before", default="", metavar="DAY", help="remove every day before this one instead")
    prune.add_argument("--dry-run", action="store_true", help="list the days, and remove none")
    return prune


def _backfill(inner: "Commands") -> argparse.ArgumentParser:
    text = "request a venue's past trades or candles, and write what the history does not have"
    example = "data backfill --venue kraken --symbol BTC/USD --from 2026-11-01 --to 2026-11-08 --kind trades"
    one = add(inner, "backfill", "backfill:backfill", text, example, BACKFILL)
    text = "a venue of the system's file, or a market-data interface: a wrong name lists them"
    one.add_argument("--venue", required=True, metavar="NAME", help=text)
    one.add_argument("--symbol", required=True, metavar="TEXT", help="the venue's text, as BTCUSDT, BTC-USD, BTC/USD")
    one.add_argument("--from", dest="start", required=True, metavar="DAY", help="the first day, in UTC")
    one.add_argument("--to", dest="end", required=True, metavar="DAY", help="the day after the last one")
    one.add_argument("--kind", choices=("trades", "candles"), required=True, help="trades: ticks; candles: bars")
    one.add_argument("--interval", default="1m", metavar="TIME", help="of candles, as 1m, 1h, 1d (default 1m)")
    one.add_argument("--again", action="store_true", help="request complete days again, and compare every row")
    one.add_argument("--url", default="", metavar="URL", help="another address than the venue's")
    return one


IMPORT = """A file becomes rows of the history, with exact prices and sizes. Importing it again changes nothing.
A row that cannot be exact is refused with its line; each import has a report in the store."""
IMPORT_FORMATS = {
    "csv": "CSV with a header, packed or not: --data and --columns give its meaning",
    "parquet": "the same of Parquet",
    "sql": "the answer of --query of a SQLite or DuckDB file",
    "binance": "an archive of data.binance.vision, zip or csv",
    "tardis": "a CSV of Tardis",
    "lobster": "a message file of LOBSTER, with its orderbook file beside it",
    "capture": "recorded traffic, as .sycap; all FILEs are one session of --interface",
}


def _import(inner: "Commands") -> argparse.ArgumentParser:
    text = "import files as rows of the history: " + ", ".join(IMPORT_FORMATS)
    example = "data import BTCUSDT-trades-2026-11-30.zip --format binance"
    parser = add(inner, "import", "importing:run", text, example, IMPORT)
    parser.add_argument("files", nargs="+", metavar="FILE", help="the files, in the order in which they are imported")
    about = "; ".join(f"{name}: {meaning}" for name, meaning in IMPORT_FORMATS.items())
    parser.add_argument("--format", required=True, choices=IMPORT_FORMATS, help=about)
    text = "what the rows of a table are: trades, quotes, levels, bars or bands"
    parser.add_argument("--data", default="", choices=("trades", "quotes", "levels", "bars", "bands"), help=text)
    text = "our names of a table's columns, as time=ts,price=px,size=qty,side=side; a column with our name needs none"
    parser.add_argument("--columns", default="", metavar="OURS=THEIRS,...", help=text)
    text = "the unit of a table's times: s, ms, us, ns or iso (default: found by the first row's size)"
    parser.add_argument("--time-unit", default="", choices=("s", "ms", "us", "ns", "iso"), help=text)
    text = "an instrument with its steps, as binance:BTCUSDT,price=0.01,size=0.00001; those of the system are known"
    parser.add_argument("--instrument", action="append", default=[], metavar="VENUE:SYMBOL,...", help=text)
    parser.add_argument("--venue", default="", metavar="NAME", help="the venue of the file's symbols")
    text = "of --format capture: whose traffic it is, as binance-usdm; a wrong name lists them"
    parser.add_argument("--interface", default="", metavar="NAME", help=text)
    text = "of an archive of Binance: spot, um or cm (default: by the file's path)"
    parser.add_argument("--market", default="", choices=("spot", "um", "cm"), help=text)
    parser.add_argument("--interval", default="", metavar="1m", help="of bars without a column close_time")
    parser.add_argument("--query", default="", metavar="SQL", help="of --format sql")
    text = "report a gap after so many seconds without a row (default 60)"
    parser.add_argument("--gap", type=duration, default=60.0, metavar="S", help=text)
    text = "report a return over K times the median absolute return of its block (default 20)"
    parser.add_argument("--outlier", type=duration, default=20.0, metavar="K", help=text)
    parser.add_argument("--strict", action="store_true", help="refuse a file with any finding")
    text = "replace rows of earlier imports that differ; what the recorder wrote is never replaced"
    parser.add_argument("--replace", action="store_true", help=text)
    parser.add_argument("--dry-run", action="store_true", help="read and report, write nothing")
    return parser

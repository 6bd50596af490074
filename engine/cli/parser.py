"""The words of `engine-ctl`: every command with its options, its help and an example."""

import argparse
import math
import platform
from typing import TYPE_CHECKING, Any, TypeAlias

EPILOG = """\
examples:
  engine-ctl up configs/demo.toml        start a system and wait until it stands
  engine-ctl ls                          every system of this user, and where it is
  engine-ctl status                      every process and book; exit 1 when something is not as it should be
  engine-ctl halt                        no new orders, open ones are cancelled; survives restarts
  engine-ctl book BTCUSDT                a live ladder, read from shared memory
  engine-ctl shm tail orders --follow    records of a lane as JSON lines
  engine-ctl capture record              every frame of a running feed to disk
  engine-ctl autopsy                     what a dead engine left
  engine-ctl down                        cancel what is open, stop everything

exit codes: 0 done, 1 refused or unhealthy, 2 wrong use or configuration, 3 nobody there
"""
INSTRUMENT = "symbol, venue:symbol or id"
RAW = argparse.RawDescriptionHelpFormatter


def count(text: str) -> int:
    """How many, from an option's text: no fewer than none."""
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"expected a whole number from 0, was {text!r}")
    return int(text)


def duration(text: str) -> float:
    """Seconds, from an option's text: no fewer than none, and an end in sight."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds >= 0):
        raise argparse.ArgumentTypeError(f"expected seconds from 0, was {text!r}")
    return seconds


class Parser(argparse.ArgumentParser):
    """Complains about an option of a subcommand with that subcommand's usage, not the whole program's."""

    def parse_known_args(  # type: ignore[override] # the stub has an overload for each of the two
        self, args: Any = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Refuse here what nobody below has understood; argparse hands it up to the program, which knows no better."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown


class Version(argparse.Action):
    """Looks for the version only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print it and end."""
        from importlib import metadata  # noqa: PLC0415 - 20 ms that no command pays

        try:
            version = metadata.version("steelyard")
        except metadata.PackageNotFoundError:
            version = "not installed, run from its source"
        print(f"engine-ctl {version}, Python {platform.python_version()}")  # noqa: T201
        parser.exit()


def make_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = Parser(
        prog="engine-ctl",
        description="Operate a Steelyard system.",
        epilog=EPILOG,
        formatter_class=RAW,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=Version, nargs=0, help="print the version and end")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _system_commands(commands)
    _look_commands(commands)
    _shm_commands(commands)
    commands.add_parser(
        "capture", help="recorded traffic of a venue: record, check (see capture --help)", add_help=False
    )
    return parser


if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[Parser]  # noqa: SLF001 - it has no public name


def _add(
    commands: "Commands", name: str, run: str, text: str, example: str = "", about: str = "", *, tree: bool = True
) -> argparse.ArgumentParser:
    """A command with the two options of whatever looks at a system."""
    parser = _add_plain(commands, name, run, text, example, about, tree=tree)
    text = "which system, by name or run directory; without it STEELYARD_SYSTEM, else the only one that runs"
    parser.add_argument("--system", default="", metavar="NAME", help=text)
    return parser


def _add_plain(
    commands: "Commands", name: str, run: str, text: str, example: str, about: str = "", *, tree: bool = True
) -> argparse.ArgumentParser:
    """A command with the option of all that can be said as JSON; where a file is named, the file names the system."""
    head = text[:1].upper() + text[1:] + "."
    parser = commands.add_parser(
        name,
        help=text,
        description=f"{head}\n\n{about}" if about else head,
        epilog=f"example:\n  engine-ctl {example}" if example else None,
        formatter_class=RAW,
        allow_abbrev=False,
    )
    if tree:
        parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.set_defaults(run=f"engine.cli.{run}")
    return parser


UP = """\
Returns when every process stands. What could not start is said in one line, before anything is started where that
can be known; what does not come up in time runs on and is tried again, until engine-ctl down."""
CHECK = """\
Converts every table as the role would that reads it, and looks for its keys. Nothing is started and nobody is asked:
whether a venue knows a symbol is found when the feed runs. Exit 2 when it could not be started, with the place."""
DOWN = """\
Execution cancels what it has open; if it is dead while orders stand, it is brought up once more to do so. Orders that
are left are listed and exit is 1. Works without a supervisor too."""
LS = """\
Each with its mode, what it does, since when, its run directory and the file it was started from. Other commands take
the one that runs; where several run, --system or STEELYARD_SYSTEM chooses, by name or by run directory."""
STATUS = """\
Exit 1 when a process is not running, the system is halted, or a book is not followed: the venue refused it or a
channel of it, its numbers do not fit, its metadata has not come, or nothing of it was heard for 10 seconds."""
HALT = """\
Needs no supervisor: it writes the halt word and the file HALT itself, waits until execution confirms, and then until no
order is open or in doubt. Survives restarts and a reboot. touch HALT in the state directory, or kill -USR1 to the
process of execution, does the same without waiting. Exit 1 when execution does not confirm, an order is left, or the
file cannot be written."""
CANCEL = """\
Is not a halt: strategies may send new ones. Tells execution and does not wait; engine-ctl orders shows what is left."""
POSITIONS = """\
net = realised + unrealised - fees, in the quote asset, since the journal began. "today" is the net since the first
valuation of the UTC day: where execution was down over midnight, or had no price, the day begins when it is back. "-"
is a sum that no price says. A fee in a third asset (BNB) is valued when that asset's market (BNBUSDT) is among the
configured instruments; else its amount stands beside the fees as "unvalued" and is not in net. Dust is what is held
beyond the last whole size step: no order can close it."""
BOOK = """\
The best ten levels a side as the feed shows them, with state, age and spread. Believe it only where it says good and no
line above it says that the feed is not heard: the spread is shown for no other state."""
ACROSS = """\
The global book of each group of instruments that are one thing, and the opportunities left after fees. With GROUP the
ladder of one, each level with the venues that stand behind it. Needs [aggregation] in the system's file."""
ORDERS = """\
Each once, by its last state, with what the venue said against it. Of a system that is down they are read from its
journal."""
JOURNAL = """\
Works on the files alone, so also when the system is down. --set-aside renames the directory, with the system's own
id, to one with the date, and the next start begins anew. It is refused while the system runs, while an order is open or
of unknown fate, and while something is held, unless --force says why."""
FILLS = """\
Works on the files alone, so also after engine-ctl down. Each fill once, in the order in which execution learned of
it."""
LOG = """\
Entries of all processes in the order of their times, tracebacks as text. Logs are in the state directory and outlive a
boot; each has a limit of 8 MiB and four older parts."""
AUTOPSY = """\
From the segments alone, so it works when every process is dead: who died writing what, which orders were open or in
doubt. Read it before the next up, which takes the segments over."""


def _system_commands(commands: "Commands") -> None:
    """What the supervisor does."""
    text = "start a system, or the supervisor of one that lives"
    up = _add_plain(commands, "up", "system:up", text, "up configs/demo.toml", UP)
    up.add_argument("config", metavar="CONFIG", help="the system's file")
    up.add_argument("--foreground", action="store_true", help="stay; ^C brings the system down")
    _timeout(up, 40.0, "how long to wait for every process to stand")
    text = "say whether a file could be started"
    check = _add_plain(commands, "check", "system:check_file", text, "check configs/live.toml", CHECK)
    check.add_argument("config", metavar="CONFIG", help="the system's file")
    listing = _add_plain(commands, "ls", "systems:ls", "list every system of this user", "ls", LS)
    listing.add_argument("--all", action="store_true", help="those that are down too")
    text = "drain and stop every process, remove the segments"
    _timeout(_add(commands, "down", "system:down", text, about=DOWN), 60.0, "how long to wait for the end")
    text = "show every process and book: phase, beat, deaths, state"
    _add(commands, "status", "system:status", text, about=STATUS)
    text = "no new orders, open ones are cancelled, roles keep running"
    _timeout(_add(commands, "halt", "halting:halt", text, about=HALT), 5.0, "how long to wait for execution")
    resume = _add(commands, "resume", "system:resume", "end a halt", "resume --instrument BTCUSDT")
    text = f"end only execution's halt of this one: {INSTRUMENT}"
    resume.add_argument("--instrument", default="", metavar="INSTRUMENT", help=text)
    example = "cancel-all --instrument BTCUSDT"
    cancel = _add(commands, "cancel-all", "system:cancel_all", "cancel every open order", example, CANCEL)
    cancel.add_argument("--strategy", default="", metavar="NAME", help="only this strategy's")
    cancel.add_argument("--instrument", default="", metavar="INSTRUMENT", help=f"only on this one: {INSTRUMENT}")
    restart = _add(commands, "restart", "system:restart", "drain one process and start it anew", "restart feed")
    restart.add_argument("process", metavar="PROCESS", help="its name in status")
    _timeout(restart, 30.0, "how long to wait until it runs")


def _timeout(parser: argparse.ArgumentParser, seconds: float, text: str) -> None:
    help_text = f"{text} (default {seconds:g})"
    parser.add_argument("--timeout", type=duration, default=seconds, metavar="S", help=help_text)


def _look_commands(commands: "Commands") -> None:
    """What is read from the lanes."""
    text = "list open and in-flight orders"
    orders = _add(commands, "orders", "look:orders", text, "orders --all --json", ORDERS)
    orders.add_argument("--all", action="store_true", help="those done too, as far back as the lane reaches")
    _add(commands, "positions", "look:positions", "list positions with their profit and loss", "positions", POSITIONS)
    _journal_commands(commands)
    _add(commands, "paths", "logs:paths", "show where the system's files are", "paths --json")
    log = _add(commands, "log", "logs:log", "show the log of a process, or all of them", "log -f execution", LOG)
    log.add_argument("role", metavar="ROLE", nargs="?", default="", help="a process or a role; without it, all")
    log.add_argument("-n", type=count, default=40, metavar="N", help="the newest N entries (default 40)")
    log.add_argument("-f", "--follow", action="store_true", help="go on with what comes")
    log.add_argument("--utc", action="store_true", help="times in UTC instead of local time")
    book = _add(commands, "book", "ladder:book", "show a live ladder of one book", "book BTCUSDT --once", BOOK)
    book.add_argument("instrument", metavar="INSTRUMENT", help=INSTRUMENT)
    book.add_argument("--once", action="store_true", help="print it once and end; --json does so too")
    text = "print ticks for other tools, as MarketTick JSON lines"
    ticks = _add(commands, "ticks", "ticks:ticks", text, "ticks --follow")
    ticks.add_argument("instrument", metavar="INSTRUMENT", nargs="?", default="", help=f"only this one: {INSTRUMENT}")
    ticks.add_argument("--kind", choices=("print", "best"), default="print", help="trades (default) or best prices")
    ticks.add_argument("-n", type=count, default=10, metavar="N", help="how many (default 10)")
    ticks.add_argument("--follow", action="store_true", help="those that come from here on, instead")
    text = "show all venues together: global books and what pays"
    across = _add(commands, "across", "across:across", text, "across BTC/USDT", ACROSS)
    across.add_argument(
        "group", metavar="GROUP", nargs="?", default="", help="a group, or a symbol or id that is in it"
    )
    across.add_argument("--once", action="store_true", help="print it once and end; --json does so too")
    view = _add(commands, "view", "look:view", "show the whole system live: roles, rates, books, fills", tree=False)
    view.add_argument("--once", action="store_true", help="print it once, after a second of counting, and end")
    text = "show what an engine left: segments, owners, last records"
    autopsy = _add(commands, "autopsy", "autopsy:autopsy", text, about=AUTOPSY)
    autopsy.add_argument("-n", type=count, default=3, metavar="N", help="last records of each lane (default 3)")


def _journal_commands(commands: "Commands") -> None:
    """What is read from the journal on disk."""
    text = "show the journal on disk: where, how large, what is open and held"
    journal = _add(commands, "journal", "journal:journal", text, "journal --set-aside", JOURNAL)
    _directory(journal)
    journal.add_argument(
        "--set-aside", action="store_true", help="put it away; refused while something is open or held"
    )
    journal.add_argument(
        "--force", default="", metavar="WHY", help="put it away in spite of what is held; kept with it"
    )
    fills = _add(commands, "fills", "journal:fills", "list every fill in the journal on disk", "fills --csv", FILLS)
    _directory(fills)
    fills.add_argument("--csv", action="store_true", help="comma separated values with a head line")
    fills.add_argument("-n", type=count, default=None, metavar="N", help="only the newest N")


def _directory(parser: argparse.ArgumentParser) -> None:
    text = "the journal's directory, where the configuration names one that is not in the state directory"
    parser.add_argument("--directory", default="", metavar="DIR", help=text)


def _shm_commands(commands: "Commands") -> None:
    """What looks at segments."""
    parser = commands.add_parser(
        "shm", help="look at shared memory: ls, stat, tail", description="Look at shared memory."
    )
    inner = parser.add_subparsers(metavar="COMMAND", required=True)
    listing = _add(inner, "ls", "memory:ls", "list the segments", "shm ls --system demo")
    listing.add_argument("--aside", action="store_true", help="those set aside for the post-mortem")
    stat = _add(inner, "stat", "memory:stat", "show one lane: rate, cursor, epoch, owner, age", "shm stat ticks")
    stat.add_argument("lane", metavar="LANE", help="ticks, heartbeat.feed, or with its system: demo.ticks")
    stat.add_argument(
        "--seconds", type=duration, default=1.0, metavar="S", help="how long to count for the rate (default 1)"
    )
    tail = _add(
        inner, "tail", "memory:tail", "print a lane's newest records as JSON lines", "shm tail orders -n 5 --follow"
    )
    tail.add_argument("lane", metavar="LANE", help="ticks, heartbeat.feed, or with its system: demo.ticks")
    tail.add_argument("-n", type=count, default=10, metavar="N", help="how many (default 10)")
    tail.add_argument("--follow", action="store_true", help="go on with what comes")
    text = "of fills: also those that are none, what was held before the lane began"
    tail.add_argument("--openings", action="store_true", help=text)

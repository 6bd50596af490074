"""The words of `engine-ctl`: every command with its options, its help and an example."""

import argparse
import math
from typing import TYPE_CHECKING, TypeAlias

EPILOG = """\
examples:
  engine-ctl up configs/demo.toml        start a system and wait until it stands
  engine-ctl status                      every process, its beat, its deaths
  engine-ctl halt                        no new orders, open ones are cancelled; survives restarts
  engine-ctl book BTCUSDT                a live ladder, read from shared memory
  engine-ctl shm tail orders --follow    records of a lane as JSON lines
  engine-ctl capture record              every frame of a running feed to disk
  engine-ctl autopsy                     what a dead engine left

exit codes: 0 done, 1 refused or unhealthy, 2 wrong use or configuration, 3 nobody there
"""
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


def make_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="engine-ctl",
        description="Operate a Steelyard system.",
        epilog=EPILOG,
        formatter_class=RAW,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _system_commands(commands)
    _look_commands(commands)
    _shm_commands(commands)
    commands.add_parser(
        "capture", help="check and record captures of a venue's traffic (see capture --help)", add_help=False
    )
    return parser


if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name


def _add(commands: "Commands", name: str, run: str, text: str, example: str = "") -> argparse.ArgumentParser:
    """A command with the two options of whatever looks at a system."""
    parser = _add_plain(commands, name, run, text, example)
    parser.add_argument("--system", default="", metavar="NAME", help="which system; not needed where there is one")
    return parser


def _add_plain(commands: "Commands", name: str, run: str, text: str, example: str) -> argparse.ArgumentParser:
    """A command with the one option that all have: where a file is named, the file names the system."""
    epilog = f"example:\n  engine-ctl {example}" if example else None
    parser = commands.add_parser(
        name,
        help=text,
        description=text[:1].upper() + text[1:] + ".",
        epilog=epilog,
        formatter_class=RAW,
        allow_abbrev=False,
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.set_defaults(run=f"engine.cli.{run}")
    return parser


def _system_commands(commands: "Commands") -> None:
    """What the supervisor does."""
    up = _add_plain(
        commands, "up", "system:up", "start a system, or the supervisor of one that lives", "up configs/demo.toml"
    )
    up.add_argument("config", help="the system's file")
    up.add_argument("--foreground", action="store_true", help="stay; ^C brings the system down")
    up.add_argument(
        "--timeout", type=duration, default=40.0, metavar="S", help="how long to wait for every process to stand"
    )
    check = _add_plain(
        commands, "check", "system:check_file", "say whether a file could be started", "check configs/live.toml"
    )
    check.add_argument("config", help="the system's file")
    down = _add(commands, "down", "system:down", "drain and stop every process, remove the segments")
    down.add_argument("--timeout", type=duration, default=60.0, metavar="S", help="how long to wait for the end")
    _add(commands, "status", "system:status", "show every process and book: phase, beat, deaths, state")
    _add(commands, "halt", "system:halt", "no new orders, open ones are cancelled, roles keep running")
    _add(commands, "resume", "system:resume", "end a halt")
    cancel = _add(
        commands, "cancel-all", "system:cancel_all", "cancel every open order", "cancel-all --instrument BTCUSDT"
    )
    cancel.add_argument("--strategy", default="", metavar="NAME", help="only this strategy's")
    cancel.add_argument("--instrument", default="", metavar="SYMBOL", help="only on this instrument (symbol or id)")
    restart = _add(commands, "restart", "system:restart", "drain one process and start it anew", "restart feed")
    restart.add_argument("process", help="its name in the configuration")


def _look_commands(commands: "Commands") -> None:
    """What is read from the lanes."""
    orders = _add(commands, "orders", "look:orders", "list open and in-flight orders", "orders --all --json")
    orders.add_argument("--all", action="store_true", help="those done too, as far back as the lane reaches")
    _add(commands, "positions", "look:positions", "list positions with their profit and loss")
    book = _add(commands, "book", "ladder:book", "show a live ladder", "book BTCUSDT --once")
    book.add_argument("instrument", metavar="INSTRUMENT", help="symbol or id")
    book.add_argument("--once", action="store_true", help="print it once and end")
    ticks = _add(
        commands, "ticks", "ticks:ticks", "print ticks for other tools, as MarketTick JSON lines", "ticks --follow"
    )
    ticks.add_argument("instrument", metavar="INSTRUMENT", nargs="?", default="", help="only this one: symbol or id")
    ticks.add_argument("--kind", choices=("print", "best"), default="print", help="trades (default) or best prices")
    ticks.add_argument("-n", type=count, default=10, metavar="N", help="how many (default 10)")
    ticks.add_argument("--follow", action="store_true", help="those that come from here on, instead")
    across = _add(
        commands, "across", "across:across", "show all venues together: global books and what pays", "across BTC/USDT"
    )
    across.add_argument("group", metavar="GROUP", nargs="?", default="", help="its ladder: a group, symbol or id")
    across.add_argument("--once", action="store_true", help="print it once and end")
    view = _add(commands, "view", "look:view", "show the whole system live: roles, rates, books, fills")
    view.add_argument("--once", action="store_true", help="print it once and end")
    autopsy = _add(commands, "autopsy", "autopsy:autopsy", "show what an engine left: segments, owners, last records")
    autopsy.add_argument("-n", type=count, default=3, metavar="N", help="last records of each lane (default 3)")


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
    stat.add_argument("--seconds", type=duration, default=1.0, metavar="S", help="how long to count for the rate")
    tail = _add(
        inner, "tail", "memory:tail", "print a lane's newest records as JSON lines", "shm tail orders -n 5 --follow"
    )
    tail.add_argument("lane", metavar="LANE", help="ticks, heartbeat.feed, or with its system: demo.ticks")
    tail.add_argument("-n", type=count, default=10, metavar="N", help="how many (default 10)")
    tail.add_argument("--follow", action="store_true", help="go on with what comes")

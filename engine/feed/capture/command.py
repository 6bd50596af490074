"""The body of `engine-ctl capture …`."""

import argparse
import sys
from pathlib import Path

import orjson

from engine.feed.capture.check import check, is_good
from engine.feed.capture.formats import FORMATS
from engine.venues.catalogue import DIALECTS, dialect_of


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    top = argparse.ArgumentParser(prog="engine-ctl capture", description="Recorded traffic of a venue.")
    commands = top.add_subparsers(dest="command", required=True)
    run = commands.add_parser("check", help="run a recording through the feed's own decoder and books")
    run.add_argument("files", nargs="+", type=Path, metavar="FILE")
    run.add_argument("--venue", required=True, choices=sorted(DIALECTS))
    run.add_argument("--symbol", default="", help="only this symbol; all in the file unless one is named")
    run.add_argument("--format", default="", choices=FORMATS, help="guessed from the first line unless named")
    run.add_argument("--json", action="store_true", help="one JSON object a symbol")
    return top


def main(argv: list[str]) -> int:
    """Run the command: 0 when every book that should be good is, 1 when one is not, 2 when it cannot be run."""
    arguments = parser().parse_args(argv)
    try:
        reports = check(arguments.files, dialect_of(arguments.venue), arguments.symbol, arguments.format)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"capture check: {error}\n")
        return 2
    for report in reports:
        sys.stdout.write(orjson.dumps(report).decode() + "\n" if arguments.json else _table(report))
    if not reports:
        sys.stderr.write("capture check: no symbol of this venue in the recording\n")
        return 2
    return 0 if all(is_good(report) for report in reports) else 1


def _table(report: dict[str, object]) -> str:
    return "".join(f"{name:>18}  {value}\n" for name, value in report.items()) + "\n"

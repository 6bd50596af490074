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
    run.set_defaults(run=run_check)
    _record_words(commands)
    return top


def _record_words(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    record = commands.add_parser("record", help="write down every frame of a running feed, byte for byte")
    record.add_argument("--system", default="", metavar="NAME", help="which system; not needed where there is one")
    record.add_argument("--output", default="", metavar="PATH", help="a file, or a directory to put one into")
    record.add_argument("--venue", default="", help="only this venue: its name in the configuration, or binance-usdm …")
    record.add_argument("--seconds", type=float, default=0.0, metavar="S", help="end after so long; else at ^C")
    record.add_argument("--part-mib", type=int, default=0, metavar="N", help="begin another file after so much")
    record.add_argument("--part-seconds", type=int, default=0, metavar="N", help="begin another file after so long")
    record.add_argument("--json", action="store_true", help="the totals as one JSON object")
    record.set_defaults(run=run_record)


def main(argv: list[str]) -> int:
    """Run the command: 0 when all is as it should be, 1 when not, 2 when it cannot be run, 3 when nobody is there."""
    arguments = parser().parse_args(argv)
    code: int = arguments.run(arguments)
    return code


def run_check(arguments: argparse.Namespace) -> int:
    """0 when every book that should be good is."""
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


def run_record(arguments: argparse.Namespace) -> int:
    """Record until told to stop; what only recording needs is loaded here."""
    from engine.feed.capture.record import record  # noqa: PLC0415

    return record(arguments)


def _table(report: dict[str, object]) -> str:
    return "".join(f"{name:>18}  {value}\n" for name, value in report.items()) + "\n"

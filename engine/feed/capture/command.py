"""The body of `engine-ctl capture …`."""

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from engine.answer import data_line, error_line
from engine.feed.capture.check import check, is_good
from engine.feed.capture.errors import CaptureError
from engine.feed.capture.formats import FORMATS
from engine.venues.catalogue import dialect_of, interfaces

WRONG_USE = 2
RAW = argparse.RawDescriptionHelpFormatter
DECIMALS = re.compile(r"([0-9]|1[0-8]),([0-9]|1[0-8])")

ABOUT = "Recorded traffic of a venue: write it down from a running feed, and check that its books hold."
CHECK = """\
Run a recording through the feed's own decoder and books, and print for each symbol the comparisons: gaps in the
venue's numbers, checksums, prices against the venue's own best ones. Several files are read as one continuing
session; gz and zst are unpacked.
"""
CHECK_END = """\
formats:
  hft        <local ns or us> <frame>, one a line
  cf1, cf2   cryptofeed's: <time>: <frame>, and JSON lines with "t" and "data"
  dc         JSON lines with "rx_ns" and "frame"
  ndjson     <frame>, one a line
  init       one document, {"init": <frame>, "updates": [<frame>, ...]}
  steelyard  our own, as capture record writes it (docs/recording.md)

examples:
  engine-ctl capture check day.sycap --venue binance --json
  engine-ctl capture check book.json.zst --venue kraken --decimals 1,8

exit codes: 0 every book that should be good is, 1 one is not, 2 it cannot be read
"""
RECORD = """\
Write every frame of a running feed, byte for byte with the time of its receipt, to a file that capture check and a
replay read. The feed does not wait for the recorder: frames that it loses are counted, marked in the file and printed.
"""
RECORD_END = """\
examples:
  engine-ctl capture record --output day.sycap
  engine-ctl capture record --venue binance-usdm --seconds 60 --json

exit codes: 0 done, 1 the disk refused, 2 wrong use, 3 no running feed
"""


class Parser(argparse.ArgumentParser):
    """Ends a command that is used wrongly as its other errors do."""

    def error(self, message: str) -> NoReturn:
        """Print the usage, then the error."""
        self.print_usage(sys.stderr)
        raise CaptureError(message, WRONG_USE)


if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[Parser]  # noqa: SLF001 - it has no public name


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    top = Parser(prog="engine-ctl capture", description=ABOUT, allow_abbrev=False)
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    _check_words(commands)
    _record_words(commands)
    return top


def decimals(text: str) -> tuple[int, int]:
    """Of price and size, from an option's text."""
    found = DECIMALS.fullmatch(text)
    if found is None:
        msg = f"expected the decimals of price and size, each 0 to 18, as in 1,8, was {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return int(found[1]), int(found[2])


def _add(commands: "Commands", name: str, text: str, about: tuple[str, str]) -> argparse.ArgumentParser:
    """A command with its one-line help, its description and its epilogue."""
    return commands.add_parser(
        name, help=text, description=about[0], epilog=about[1], formatter_class=RAW, allow_abbrev=False
    )


def _check_words(commands: "Commands") -> None:
    run = _add(commands, "check", "run a recording through the feed's own decoder and books", (CHECK, CHECK_END))
    run.add_argument("files", nargs="+", type=Path, metavar="FILE", help="in the order of their recording")
    names = sorted(interfaces())
    run.add_argument(
        "--venue", required=True, choices=names, metavar="V", help=f"whose traffic it is: {', '.join(names)}"
    )
    run.add_argument("--symbol", default="", metavar="S", help="only this symbol; all in the file unless one is named")
    run.add_argument(
        "--format", default="", choices=FORMATS, metavar="F", help="see below; guessed from the first line unless named"
    )
    run.add_argument(
        "--decimals", type=decimals, metavar="P,S",
        help="decimals of price and size, for a recording without metadata and without trailing zeros",
    )  # fmt: skip
    run.add_argument("--json", action="store_true", help="print JSON lines, one a symbol")
    run.set_defaults(run=run_check, refuse=run.error)


def _record_words(commands: "Commands") -> None:
    record = _add(commands, "record", "write down every frame of a running feed", (RECORD, RECORD_END))
    record.add_argument(
        "--system", default="", metavar="NAME", help="which system; default: STEELYARD_SYSTEM, else the only one"
    )
    record.add_argument(
        "--output", default="", metavar="PATH", help="a file, or a directory to put one into (default: here)"
    )
    record.add_argument(
        "--venue", default="", metavar="V", help="only this venue: its name in the configuration, or binance-usdm ..."
    )
    record.add_argument(
        "--feed", default="", metavar="NAME", help="only this feed (default: every feed, each into a file of its own)"
    )
    record.add_argument(
        "--seconds", type=float, default=0.0, metavar="S", help="end after so many seconds (default: at ^C)"
    )
    record.add_argument(
        "--part-mib", type=int, default=0, metavar="N", help="begin another file after so much (default: never)"
    )
    record.add_argument(
        "--part-seconds", type=int, default=0, metavar="N", help="begin another file after so long (default: never)"
    )
    record.add_argument("--json", action="store_true", help="print the totals as JSON lines, one a feed")
    record.set_defaults(run=run_record, refuse=record.error)


def main(argv: list[str]) -> int:
    """Run the command: 0 when everything agrees, 1 when not, 2 when it cannot be run, 3 when no such system runs."""
    try:
        return _run(argv)
    except CaptureError as error:
        words = " ".join(["capture", *argv[:1]])
        sys.stderr.write(f"{words}: {error}\n")
        if "--json" in argv:
            sys.stdout.write(error_line(words, error.code, str(error)) + "\n")
        return error.code


def _run(argv: list[str]) -> int:
    """Parse the words and run their command."""
    arguments, unknown = parser().parse_known_args(argv)
    if unknown:
        arguments.refuse(f"unrecognized arguments: {' '.join(unknown)}")
    code: int = arguments.run(arguments)
    return code


def run_check(arguments: argparse.Namespace) -> int:
    """0 when every frame was read and every book that should be good is."""
    try:
        reports = check(
            arguments.files, dialect_of(arguments.venue), arguments.symbol, arguments.format, arguments.decimals
        )
    except (OSError, ValueError) as error:
        raise CaptureError(str(error), WRONG_USE) from error
    for report in reports:
        sys.stdout.write(data_line("capture check", report) + "\n" if arguments.json else _table(report))
    for report in reports:
        if report["checksum_checked"] and not report["checksum_ok"]:
            sys.stderr.write(f"capture check: {_advice(report)}\n")
    if reports and reports[0]["malformed"]:
        sys.stderr.write(f"capture check: {reports[0]['malformed']} frames or books cannot be read\n")
    if not reports:
        raise CaptureError("no symbol of this venue in the recording", WRONG_USE)
    return 0 if all(is_good(report) for report in reports) else 1


def run_record(arguments: argparse.Namespace) -> int:
    """Record until a signal or the time ends it; modules that only recording needs are loaded here."""
    from engine.feed.capture.record import record  # noqa: PLC0415

    return record(arguments)


def _advice(report: dict[str, object]) -> str:
    """Advice for a book without a valid checksum: its decimals are more likely to be wrong than the book."""
    pair = f"{report['price_decimals']},{report['size_decimals']}"
    return f"{report['symbol']}: no checksum holds at {pair} decimals: are they the venue's? --decimals P,S"


def _table(report: dict[str, object]) -> str:
    return "".join(f"{name:>18}  {value}\n" for name, value in report.items()) + "\n"

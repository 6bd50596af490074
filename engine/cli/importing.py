"""`engine-ctl data import`: files of others as rows of the history. Works when the system is down."""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.data import as_error, config_of, need_arrow, place_of
from engine.cli.errors import FAILED, NOT_FOUND, WRONG_USE, CommandError
from engine.cli.output import choose_system, print_json, print_line
from engine.config import Paths

if TYPE_CHECKING:
    from engine.imports.listing import Listing
    from engine.imports.run import Format, Options, Result
    from engine.imports.source import Source

TABLES = ("csv", "parquet", "sql")
SHAPES = ("trades", "quotes", "levels", "bars", "bands")
INTERVALS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
SECOND_NS = 10**9
SHOW_SECONDS = 2.0


def run(options: argparse.Namespace) -> int:
    """Import each file; the first one that is refused ends the command, and those before it stay."""
    need_arrow()
    directory = _directory(options)
    listing = as_error(lambda: _listing(options))
    paths = [Path(name) for name in options.files]
    together = [paths] if options.format == "capture" else [[path] for path in paths]
    for paths in together:
        tree = as_error(lambda paths=paths: _import(options, paths, listing, directory))
        if options.json:
            print_json(options, tree)
    return 0


def _import(options: argparse.Namespace, paths: list[Path], listing: "Listing", directory: Path) -> dict[str, Any]:
    from engine.imports import run as imports  # noqa: PLC0415 - loads pyarrow

    form, began, path = _form(options, listing), time.monotonic(), paths[0]
    with _source(options, paths) as source, _shown(path, enabled=not options.json) as progress:
        result = imports.run(source, form, directory, _options(options), time.time_ns(), progress=progress)
    seconds = max(time.monotonic() - began, 1e-9)
    if not options.json:
        _print(options, path, result, seconds)
    return _tree(path, result, seconds)


def _form(options: argparse.Namespace, listing: "Listing") -> "Format":
    """The reader of the format."""
    from engine.imports.formats.binance import Binance  # noqa: PLC0415 - loads pyarrow
    from engine.imports.formats.capture import Capture  # noqa: PLC0415
    from engine.imports.formats.generic import Generic  # noqa: PLC0415
    from engine.imports.formats.layout import Layout  # noqa: PLC0415
    from engine.imports.formats.lobster import Lobster  # noqa: PLC0415
    from engine.imports.formats.tardis import Tardis  # noqa: PLC0415

    _refuse_strangers(options)
    if options.format == "binance":
        return Binance(listing, options.venue, options.market)
    if options.format == "tardis":
        return Tardis(listing, options.venue)
    if options.format == "lobster":
        return Lobster(listing, options.venue)
    if options.format == "capture":
        return Capture(listing, options.interface, options.venue)
    if not options.data:
        raise CommandError(f"--data: expected one of {', '.join(SHAPES)}: what the rows of the file are", WRONG_USE)
    layout = Layout(options.data, options.time_unit, _interval(options.interval), options.venue)
    more = {"query": options.query} if options.query else {}
    return Generic(layout, _columns(options.columns), listing, parquet=options.format != "csv", more=more)


def _refuse_strangers(options: argparse.Namespace) -> None:
    """Refuse an option that the format has no use for: the user expects an effect."""
    table = options.format in TABLES
    used = {
        "data": table, "columns": table, "time_unit": table, "interval": table, "query": options.format == "sql",
        "market": options.format == "binance", "interface": options.format == "capture",
    }  # fmt: skip
    for name, known in used.items():
        if getattr(options, name) and not known:
            raise CommandError(f"--{name.replace('_', '-')} has no meaning with --format {options.format}", WRONG_USE)


@contextmanager
def _source(options: argparse.Namespace, paths: list[Path]) -> Iterator["Source"]:
    from engine.imports.formats import binance, lobster  # noqa: PLC0415 - loads pyarrow
    from engine.imports.query import queried  # noqa: PLC0415
    from engine.imports.source import Source  # noqa: PLC0415

    if options.format == "sql":
        with queried(paths[0], options.query) as source:
            yield source
        return
    together = {"lobster": lobster.files_of, "binance": binance.files_of}.get(options.format)
    yield Source(*(paths if together is None else together(paths[0])))


def _listing(options: argparse.Namespace) -> "Listing":
    """The instruments that are given, and those that the feeds of the system have kept."""
    from engine.imports.listing import Listing, kept_by, parse  # noqa: PLC0415 - loads pyarrow

    state = _state(options)
    kept = kept_by(state) if state is not None else []
    return Listing([parse(text, kept) for text in options.instrument], kept)


def _state(options: argparse.Namespace) -> Path | None:
    """The state directory of the system whose instruments are known; with --directory none is needed."""
    if options.config and (config := config_of(options)) is not None:
        return config.paths.state
    try:
        return Paths.known(choose_system(options.system, stopped=True)).state
    except CommandError:
        if options.system or not options.directory:
            raise
        return None


def _directory(options: argparse.Namespace) -> Path:
    """The recorder's directory; an import makes it if it does not exist."""
    directory, _ = place_of(options)
    if directory.exists() and not directory.is_dir():
        raise CommandError(f"{directory}: expected a directory, the recorder's", NOT_FOUND)
    if not options.dry_run:
        try:
            directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        except OSError as error:
            raise CommandError(f"{directory}: {error}", FAILED) from error
    return directory


def _options(options: argparse.Namespace) -> "Options":
    from engine.imports.rules import Limits  # noqa: PLC0415 - loads pyarrow
    from engine.imports.run import Options  # noqa: PLC0415

    limits = Limits(int(options.gap * SECOND_NS), options.outlier)
    return Options(limits, options.strict, options.replace, options.dry_run)


def _columns(text: str) -> dict[str, str]:
    """The mapping of `time=ts,price=px`."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair]
    for ours, _, theirs in pairs:
        if not (ours and theirs):
            raise CommandError(f"--columns {text!r}: expected ours=theirs, as time=ts,price=px", WRONG_USE)
    return {ours: theirs for ours, _, theirs in pairs}


def _interval(text: str) -> int:
    """The nanoseconds of `1m`; 0 of no text."""
    if not text:
        return 0
    if not (text[:-1].isdigit() and int(text[:-1]) and text[-1] in INTERVALS):
        raise CommandError(f"--interval {text!r}: expected a number and s, m, h, d or w, as 1m", WRONG_USE)
    return int(text[:-1]) * INTERVALS[text[-1]] * SECOND_NS


@contextmanager
def _shown(path: Path, *, enabled: bool) -> Iterator[Any]:
    """Show how far a long file is, on a terminal."""
    if not (enabled and sys.stderr.isatty()):
        with nullcontext():
            yield lambda _: None
        return
    began = last = time.monotonic()

    def print_rate(rows: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= SHOW_SECONDS:
            last = now
            os.write(2, f"\r{path.name}: {rows} rows, {rows / (now - began):.0f} rows/s".encode())

    yield print_rate
    os.write(2, b"\r\x1b[K")


def _print(options: argparse.Namespace, path: Path, result: "Result", seconds: float) -> None:
    report = result.report
    if result.known:
        print_line(f"{path}: the history has this file already: {report.accepted} rows; nothing changed")
        return
    if options.dry_run:
        print_line(report.text().rstrip())
    what = "would be imported" if options.dry_run else "imported"
    doubled = report.duplicates_in_file + report.duplicates_in_history
    counts = f"{report.accepted} {what}, {report.refused} refused, {doubled} duplicates"
    print_line(f"{path}: {report.read} rows read, {counts}, {report.read / seconds:.0f} rows/s")
    for text in report.faults:
        print_line(f"  {text}")
    for found in report.refused_rows[:3]:
        print_line(f"  refused: {found}")
    if result.path is not None:
        print_line(f"  report: {result.path.with_suffix('.txt')}")


def _tree(path: Path, result: "Result", seconds: float) -> dict[str, Any]:
    import msgspec  # noqa: PLC0415 - only here

    report = msgspec.to_builtins(result.report)
    where = None if result.path is None else str(result.path)
    rate = 0 if result.known else round(result.report.read / seconds)
    return {"file": str(path), "known": result.known, "rows_per_second": rate, "report_path": where, "report": report}

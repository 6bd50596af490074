"""The history on disk: what it has, whether it is whole, and sealing by hand. Works when the system is down."""

import argparse
import importlib.util
import time
from pathlib import Path
from typing import Any

from engine.cli.errors import FAILED, NOT_FOUND, CommandError
from engine.cli.output import choose_system, print_json, print_line, print_table
from engine.config import Paths

COLUMNS = ("kind", "venue", "days", "first_day", "last_day", "rows", "bytes", "files", "gaps", "lost", "lost_seconds")


def ls(options: argparse.Namespace) -> int:
    """A row for each kind and venue."""
    from engine.recorder.store.check import summary  # noqa: PLC0415 - loads pyarrow

    rows = list(summary(_directory(options) / "store"))
    if options.json:
        print_json(options, *rows)
        return 0
    print_table(COLUMNS, ([row[name] for name in COLUMNS] for row in rows))
    if not rows:
        print_line("nothing is sealed: engine-ctl data seal")
    return 0


def check(options: argparse.Namespace) -> int:
    """Read every file again; exit code 1 when something is wrong."""
    from engine.recorder.locks import PARTS, STORE  # noqa: PLC0415 - loads numpy
    from engine.recorder.store.check import problems, summary  # noqa: PLC0415

    directory = _directory(options)
    found = _as_error(lambda: list(problems(directory / PARTS, directory / STORE)))
    rows = sum(row["rows"] for row in summary(directory / STORE))
    if options.json:
        print_json(options, {"directory": str(directory), "rows": rows, "problems": found})
    else:
        for text in found:
            print_line(text)
        print_line(f"{directory}: {rows} rows, {len(found)} problems")
    return FAILED if found else 0


def seal(options: argparse.Namespace) -> int:
    """Seal and compact everything that is closed, and what a recorder that does not run has left open."""
    from engine.recorder.store.run import run  # noqa: PLC0415 - loads pyarrow

    directory = _directory(options)
    done = _as_error(lambda: run(directory, time.time_ns(), every=True, heated=options.hot))
    if options.json:
        print_json(options, {"directory": str(directory), **done._asdict()})
        return 0
    print_line(f"{directory}: {done.rows} rows sealed, {done.partitions} partitions compacted, {done.heated} made hot")
    return 0


def _as_error(work: Any) -> Any:
    """Run; an error of the files is one line."""
    try:
        return work()
    except BlockingIOError as error:
        raise CommandError("another process seals this directory: try again when it has ended", FAILED) from error
    except (ValueError, OSError) as error:
        raise CommandError(str(error), FAILED) from error


def _directory(options: argparse.Namespace) -> Path:
    """The recorder's directory: the one that is named, else that of the system."""
    if importlib.util.find_spec("pyarrow") is None:
        raise CommandError("the history needs the package pyarrow: pip install 'steelyard[research]'", FAILED)
    given = options.directory or Paths.known(choose_system(options.system, stopped=True)).history()
    if not Path(given).is_dir():
        what = f"{given}: no recording: a system with the table [recorder] makes one"
        raise CommandError(f"{what}; if its key `directory` sets another place, give it by --directory", NOT_FOUND)
    return Path(given)

"""The history on disk: what it has, whether it is whole, sealing and pruning by hand. Works when the system is down."""

import argparse
import importlib.util
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from engine.cli.errors import FAILED, NOT_FOUND, WRONG_USE, CommandError
from engine.cli.output import choose_system, print_json, print_line, print_table
from engine.config import Config, ConfigError, Paths, load
from engine.supervisor.life import read as read_life

COLUMNS = ("kind", "venue", "days", "first_day", "last_day", "rows", "bytes", "files", "gaps", "lost", "lost_seconds")
PRUNED = ("kind", "venue", "day", "rows", "bytes", "files")


def ls(options: argparse.Namespace) -> int:
    """A row for each kind and venue."""
    from engine.recorder.store.check import summary  # noqa: PLC0415 - loads pyarrow

    rows = list(summary(directory_of(options) / "store"))
    if options.json:
        print_json(options, *rows)
        return 0
    print_table(COLUMNS, ([row[name] for name in COLUMNS] for row in rows))
    if not rows:
        print_line("nothing is sealed: engine-ctl data seal")
    return 0


def check(options: argparse.Namespace) -> int:
    """Read every file again; exit code 1 when something is wrong."""
    from engine.recorder.backfill.ledger import Ledger  # noqa: PLC0415 - loads pyarrow
    from engine.recorder.locks import PARTS, STORE  # noqa: PLC0415 - loads numpy
    from engine.recorder.store.check import problems, summary  # noqa: PLC0415

    directory = directory_of(options)
    found = as_error(lambda: [*problems(directory / PARTS, directory / STORE), *Ledger(directory).differences()])
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

    directory = directory_of(options)
    done = as_error(lambda: run(directory, time.time_ns(), every=True, heated=options.hot))
    if options.json:
        print_json(options, {"directory": str(directory), **done._asdict()})
        return 0
    print_line(f"{directory}: {done.rows} rows sealed, {done.partitions} partitions compacted, {done.heated} made hot")
    return 0


def prune(options: argparse.Namespace) -> int:
    """Remove the sealed days before a day, or those that the configuration does not keep."""
    from engine.recorder.store.prune import EVERY, day_before, prune_store  # noqa: PLC0415 - loads pyarrow

    directory, now_ns = directory_of(options), time.time_ns()
    before = {EVERY: _day(options.before)} if options.before else day_before(_keep(options), now_ns)
    found = as_error(lambda: prune_store(directory, before, dry=options.dry_run))
    rows = [{name: getattr(one, name) for name in PRUNED[1:]} | {"kind": kind} for kind, one in found]
    if options.json:
        print_json(options, *rows)
        return 0
    print_table(PRUNED, ([row[name] for name in PRUNED] for row in rows))
    total = sum(int(row["rows"]) for row in rows)
    print_line(f"{directory}: {total} rows {'would be removed' if options.dry_run else 'removed'}, {len(rows)} days")
    return 0


def _day(text: str) -> str:
    """A day up to which everything is removed: not after the present one."""
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"--before {text}: expected a day as 2026-11-30, in UTC", WRONG_USE) from error
    today = datetime.now(UTC).date()
    if day > today:
        raise CommandError(f"--before {text}: expected a day up to today, {today}: today is not over", WRONG_USE)
    return day.isoformat()


def _keep(options: argparse.Namespace) -> Mapping[str, int]:
    """For how many days the configuration keeps each kind."""
    from engine.recorder import keep_of  # noqa: PLC0415 - loads numpy

    config = config_of(options)
    keep = keep_of(config.recorder) if config is not None and config.recorder is not None else {}
    if not any(keep.values()):
        place = config.path if config is not None else "no configuration file is known"
        raise CommandError(
            f"{place}: no keep_days in [recorder], so every day is kept: set it, or name a day by --before", WRONG_USE
        )
    return keep


def as_error(work: Any) -> Any:
    """Run; an error of the files is one line."""
    try:
        return work()
    except BlockingIOError as error:
        raise CommandError("another process seals this directory: try again when it has ended", FAILED) from error
    except (ValueError, OSError) as error:
        raise CommandError(str(error), FAILED) from error


def directory_of(options: argparse.Namespace) -> Path:
    """The recorder's directory: the one that is named, else that of the file --config, else that of the system."""
    need_arrow()
    given, source = place_of(options)
    if not given.is_dir():
        raise CommandError(
            f"{given} ({source}): no recording: a system with the table [recorder] makes one; name another place by"
            " --config FILE, whose [recorder] has the directory, or by --directory",
            NOT_FOUND,
        )
    return given


def need_arrow() -> None:
    """Refuse to work without the package that reads and writes the history."""
    if importlib.util.find_spec("pyarrow") is None:
        raise CommandError("the history needs the package pyarrow: pip install 'steelyard[research]'", FAILED)


def place_of(options: argparse.Namespace) -> tuple[Path, str]:
    """The directory, whether it exists or not, and what named it."""
    if options.directory:
        return Path(options.directory), "--directory"
    if options.config:
        config = _loaded(options.config)
        if config.recorder is None:
            raise CommandError(f"{config.path}: no table [recorder]: add it, or name a place by --directory", WRONG_USE)
        key = "[recorder] directory" if config.recorder.directory else "the state directory"
        return config.paths.history(config.recorder.directory), f"{key} of {config.path}"
    system = choose_system(options.system, stopped=True)
    return Paths.known(system).history(), f"where the recorder of {system} writes"


def config_of(options: argparse.Namespace) -> Config | None:
    """The configuration: of the file --config, else of the system that runs; None without either."""
    if options.config:
        return _loaded(options.config)
    if options.directory and not options.system:
        return None
    life = read_life(Paths.known(choose_system(options.system, stopped=True)).system)
    return _loaded(life.config) if life is not None else None


def _loaded(path: str) -> Config:
    try:
        return load(path)
    except ConfigError as error:
        raise CommandError(str(error), WRONG_USE) from error

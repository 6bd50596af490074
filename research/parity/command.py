"""`engine-ctl parity`. The parser of `engine/cli` names this module; no room below this one imports it."""

import argparse
from datetime import UTC, datetime

from engine.cli import FAILED, WRONG_USE, CommandError
from engine.cli.output import choose_system, iso, print_json, print_table
from engine.config import ConfigError
from research.parity.session import is_directory, parity, recording_of, sessions_of
from research.parity.tables import print_report
from research.parity.trees import tree_of


def run(options: argparse.Namespace) -> int:
    """Compare a session; exit code 1 when a decision was not made again the same."""
    try:
        return _list(options) if options.list else _compare(options)
    except (ValueError, ImportError, ConfigError) as error:
        raise CommandError(str(error), WRONG_USE) from error
    except OSError as error:
        if error.filename is None:
            raise  # of the output
        raise CommandError(str(error), WRONG_USE) from error


def _compare(options: argparse.Namespace) -> int:
    """Print the comparison."""
    found = parity(
        _session(options.session), at_ns=_moment(options.at), strategies=options.strategy, models=options.models,
        config=options.config,
    )  # fmt: skip
    if options.json:
        print_json(options, tree_of(found, orders=options.orders))
    else:
        print_report(found, orders=options.orders)
    return 0 if found.identical else FAILED


def _list(options: argparse.Namespace) -> int:
    """Print the sessions of the recording."""
    recording = recording_of(_session(options.session))
    rows = [
        {"first": iso(one.first_ns), "last": iso(one.last_ns), "strategies": list(dict.fromkeys(one.strategies))}
        for one in sessions_of(recording, options.config)
    ]
    if options.json:
        print_json(options, *rows)
    else:
        print_table(
            ("first", "last", "strategies"), [(*list(row.values())[:2], ", ".join(row["strategies"])) for row in rows]
        )
    return 0


def _session(named: str) -> str:
    """A recorder's directory, or the name of a system."""
    return named if named and is_directory(named) else choose_system(named, stopped=True)


def _moment(text: str) -> int:
    """A time as nanoseconds; a text without a zone is UTC."""
    if not text:
        return 0
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"--at {text}: expected a time like 2026-12-01T09:30:00") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e9)

"""The deaths of a system's processes: why each ended, what it was working on, what it logged last, where it hung."""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.cli.logs import Source, without_controls
from engine.cli.output import choose_system, local, print_json, print_line
from engine.config import Paths
from engine.supervisor.processes import deaths as file

INDENT = "    "


def deaths(options: argparse.Namespace) -> int:
    """Print the newest deaths, the oldest of them first; also of a system that is down."""
    system = choose_system(options.system, stopped=True)
    found = [one for one in file.read(Paths.known(system).deaths) if _is_of(one, options.process)]
    shown = found[max(0, len(found) - options.n) :]
    if options.json:
        print_json(options, *({"system": system, **one} for one in shown))
        return 0
    for one in shown:
        print_line("\n".join(_format(one)))
    if not shown:
        print_line(f"{system}: no death of {options.process or 'any process'} is recorded")
    return 0


def _is_of(death: Mapping[str, Any], process: str) -> bool:
    """Whether a death is of this process or role; "" is any."""
    return not process or process == death["process"] or process in death["roles"]


def _format(death: Mapping[str, Any]) -> Iterator[str]:
    """A death as lines: its cause first, then what is known about it."""
    pid = f"pid {death['pid']}" if death["pid"] else "not started"
    yield without_controls(f"{local(death['now_ns'])} {death['process']} ({pid}): {death['cause']}")
    yield INDENT + ", ".join(_ended_by(death))
    if record := death["record"]:
        yield INDENT + without_controls(_record(record))
    if death["log"]:
        yield f"{INDENT}its last log lines:"
        yield from _indented(_log(death))
    if death["stack"]:
        yield f"{INDENT}its Python stack:"
        yield from _indented(death["stack"].rstrip().splitlines())


def _ended_by(death: Mapping[str, Any]) -> Iterator[str]:
    """Exit code or signal, and whose child it was."""
    if death["exit_code"] is not None:
        yield f"exit code {death['exit_code']}"
    elif death["signal"]:
        yield death["signal"]
    elif death["pid"]:
        yield "exit code unknown"
    yield f"roles {' '.join(death['roles']) or '-'}"
    if death["adopted"]:
        yield "adopted from an earlier supervisor"


def _record(record: Mapping[str, Any]) -> str:
    """The record that it was working on, and how that is known."""
    named = [f"{key} {record[key]}" for key in ("strategy", "instrument") if record.get(key)]
    where = f"{record['lane']} {record.get('id') or record['sequence']}"
    source = "by its own report" if record.get("from") == "process" else "by what shared memory shows"
    return f"record {', '.join([where, *named])} ({source})"


def _log(death: Mapping[str, Any]) -> Iterator[str]:
    """The log lines as `engine-ctl log` prints them."""
    source = Source(Path(death["process"]))
    for entry in source.entries("\n".join(death["log"]).encode()):
        yield from entry.format(utc=False).splitlines()


def _indented(lines: Iterator[str] | list[str]) -> Iterator[str]:
    for line in lines:
        yield INDENT * 2 + without_controls(line)

"""Where a system's files are, and what its processes have logged, as text for an operator."""

import argparse
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.cli import NOT_FOUND, CommandError
from engine.cli.output import choose_system, print_json, print_line, print_table
from engine.config import Paths
from engine.config.paths import journals_beside
from engine.log import KEPT, SUFFIX, part
from engine.monitor.names import Names
from shm.segment import path_of

POLL_S = 0.2
READ_MOST = 1 << 24
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
OWN = ("time", "level", "process", "from", "event", "traceback")


def without_controls(line: str) -> str:
    """A line with `?` for each control character: it may hold a venue's text, which must not control the terminal."""
    return CONTROL.sub("?", line)


@dataclass(slots=True)
class Entry:
    """A line of a log; a line without JSON (a C library's, a traceback) gets the time of the line before it."""

    at_s: float
    process: str
    tree: dict[str, Any] = field(default_factory=dict)
    text: str = ""

    def format(self, *, utc: bool) -> str:
        """The entry as text; a traceback is below its line."""
        moment = datetime.fromtimestamp(self.at_s, UTC) if utc else datetime.fromtimestamp(self.at_s).astimezone()
        stamp = f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03}{'Z' if utc else ''}"
        if not self.tree:
            return without_controls(f"{stamp} {'':8} {self.process}: {self.text}")
        more = " ".join(f"{key}={value}" for key, value in self.tree.items() if key not in OWN)
        level, event = str(self.tree.get("level", "")).upper(), self.tree.get("event", "")
        head = f"{stamp} {level:8} {self.process}: {event} {more}".rstrip()
        trace = (f"    {line}" for line in str(self.tree.get("traceback", "")).splitlines())
        return "\n".join(map(without_controls, [head, *trace]))


@dataclass(slots=True)
class Source:
    """One log that is read further and further, across its rotations."""

    path: Path
    offset: int = 0
    inode: int = 0
    last_s: float = 0.0

    @property
    def process(self) -> str:
        """The process that writes the log."""
        return self.path.name.removesuffix(SUFFIX)

    def past(self) -> Iterator[Entry]:
        """All entries of the log and of its older parts."""
        for number in range(KEPT, 0, -1):
            if part(self.path, number).exists():
                yield from self.entries(part(self.path, number).read_bytes())
        yield from self.fresh()

    def fresh(self) -> Iterator[Entry]:
        """The entries written since the last call; first the ends of the parts that were renamed since then."""
        with ExitStack() as files:
            for inode, descriptor in reversed(self._unread(files).items()):
                if inode != self.inode:
                    self.inode, self.offset = inode, 0
                yield from self._read(descriptor)

    def _unread(self, files: ExitStack) -> dict[int, int]:
        """The parts with unread lines, newest first; all are opened before one is read, so a rename hides none."""
        found: dict[int, int] = {}
        older = [part(self.path, number) for number in range(1, KEPT + 1)] if self.inode else []
        for path in (self.path, *older):
            try:
                descriptor = files.enter_context(path.open("rb")).fileno()
            except FileNotFoundError:
                continue
            inode = os.fstat(descriptor).st_ino
            found.setdefault(inode, descriptor)
            if inode == self.inode:
                break
        return found

    def _read(self, descriptor: int) -> Iterator[Entry]:
        while data := os.pread(descriptor, READ_MOST, self.offset):
            whole, end, _ = data.rpartition(b"\n")
            if not end and len(data) < READ_MOST:
                return  # the last line is not complete yet
            whole = whole if end else data  # a line longer than a read is shown in pieces
            self.offset += len(whole) + len(end)
            yield from self.entries(whole)

    def entries(self, data: bytes) -> Iterator[Entry]:
        """The entries in a part of the log."""
        for line in data.decode(errors="replace").splitlines():
            tree = _parse(line)
            self.last_s = float(tree.get("time", self.last_s))
            yield Entry(self.last_s, self.process, tree, "" if tree else line)


def _parse(line: str) -> dict[str, Any]:
    """A line's JSON; empty for a line that engine.log did not write."""
    try:
        tree = json.loads(line)
    except ValueError:
        return {}
    return tree if isinstance(tree, dict) and isinstance(tree.get("time"), int | float) else {}


def log(options: argparse.Namespace) -> int:
    """Show the log, and with --follow new entries as they are written."""
    system = choose_system(options.system, stopped=True)
    directory, sources = Paths.known(system).logs, dict[Path, Source]()
    process = _process(system, directory, options.role, may_come=options.follow)
    past = _more(directory, process, sources)
    _print(past[max(0, len(past) - options.n) :], options)
    while options.follow:
        time.sleep(POLL_S)
        _print(_more(directory, process, sources), options)
    return 0


def _more(directory: Path, process: str, sources: dict[Path, Source]) -> list[Entry]:
    """The entries written since the last call, by time; all entries of a log that is new."""
    entries = [entry for source in sources.values() for entry in source.fresh()]
    for path in directory.glob(f"{process or '*'}{SUFFIX}"):
        if path not in sources:
            sources[path] = Source(path)
            entries += sources[path].past()
    return sorted(entries, key=lambda entry: entry.at_s)


def _print(entries: list[Entry], options: argparse.Namespace) -> None:
    for entry in entries:
        if options.json:
            print_json(options, entry.tree or {"time": entry.at_s, "process": entry.process, "event": entry.text})
        else:
            print_line(entry.format(utc=options.utc))


def _process(system: str, directory: Path, role: str, *, may_come: bool) -> str:
    """The process with this name or this role; "" for all processes.

    With `may_come`, a configured process that has no log yet is accepted: its log may be written later.
    """
    names = sorted(path.name.removesuffix(SUFFIX) for path in directory.glob(f"*{SUFFIX}"))
    if not role and (names or may_come):
        return ""
    processes = Names.of(system).processes
    process = role if role in names or role in processes.values() else processes.get(role, "")
    if process in names or (process and may_come):
        return process
    raise CommandError(
        f"no log of {role or 'any process'} in {directory}, found logs of {', '.join(names) or 'no process'}", NOT_FOUND
    )


def paths(options: argparse.Namespace) -> int:
    """Show where the system's files are."""
    system = choose_system(options.system, stopped=True)
    known = Paths.known(system)
    journal = Path(Names.of(system).journal or known.journal())
    further = {one.name: one for one in journals_beside(journal) if one != journal}  # of the other accounts
    tree = {
        "system": system, "run": known.run, "control": known.control, "state": known.state, "journal": journal,
        **further, "logs": known.logs, "audit": known.audit, "deaths": known.deaths, "halt": known.halt,
        "instruments": known.instruments,
        "segments": path_of(f"{system}.LANE"),
    }  # fmt: skip
    texts = {name: str(value) for name, value in tree.items()}
    print_json(options, texts) if options.json else print_table(("what", "where"), texts.items())
    return 0

"""How things are shown: JSON for programs, tables for people, and which system is meant."""

import json
import math
import os
import stat
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.table import Table

import shm
from engine.cli import NOBODY, WRONG_USE, Complaint
from engine.config import Paths, known_systems
from engine.config.paths import RUN_VARIABLE, stopped_systems
from engine.supervisor.life import read as read_life
from shm.segment import path_of

FIGURE_DECIMALS = 8  # of a figure that is a float in its record
SECOND_NS = 1_000_000_000
WIDTH_MAX = 1000
SYSTEM_VARIABLE = "STEELYARD_SYSTEM"


def say(text: object = "") -> None:
    """A line on stdout."""
    print(text, flush=True)  # noqa: T201


def say_json(tree: object) -> None:
    """A JSON document of one line."""
    say(json.dumps(tree))


class Terminal(Console):
    """Where people read. One who has seen enough (`| head`) is told to our own `main`, not ended with rich's exit 1."""

    def on_broken_pipe(self) -> None:
        """Let the error go on its way; rich calls this where it caught it."""
        raise  # noqa: PLE0704 - the one being handled


def say_table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """A table for a person; a column that holds numbers is aligned to the right."""
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    texts = [[str(value) for value in row] for row in rows]
    for index, column in enumerate(columns):
        numeric = all(row[index][:1] in "-+0123456789" for row in texts)
        table.add_column(column, justify="right" if numeric and texts else "left", no_wrap=True)
    for row in texts:
        table.add_row(*row)
    width = Terminal(width=WIDTH_MAX).measure(table).maximum  # a line too long for the terminal beats a cut-off name
    Terminal(width=max(width, Terminal().width), highlight=False, markup=False).print(table)


def plain(value: Any) -> Any:
    """A field's value for JSON: bytes as text where they are text, else as hex; no NaN."""
    if isinstance(value, bytes):
        text = value.rstrip(b"\0").decode(errors="replace")
        return text if text.isprintable() and "\ufffd" not in text else value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def decimal_text(value: float | None) -> str | None:
    """A figure for JSON, as every other decimal number; None where there is none."""
    return f"{value:.{FIGURE_DECIMALS}f}" if value is not None and math.isfinite(value) else None


def row_tree(row: Any) -> dict[str, Any]:
    """A record's row for JSON, without the bytes that nobody uses."""
    return {name: plain(value) for name, value in row._asdict().items() if not name.startswith("spare")}


def ago(age_ns: int) -> str:
    """A duration for a person."""
    seconds = age_ns / SECOND_NS
    for limit, unit in ((60, "s"), (3600, "min"), (86400, "h")):
        if seconds < limit:
            return f"{seconds / (limit / 60 if unit != 'h' else 3600) if unit != 's' else seconds:.1f} {unit}"
    return f"{seconds / 86400:.1f} d"


def iso(at_ns: int) -> str:
    """A wall clock time as text, in UTC to the microsecond; empty for 0, which means never."""
    if not at_ns:
        return ""
    moment = datetime.fromtimestamp(at_ns // SECOND_NS, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ns % SECOND_NS // 1000:06}Z"


def local(at_ns: int) -> str:
    """A wall clock time for a person in a table: today's as the local time of day, older ones with their date."""
    if not at_ns:
        return "-"
    moment = datetime.fromtimestamp(at_ns / SECOND_NS).astimezone()
    today = moment.date() == datetime.now().astimezone().date()
    return f"{moment:%H:%M:%S}.{at_ns % SECOND_NS // 1_000_000:03}" if today else f"{moment:%Y-%m-%d %H:%M:%S}"


def monotonic_age(then_ns: int) -> int:
    """The age of a CLOCK_MONOTONIC time."""
    return time.monotonic_ns() - then_ns


def living_supervisor(system: str) -> int:
    """The pid of a system's supervisor, 0 when none lives."""
    life = read_life(Paths.known(system).system)
    try:
        words = Path(f"/proc/{life.supervisor_pid}/cmdline").read_bytes() if life else b""
    except OSError:
        return 0
    return life.supervisor_pid if life and b"engine.supervisor" in words else 0


def lives(system: str) -> bool:
    """Its supervisor lives, or a writer of one of its lanes."""
    return bool(living_supervisor(system)) or any(_has_living_owner(name) for name in shm.names(system))


def _has_living_owner(name: str) -> bool:
    try:
        return attach(name).owner.life() == "alive"
    except Complaint:
        return False


def choose_system(named: str, *, stopped: bool = False) -> str:
    """The system that is meant: the one named (by the option, else by STEELYARD_SYSTEM), or the only one that runs.

    A name that holds a `/` is the path of a run directory. With `stopped`, systems that are down count where none runs.
    """
    found = {*shm.systems(), *known_systems()}
    by_variable = not named
    named = named or os.environ.get(SYSTEM_VARIABLE, "")
    if "/" in named:
        return _enter(Path(named))
    if named:
        known = found | (stopped_systems() if stopped else set())
        if named not in known:
            by = f" ({SYSTEM_VARIABLE})" if by_variable else ""
            raise Complaint(f"no system {named!r}{by} here, found {', '.join(sorted(known)) or 'none'}", NOBODY)
        return named
    kept = [system for system in sorted(found) if living_supervisor(system)]
    living = kept or [system for system in sorted(found) if lives(system)]
    candidates = living or sorted(found) or (sorted(stopped_systems()) if stopped else [])
    if not candidates:
        raise Complaint("no system is here: engine-ctl up CONFIG starts one", NOBODY)
    if len(candidates) > 1:
        choice = f"set --system or {SYSTEM_VARIABLE} to one of {', '.join(candidates)} (engine-ctl ls shows them)"
        raise Complaint(f"which system? {choice}", WRONG_USE)
    return candidates[0]


def _enter(run: Path) -> str:
    """The system of this run directory, which is from here on where its files are looked for."""
    run = run.resolve()
    if not run.is_dir():
        raise Complaint(f"{run}: no such directory, expected a system's run directory (engine-ctl ls)", NOBODY)
    os.environ[RUN_VARIABLE] = str(run.parent)
    return run.name


class Named(Protocol):
    """An instrument as the configuration or the feed names it."""

    @property
    def id(self) -> int:
        """Ours."""

    @property
    def venue(self) -> str:
        """Whose it is."""

    @property
    def symbol(self) -> str:
        """Its name there."""


def choose_instrument(text: str, ones: Iterable[Named], code: int) -> int:
    """The id of the instrument that is meant: by its id, its symbol in any case, or venue:symbol."""
    known = list(ones)
    found = [one for one in known if text == str(one.id)] or [one for one in known if text.upper() in _names(one)]
    if len(found) == 1:
        return found[0].id
    shown = ", ".join(f"{one.venue}:{one.symbol} (id {one.id})" for one in found or known)
    if found:
        raise Complaint(f"which {text}? {shown}: name it as venue:symbol or by its id", WRONG_USE)
    raise Complaint(f"no instrument {text!r}, known are {shown or 'none: the venue has not told its metadata'}", code)


def _names(one: Named) -> tuple[str, str]:
    return one.symbol.upper(), f"{one.venue}:{one.symbol}".upper()


def choose_lane(lane: str, system: str) -> str:
    """A segment's full name from what was typed: a lane of the system, or `system.lane`."""
    if not system and lane.partition(".")[0] in shm.systems():
        system = lane.partition(".")[0]
    full = lane if system and lane.startswith(f"{system}.") else f"{choose_system(system)}.{lane}"
    if full not in shm.names() and full not in shm.names(aside=True):
        known = [name.split(".", 1)[1] for name in shm.names(full.split(".")[0])]
        raise Complaint(f"no lane {lane!r} in {full.split('.')[0]}, found {', '.join(known) or 'none'}", NOBODY)
    return full


def attach(name: str) -> "shm.RingReader | shm.CellReader":
    """Attach to a segment, or say in one line why not; what is no plain file (a pipe would block) is not opened."""
    try:
        if not stat.S_ISREG(os.lstat(path_of(name)).st_mode):
            raise Complaint(f"{path_of(name)}: not a plain file, so no segment", NOBODY)
        return shm.attach(name)
    except FileNotFoundError as error:
        raise Complaint(f"{path_of(name)}: no such segment", NOBODY) from error
    except (shm.SegmentError, OSError) as error:
        raise Complaint(str(error), NOBODY) from error

"""Output as JSON or tables, and the choice of the system, the instrument or the lane that an operator names."""

import argparse
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
from engine.answer import data_line
from engine.cli import NOT_FOUND, WRONG_USE, CommandError
from engine.config import Paths, known_systems
from engine.config.paths import RUN_VARIABLE, stopped_systems
from engine.lanes import lane_of
from engine.lanes.owners import found_owners
from engine.supervisor.life import read as read_life
from shm.segment import path_of

FIGURE_DECIMALS = 8  # decimals shown of a float field
SECOND_NS = 1_000_000_000
WIDTH_MAX = 1000
SYSTEM_VARIABLE = "STEELYARD_SYSTEM"


def print_line(text: object = "") -> None:
    """A line on stdout."""
    print(text, flush=True)  # noqa: T201


def print_json(options: argparse.Namespace, *trees: object) -> None:
    """Print a line for each object, in the one shape of --json."""
    for tree in trees:
        print_line(data_line(options.words, tree))


def print_record(options: argparse.Namespace, tree: object) -> None:
    """Print a record of a lane: alone, for other tools, or with --json in the one shape of all commands."""
    print_json(options, tree) if options.json else print_line(json.dumps(tree))


class Terminal(Console):
    """A console that passes a broken pipe (`| head`) to `main`; rich would end the process with exit code 1."""

    def on_broken_pipe(self) -> None:
        """Raise the error again; rich calls this in its `except` block."""
        raise  # noqa: PLE0704 - raises the error that is being handled


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """Print a table; a column of numbers is aligned to the right."""
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    texts = [[str(value) for value in row] for row in rows]
    for index, column in enumerate(columns):
        numeric = all(row[index][:1] in "-+0123456789" for row in texts)
        table.add_column(column, justify="right" if numeric and texts else "left", no_wrap=True)
    for row in texts:
        table.add_row(*row)
    width = (
        Terminal(width=WIDTH_MAX).measure(table).maximum
    )  # a line longer than the terminal is better than a cut name
    Terminal(width=max(width, Terminal().width), highlight=False, markup=False).print(table)


def plain(value: Any) -> Any:
    """A field's value for JSON: bytes as text if they are text, else as hex; None for NaN and infinity."""
    if isinstance(value, bytes):
        text = value.rstrip(b"\0").decode(errors="replace")
        return text if text.isprintable() and "\ufffd" not in text else value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def decimal_text(value: float | None) -> str | None:
    """A float for JSON as decimal text; None for None, NaN and infinity."""
    return f"{value:.{FIGURE_DECIMALS}f}" if value is not None and math.isfinite(value) else None


def row_tree(row: Any) -> dict[str, Any]:
    """A record's row for JSON, without its spare fields."""
    return {name: plain(value) for name, value in row._asdict().items() if not name.startswith("spare")}


def ago(age_ns: int) -> str:
    """A duration as short text."""
    seconds = age_ns / SECOND_NS
    for limit, unit in ((60, "s"), (3600, "min"), (86400, "h")):
        if seconds < limit:
            return f"{seconds / (limit / 60 if unit != 'h' else 3600) if unit != 's' else seconds:.1f} {unit}"
    return f"{seconds / 86400:.1f} d"


def iso(at_ns: int) -> str:
    """A wall clock time as text in UTC with microseconds; empty for 0, which means never."""
    if not at_ns:
        return ""
    moment = datetime.fromtimestamp(at_ns // SECOND_NS, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ns % SECOND_NS // 1000:06}Z"


def local(at_ns: int) -> str:
    """A wall clock time for a table, in local time; with its date when it is not today."""
    if not at_ns:
        return "-"
    moment = datetime.fromtimestamp(at_ns / SECOND_NS).astimezone()
    today = moment.date() == datetime.now().astimezone().date()
    return f"{moment:%H:%M:%S}.{at_ns % SECOND_NS // 1_000_000:03}" if today else f"{moment:%Y-%m-%d %H:%M:%S}"


def monotonic_age(then_ns: int) -> int:
    """The age of a CLOCK_MONOTONIC time."""
    return time.monotonic_ns() - then_ns


def supervisor_pid(system: str) -> int:
    """The pid of a system's supervisor, 0 when none runs."""
    life = read_life(Paths.known(system).system)
    try:
        words = Path(f"/proc/{life.supervisor_pid}/cmdline").read_bytes() if life else b""
    except OSError:
        return 0
    return life.supervisor_pid if life and b"engine.supervisor" in words else 0


def is_running(system: str) -> bool:
    """Whether the system's supervisor runs, or a writer of one of its lanes."""
    return bool(supervisor_pid(system)) or any(_has_live_writer(name) for name in shm.names(system))


def _has_live_writer(name: str) -> bool:
    try:
        return attach(name).owner.life() == "alive"
    except CommandError:
        return False


def choose_system(named: str, *, stopped: bool = False) -> str:
    """The system named by the option, else by STEELYARD_SYSTEM, else the only system that runs.

    A name with a `/` is the path of a run directory. With `stopped`, systems that are down count when none runs.
    """
    found = {*shm.systems(), *known_systems()}
    by_variable = not named
    named = named or os.environ.get(SYSTEM_VARIABLE, "")
    if "/" in named:
        return _use_run_directory(Path(named))
    if named:
        known = found | (stopped_systems() if stopped else set())
        if named not in known and named in stopped_systems():
            raise CommandError(f"{named} is down: engine-ctl up CONFIG starts it", NOT_FOUND)
        if named not in known:
            by = f" ({SYSTEM_VARIABLE})" if by_variable else ""
            raise CommandError(f"no system {named!r}{by}, found {', '.join(sorted(known)) or 'none'}", NOT_FOUND)
        return named
    supervised = [system for system in sorted(found) if supervisor_pid(system)]
    running = supervised or [system for system in sorted(found) if is_running(system)]
    candidates = running or sorted(found) or (sorted(stopped_systems()) if stopped else [])
    if not candidates:
        raise CommandError("no system runs: engine-ctl up CONFIG starts one", NOT_FOUND)
    if len(candidates) > 1:
        names = ", ".join(candidates)
        raise CommandError(f"several systems ({names}): set --system or {SYSTEM_VARIABLE} to one of them", WRONG_USE)
    return candidates[0]


def _use_run_directory(run: Path) -> str:
    """The system of this run directory; its parent becomes the run directory of this process."""
    run = run.resolve()
    if not run.is_dir():
        raise CommandError(f"{run}: no such directory, expected a system's run directory (engine-ctl ls)", NOT_FOUND)
    os.environ[RUN_VARIABLE] = str(run.parent)
    return run.name


class Named(Protocol):
    """An instrument as the configuration or the feed names it."""

    @property
    def id(self) -> int:
        """Our id."""

    @property
    def venue(self) -> str:
        """Its venue."""

    @property
    def symbol(self) -> str:
        """The venue's name for it."""


def choose_instrument(text: str, ones: Iterable[Named], code: int) -> int:
    """The id of the instrument with this id, symbol (in any case) or venue:symbol."""
    known = list(ones)
    found = [one for one in known if text == str(one.id)] or [one for one in known if text.upper() in _names(one)]
    if len(found) == 1:
        return found[0].id
    names = ", ".join(f"{one.venue}:{one.symbol} (id {one.id})" for one in found or known)
    if found:
        raise CommandError(f"several instruments {text!r}: {names}: use venue:symbol or the id", WRONG_USE)
    raise CommandError(
        f"no instrument {text!r}, expected one of {names or 'none yet: the venue has not sent its metadata'}", code
    )


def _names(one: Named) -> tuple[str, str]:
    return one.symbol.upper(), f"{one.venue}:{one.symbol}".upper()


def segments_of(system: str, lane: str) -> list[str]:
    """The full names of a lane's segments: one, or one for each owner."""
    full = f"{system}.{lane}"
    return [name for name in shm.names(system) if name == full or name.startswith(f"{full}.")]


def choose_lane(lane: str, system: str) -> str:
    """A segment's full name from a lane of the system, or from `system.lane`; the owner only where it has several."""
    if not system and lane.partition(".")[0] in shm.systems():
        system = lane.partition(".")[0]
    full = lane if system and lane.startswith(f"{system}.") else f"{choose_system(system)}.{lane}"
    owned = segments_of(*full.split(".", 1))
    full = owned[0] if len(owned) == 1 else full
    if full not in shm.names() and full not in shm.names(aside=True):
        known = [name.split(".", 1)[1] for name in shm.names(full.split(".")[0])]
        raise CommandError(
            f"no lane {lane!r} in system {full.split('.')[0]}, expected one of {', '.join(known) or 'none'}", NOT_FOUND
        )
    return full


def executions(system: str) -> list[str]:
    """The roles of the executions that a system's segments are made for."""
    return found_owners(system, lane_of("gate"))


def attach(name: str) -> "shm.RingReader | shm.CellReader | shm.WordReader":
    """Attach to a segment, or raise a CommandError; a pipe is not opened, because opening it would block."""
    try:
        if not stat.S_ISREG(os.lstat(path_of(name)).st_mode):
            raise CommandError(f"{path_of(name)}: not a plain file, expected a segment", NOT_FOUND)
        return shm.attach(name)
    except FileNotFoundError as error:
        raise CommandError(f"{path_of(name)}: no such segment", NOT_FOUND) from error
    except (shm.SegmentError, OSError) as error:
        raise CommandError(str(error), NOT_FOUND) from error

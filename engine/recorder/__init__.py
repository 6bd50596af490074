"""The recorder: every lane to disk, and the history that is made of it. docs/history.md describes both."""

import importlib.util
import time
from pathlib import Path
from typing import TYPE_CHECKING

from engine.lanes import RoleLanes
from engine.lanes.map import BY_NAME
from engine.recorder.described import describe
from engine.recorder.role import RecorderRole
from engine.recorder.sealer import Sealer, command_of
from engine.recorder.sources import MS

if TYPE_CHECKING:
    from engine.config import Config
    from engine.config.tables import Recorder

__all__ = ["RecorderRole", "build", "check_table"]


def build(config: "Config", name: str) -> RecorderRole:
    """The role of a configured system."""
    table = config.recorder
    assert table is not None, "load accepted the role recorder without its table"
    check_table(table)
    directory = config.paths.history(table.directory)
    describe(Path(directory), config, time.time_ns())
    every_ns = table.seal_seconds * 1000 * MS
    sealer = Sealer(command_of(str(directory), table.hot, keep_of(table)), every_ns) if every_ns else None
    role = RecorderRole(RoleLanes(config.system.name, name), table, directory, sealer)
    _link(config.paths.history(), directory)
    return role


def keep_of(table: "Recorder") -> dict[str, int]:
    """For how many days each kind is kept; `*`: each kind without an entry. Empty: every day is kept."""
    every = {"*": table.keep_days} if table.keep_days else {}
    return every | table.keep_days_of


def _link(usual: Path, directory: Path) -> None:
    """Point the usual place to the directory, so that a reader who knows only the system's name finds the history."""
    if usual.is_symlink() and usual.readlink() != directory.absolute():
        usual.unlink()
    if directory != usual and not usual.exists():
        usual.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        usual.symlink_to(directory.absolute())


def check_table(table: "Recorder") -> None:
    """Refuse lanes that the map does not have, and sealing without the package that it needs."""
    named = {"lanes": table.lanes, "hot": table.hot, "keep_days_of": tuple(table.keep_days_of)}
    for key, lane in ((key, lane) for key, lanes in named.items() for lane in lanes):
        if lane not in BY_NAME:
            raise ValueError(f"{key}: {lane!r}: expected lanes of the map: {', '.join(BY_NAME)}")
    if any(keep_of(table).values()) and not table.seal_seconds:
        raise ValueError(
            "keep_days: old days are removed when the parts are sealed, and seal_seconds is 0: set seal_seconds, or"
            " remove days by engine-ctl data prune --before DAY"
        )
    if table.seal_seconds and importlib.util.find_spec("pyarrow") is None:
        raise ValueError(
            "seal_seconds: sealing into Parquet needs the package pyarrow: pip install 'steelyard[research]', or set"
            " seal_seconds = 0 to keep the parts as they are"
        )

"""The recorder: every lane to disk, and the history that is made of it. docs/history.md describes both."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from engine.lanes import RoleLanes
from engine.lanes.map import BY_NAME
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
    every_ns = table.seal_seconds * 1000 * MS
    sealer = Sealer(command_of(str(directory), table.hot), every_ns) if every_ns else None
    return RecorderRole(RoleLanes(config.system.name, name), table, Path(directory), sealer)


def check_table(table: "Recorder") -> None:
    """Refuse lanes that the map does not have, and sealing without the package that it needs."""
    for key, lane in (*(("lanes", one) for one in table.lanes), *(("hot", one) for one in table.hot)):
        if lane not in BY_NAME:
            raise ValueError(f"{key}: {lane!r}: expected lanes of the map: {', '.join(BY_NAME)}")
    if table.seal_seconds and importlib.util.find_spec("pyarrow") is None:
        raise ValueError(
            "seal_seconds: sealing into Parquet needs the package pyarrow: pip install 'steelyard[research]', or set"
            " seal_seconds = 0 to keep the parts as they are"
        )

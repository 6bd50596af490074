"""The names of a running system: its mode from its lane, its strategies from the configuration it was started with.

Lanes carry numbers. `system.json` in the run directory says which file the system runs; what that file says now is
believed of names, and where it is gone or has become wrong, numbers are shown as numbers. The mode is the one that the
system came up with: a file edited since changes nothing of what runs.
"""

import json
from dataclasses import dataclass, field

import shm
from engine.config import ConfigError, Paths, load
from engine.lanes import LOOKERS, open_lanes
from engine.model.words import Mode


@dataclass(frozen=True, slots=True)
class Names:
    """What a looker-on calls things."""

    mode: str = ""
    strategies: dict[int, str] = field(default_factory=dict)
    processes: dict[str, str] = field(default_factory=dict)  # by role: the process it is in
    journal: str = ""  # the journal's directory

    @classmethod
    def of(cls, system: str) -> "Names":
        """The names that the system's file gives; none where there is no such file."""
        try:
            config = load(json.loads(Paths.known(system).system.read_text(encoding="utf-8"))["config"])
        except (OSError, ValueError, KeyError, TypeError, ConfigError):
            return cls(mode_of(system))
        processes = {role: process.name for process in config.placement for role in process.roles}
        journal = config.journal.directory or str(config.paths.state / "journal")
        mode = mode_of(system) or config.system.mode
        return cls(mode, {one.id: one.name for one in config.strategies}, processes, journal)

    def strategy(self, number: int) -> str:
        """A strategy's name; 0 is the whole account."""
        return self.strategies.get(number, str(number)) if number else "account"


def mode_of(system: str) -> str:
    """The mode that a system came up with, in the configuration's word; empty where it is not up."""
    there = f"{system}.mode" in shm.names(system)
    row = open_lanes(system, LOOKERS).cell_reader("mode").read(0) if there else None
    return Mode(row.mode).name.lower() if row is not None else ""

"""The names of a running system: its mode from the lane MODE, its strategies from its configuration file.

Lanes carry numbers. `system.json` in the run directory names the system's configuration file, and the names are read
from the file as it is now. If the file is missing or wrong, numbers are shown instead of names. The mode is the one in
which the system came up; an edit of the file does not change it.
"""

import json
from dataclasses import dataclass, field

import shm
from engine.config import ConfigError, Paths, load
from engine.config.paths import FIRST_ACCOUNT
from engine.lanes import LOOKERS, open_lanes
from engine.model.text import word
from engine.model.words import Mode


@dataclass(frozen=True, slots=True)
class Names:
    """The names that belong to a system's numbers."""

    mode: str = ""
    strategies: dict[int, str] = field(default_factory=dict)
    processes: dict[str, str] = field(default_factory=dict)  # by role: the process it is in
    accounts: dict[int, str] = field(default_factory=dict)  # by number
    journal: str = ""  # the directory of the journal of account 1

    @classmethod
    def of(cls, system: str) -> "Names":
        """The names in the system's file; empty when the file cannot be read."""
        try:
            config = load(json.loads(Paths.known(system).system.read_text(encoding="utf-8"))["config"])
        except (OSError, ValueError, KeyError, TypeError, ConfigError):
            return cls(mode_of(system))
        processes = {role: process.name for process in config.placement for role in process.roles}
        venues = {one.venue for one in config.instruments}
        accounts = {one.number: one.name for one in config.accounts}
        if not accounts and len(venues) == 1:
            accounts[FIRST_ACCOUNT] = venues.pop()
        journal = str(config.paths.journal(directory=config.journal.directory))
        mode = mode_of(system) or config.system.mode
        return cls(mode, {one.id: one.name for one in config.strategies}, processes, accounts, journal)

    def account(self, number: int) -> str:
        """An account's name; its number where the file gives it no name."""
        return self.accounts.get(number, str(number))

    def strategy(self, number: int) -> str:
        """A strategy's name; 0 is the whole account."""
        return self.strategies.get(number, str(number)) if number else "account"


def mode_of(system: str) -> str:
    """The mode in which a system came up, as in the configuration; "" when it is not up."""
    is_up = f"{system}.mode" in shm.names(system)
    row = open_lanes(system, LOOKERS).cell_reader("mode").read(0) if is_up else None
    return word(Mode, row.mode).lower() if row is not None else ""

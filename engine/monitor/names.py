"""The names of a running system: its mode and its strategies, from the configuration it was started with.

Lanes carry numbers. `system.json` in the run directory says which file the system runs; what that file says now is
believed, and where it is gone or has become wrong, numbers are shown as numbers.
"""

import json
from dataclasses import dataclass, field

from engine.config import ConfigError, Paths, load


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
            return cls()
        processes = {role: process.name for process in config.placement for role in process.roles}
        journal = config.journal.directory or str(config.paths.state / "journal")
        return cls(config.system.mode, {one.id: one.name for one in config.strategies}, processes, journal)

    def strategy(self, number: int) -> str:
        """A strategy's name; 0 is the whole account."""
        return self.strategies.get(number, str(number)) if number else "account"

"""What one reading is made from: the figures, the cells and the meters of the system at one time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.config import Config
from engine.model.instrument import Instrument
from engine.monitor.figures import Figures
from engine.monitor.meters import RoleMeters

LATE_NS = 2_000_000_000  # a heartbeat that is older is not fresh


@dataclass(frozen=True)
class Scene:
    """One time. A cell that was never written is absent."""

    config: Config
    figures: Figures
    meters: Mapping[str, RoleMeters]
    now_ns: int
    instruments: Mapping[int, Instrument]
    books: Mapping[int, Any]
    feeds: Mapping[int, str]  # by instrument: the feed that publishes its book
    gates: Mapping[str, Any]  # by execution
    sessions: Mapping[str, Any]  # by execution
    halts: tuple[Any, ...]  # the scopes that are halted, of every execution
    mode: Any
    halt: Any
    supervision: Any

    @classmethod
    def of(cls, config: Config, figures: Figures, meters: Mapping[str, RoleMeters], now_ns: int) -> "Scene":
        """Read the cells."""
        cells = figures.cells
        tops = figures.owned_cells("book_tops")
        scopes = [row for row in cells("scope_halts") if row.since_ns]
        return cls(
            config, figures, meters, now_ns, figures.instruments(),
            {row.instrument: row for _, row in tops}, {row.instrument: role for role, row in tops},
            {role: row for role in config.execution_names if (row := figures.gate(role)) is not None},
            dict(figures.owned_cells("sessions")),
            (*scopes, *(row for row in cells("instrument_halts") if row.reason)),
            next(iter(cells("mode")), None), next(iter(cells("halt")), None), next(iter(cells("supervision")), None),
        )  # fmt: skip

    def symbol(self, number: int) -> str:
        """An instrument's name in labels."""
        found = self.instruments.get(number)
        return found.symbol if found is not None else str(number)

    def venue(self, number: int) -> str:
        """An instrument's venue in labels."""
        found = self.instruments.get(number)
        return found.venue if found is not None else ""

    def is_up(self, role: str) -> bool:
        """Whether the role runs, its process lives and its heartbeat is fresh: else its cells are no longer true."""
        one = self.figures.roles.get(role)
        return one is not None and one.works(LATE_NS)

    @property
    def trades(self) -> bool:
        """Whether executions run: not in a replay, and not without a strategy."""
        return any(role in self.config.role_names for role in self.config.execution_names)

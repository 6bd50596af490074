"""The tables [router] and [budgets] in the router's terms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.config.settings import set_router
from engine.config.tables import Budgets, Router

MS = MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class RouterOptions:
    """Times in nanoseconds."""

    latency_bps_per_ms: float
    first_ack_ns: int
    child_ttl_ns: int
    book_age_ns: int
    silent_ns: int
    refused_ns: int
    wave_ns: int
    deadline_ns: int

    @classmethod
    def of(cls, table: Router) -> "RouterOptions":
        """The options of a table."""
        return cls(
            table.latency_bps_per_ms, table.ack_first_ms * MS, table.child_ttl_ms * MS, table.book_age_ms * MS,
            table.silent_ms * MS, table.refused_ms * MS, table.wave_ms * MS, table.deadline_ms * MS,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tables:
    """Both tables as the file has them."""

    router: Router
    budgets: Budgets | None = None

    def read(self, values: Mapping[str, Any]) -> tuple[RouterOptions, int]:
        """The options and the cap (0: none) with what an operator has set; ValueError for a wrong value."""
        router, budgets = set_router(self.router, self.budgets, values)
        return RouterOptions.of(router), cap_of(budgets)


def cap_of(budgets: Budgets | None) -> int:
    """The cap of all accounts, in millionths of a dollar; 0: there is none."""
    return 0 if budgets is None else int(budgets.max_gross_usd * MICRO)

"""The table [router] in the router's terms."""

from dataclasses import dataclass

from engine.config.tables import Router

MS = 1_000_000


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

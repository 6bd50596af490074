"""One reading of the system: the metrics in Prometheus' text, and the health checks."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from prometheus_client.core import Metric
from prometheus_client.exposition import generate_latest

OLD_NS = 2_000_000_000  # a reading that is older says nothing about the system


class Check(NamedTuple):
    """One condition. What cannot be read is not known, and what is not known is unhealthy."""

    name: str
    healthy: bool
    found: str
    expected: str
    ready_only: bool = False  # it decides whether the system may trade, not whether it lives


class _Metrics:
    """What `generate_latest` takes in place of a registry."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


@dataclass(frozen=True)
class Exposition:
    """A reading. `at_ns` is CLOCK_MONOTONIC."""

    at_ns: int
    metrics: Sequence[Metric]
    checks: Sequence[Check]

    @cached_property
    def text(self) -> bytes:
        """The metrics in Prometheus' text format; made at the first request for it."""
        return generate_latest(_Metrics(self.metrics))

    @property
    def fresh(self) -> Check:
        """Whether the reading is young enough to say something."""
        age_ns = time.monotonic_ns() - self.at_ns
        return Check("reading", age_ns < OLD_NS, f"{age_ns / 1e9:.1f} s old", f"younger than {OLD_NS // 10**9} s")

    @property
    def fault(self) -> str:
        """Why the metrics must not be scraped; "" when they may be. An old or empty page raises no alert."""
        if not self.fresh.healthy:
            return f"the reading is {self.fresh.found}, expected {self.fresh.expected}"
        return "" if self.metrics else "; ".join(f"{one.name}: {one.found}" for one in self.checks)

    def checked(self, *, ready: bool) -> list[Check]:
        """Every check of `/readyz`, or those of `/healthz`; a reading that is old is a check that fails."""
        return [self.fresh, *(check for check in self.checks if ready or not check.ready_only)]

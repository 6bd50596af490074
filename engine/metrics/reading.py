"""Takes a reading: every section of metrics, and the health checks, from the lanes of one system."""

import time
from collections.abc import Iterator
from typing import Protocol

from prometheus_client.core import Metric

import shm
from engine.config import Config
from engine.metrics import health, machine, meters, system, trading
from engine.metrics.exposition import Check, Exposition
from engine.metrics.families import counter
from engine.metrics.scene import Scene
from engine.monitor.figures import Figures
from engine.monitor.meters import MeterReaders


class Pushed(Protocol):
    """What was sent to a collector in this life of the role."""

    sent: int
    failed: int


class Reading:
    """Reads one system, again and again. `errors` counts the readings in which a lane could not be read."""

    def __init__(self, config: Config, pushed: Pushed | None = None) -> None:
        """Begin with a system whose lanes may not exist yet; `pushed` counts what was sent to a collector."""
        self.config, self.errors, self._pushed = config, 0, pushed
        self._figures, self._meters = Figures(config.system.name), MeterReaders(config.system.name)
        self._host = machine.Machine(config)

    def read(self, now_ns: int) -> Exposition:
        """Everything that is exported. A lane that cannot be read makes the reading unhealthy, and ends no process."""
        at_ns = time.monotonic_ns()
        try:
            self._figures.poll()
            scene = Scene.of(self.config, self._figures, self._meters.read(), now_ns)
            return Exposition(at_ns, list(self._sections(scene)), health.checks_of(scene))
        except (shm.SegmentError, OSError) as error:
            self.errors += 1
            return Exposition(at_ns, [], [Check("lanes", False, str(error), "every lane can be read")])

    def _sections(self, scene: Scene) -> Iterator[Metric]:
        yield from system.metrics_of(scene)
        yield from trading.metrics_of(scene)
        yield from meters.metrics_of(scene)
        yield from self._host.metrics_of(scene)
        if self._pushed is not None:
            yield counter("otlp_pushes", "Readings that the collector accepted.", self._pushed.sent)
            yield counter("otlp_failures", "Readings that the collector did not accept.", self._pushed.failed)

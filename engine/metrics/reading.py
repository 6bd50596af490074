"""Takes a reading: every section of metrics, and the health checks, from the lanes of one system."""

import time
from collections.abc import Iterator

from prometheus_client.core import Metric

import shm
from engine.config import Config
from engine.metrics import health, machine, meters, system, trading
from engine.metrics.exposition import Check, Exposition
from engine.metrics.scene import Scene
from engine.monitor.figures import Figures
from engine.monitor.meters import MeterReaders


class Reading:
    """Reads one system, again and again. `errors` counts the readings in which a lane could not be read."""

    def __init__(self, config: Config) -> None:
        """Begin with a system whose lanes may not exist yet."""
        self.config, self.errors = config, 0
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

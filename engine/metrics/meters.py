"""The meters of every role (engine/meters/table.py) as metrics: one histogram of all hops, counters by name."""

from collections.abc import Iterator

import numpy as np
from prometheus_client.core import HistogramMetricFamily, Metric

from engine.meters.table import COUNTERS, GAUGES, HOPS, USAGE
from engine.metrics.families import PREFIX, Sample, counter, gauge
from engine.metrics.scene import Scene
from engine.monitor.meters import MIDDLES

NS = 1e9
BOUNDS_NS = [step * 10**power for power in range(2, 11) for step in (1, 2.5, 5)]  # 100 ns to 50 s
ENDS = [int(np.searchsorted(MIDDLES, bound, side="right")) for bound in BOUNDS_NS]


def metrics_of(scene: Scene) -> Iterator[Metric]:
    """The section."""
    hops = HistogramMetricFamily(
        f"{PREFIX}hop_seconds", f"How long each hop takes: {' '.join(f'{one.name}: {one.help}' for one in HOPS)}"
    )
    for role, meters in scene.meters.items():
        for name, found in meters.histograms():
            up_to = np.concatenate(([0], np.cumsum(found.buckets)))
            labels = {"role": role, "hop": name}
            for bound, end in zip(BOUNDS_NS, ENDS, strict=True):
                hops.add_sample(f"{hops.name}_bucket", {**labels, "le": str(bound / NS)}, float(up_to[end]))
            hops.add_sample(f"{hops.name}_bucket", {**labels, "le": "+Inf"}, float(up_to[-1]))
            hops.add_sample(f"{hops.name}_count", labels, float(up_to[-1]))
            hops.add_sample(f"{hops.name}_sum", labels, found.sum_ns / NS)
    yield hops
    for one in COUNTERS:
        yield counter(one.name, one.help, list(_values(scene, one.name, one.label)))
    for one in USAGE:
        unit = NS if one.name.endswith("_ns") else 1
        name = one.name.replace("_ns", "_seconds")
        yield counter(f"role_{name}", one.help, [(labels, value / unit) for labels, value in _values(scene, one.name)])
    for one in GAUGES:
        yield gauge(f"role_{one.name}", one.help, list(_values(scene, one.name)))


def _values(scene: Scene, name: str, label: str = "") -> Iterator[Sample]:
    """A meter of each role; with a label, its values that are not 0."""
    for role, meters in scene.meters.items():
        if label:
            yield from (({"role": role, label: value}, count) for value, count in meters.labelled(name).items())
        else:
            yield {"role": role}, meters.count(name)

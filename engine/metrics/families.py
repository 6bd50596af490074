"""Makes metrics: a name under `steelyard_`, its help, and its samples with their labels."""

from collections.abc import Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

PREFIX = "steelyard_"
Sample = tuple[Mapping[str, str], float]


def gauge(name: str, text: str, samples: Iterable[Sample] | float) -> Metric:
    """A value that rises and falls. A number alone is a sample without labels; NaN is no sample."""
    return _filled(GaugeMetricFamily(PREFIX + name, text), name, samples)


def counter(name: str, text: str, samples: Iterable[Sample] | float) -> Metric:
    """A value that only rises, and begins again at 0 when its lanes are created again; its samples end in `_total`."""
    return _filled(CounterMetricFamily(PREFIX + name, text), f"{name}_total", samples)


def _filled(metric: Metric, name: str, samples: Iterable[Sample] | float) -> Metric:
    found = [({}, samples)] if isinstance(samples, int | float) else samples
    for labels, value in found:
        if value == value:  # noqa: PLR0124 - NaN is no sample
            metric.add_sample(PREFIX + name, dict(labels), float(value))
    return metric

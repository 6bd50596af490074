"""A reading as an OTLP request: the same metrics and labels that `/metrics` shows.

    counter      a cumulative, monotonic sum        `steelyard_orders_total` is `steelyard_orders` there
    gauge        a gauge
    histogram    a cumulative histogram with the bounds of its `le` labels

A series begins at the time of its first reading in this process. Where a counter falls, its lanes were created again:
the series then begins anew at that reading, so a collector computes no negative rate.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from prometheus_client.core import Metric as Family
from prometheus_client.samples import Sample

PATH = "/v1/metrics"
CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE


class Starts:
    """When each series began."""

    def __init__(self) -> None:
        """Know no series yet."""
        self._known: dict[tuple[object, ...], tuple[int, float]] = {}

    def of(self, name: str, labels: Mapping[str, str], value: float, now_ns: int) -> int:
        """The begin of a series with this value now; now, where it is new or its value has fallen."""
        key = (name, *sorted(labels.items()))
        begin_ns, before = self._known.get(key, (now_ns, value))
        if value < before:
            begin_ns = now_ns
        self._known[key] = begin_ns, value
        return begin_ns


def request_of(system: str, families: Iterable[Family], now_ns: int, starts: Starts) -> ExportMetricsServiceRequest:
    """All metrics of one reading."""
    resource = Resource(attributes=_attributes({"service.name": "steelyard", "steelyard.system": system}))
    metrics = [_metric(one, now_ns, starts) for one in families if one.samples]
    scope = ScopeMetrics(scope=InstrumentationScope(name="steelyard"), metrics=metrics)
    return ExportMetricsServiceRequest(resource_metrics=[ResourceMetrics(resource=resource, scope_metrics=[scope])])


def rejected_by(body: bytes) -> str:
    """What a collector says that it has not kept, though it answered 200; "": nothing."""
    try:
        found = ExportMetricsServiceResponse.FromString(body).partial_success
    except Exception as error:  # noqa: BLE001 - protobuf raises classes of its own; the body is the collector's
        return f"the request with an answer that is no OTLP: {error}"
    return f"{found.rejected_data_points} points: {found.error_message}" if found.rejected_data_points else ""


def _metric(family: Family, now_ns: int, starts: Starts) -> Metric:
    if family.type == "histogram":
        points = list(_histograms(family, now_ns, starts))
        data = {"histogram": Histogram(data_points=points, aggregation_temporality=CUMULATIVE)}
    elif family.type == "counter":
        numbers = [_number(one, now_ns, starts) for one in family.samples]
        data = {"sum": Sum(data_points=numbers, aggregation_temporality=CUMULATIVE, is_monotonic=True)}
    else:
        assert family.type == "gauge", family.type
        data = {"gauge": Gauge(data_points=[_number(one, now_ns, None) for one in family.samples])}
    return Metric(name=family.name, description=family.documentation, unit="1", **data)


def _number(sample: Sample, now_ns: int, starts: Starts | None) -> NumberDataPoint:
    begin_ns = starts.of(sample.name, sample.labels, sample.value, now_ns) if starts is not None else 0
    return NumberDataPoint(
        attributes=_attributes(sample.labels), start_time_unix_nano=begin_ns, time_unix_nano=now_ns,
        as_double=sample.value,
    )  # fmt: skip


def _histograms(family: Family, now_ns: int, starts: Starts) -> Iterator[HistogramDataPoint]:
    """One point for each set of labels; the buckets of Prometheus are cumulative, those of OTLP are not."""
    series: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
    for one in family.samples:
        of_series = tuple(sorted((name, value) for name, value in one.labels.items() if name != "le"))
        series.setdefault(of_series, []).append(one)
    for of_series, samples in series.items():
        labels = dict(of_series)
        buckets = [(float(one.labels["le"]), int(one.value)) for one in samples if one.name.endswith("_bucket")]
        total = next(one.value for one in samples if one.name.endswith("_sum"))
        counts = [0, *(count for _, count in sorted(buckets))]
        yield HistogramDataPoint(
            attributes=_attributes(labels), time_unix_nano=now_ns, count=counts[-1], sum=total,
            start_time_unix_nano=starts.of(family.name, labels, counts[-1], now_ns),
            bucket_counts=[after - before for before, after in pairwise(counts)],
            explicit_bounds=[bound for bound, _ in sorted(buckets)][:-1],
        )  # fmt: skip


def _attributes(labels: Mapping[str, str]) -> Sequence[KeyValue]:
    return [KeyValue(key=name, value=AnyValue(string_value=value)) for name, value in labels.items()]

"""Metrics pushed by OTLP: what arrives equals `/metrics`, and an endpoint that fails costs no memory and no step."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from engine.config.tables import Metrics, Otlp
from engine.metrics import check_table
from engine.metrics.exposition import Check, Exposition
from engine.metrics.families import counter, gauge
from tests.engine.floor import Floor, until
from tests.engine.metrics.test_metrics_system import fetch, url_of

metrics_pb2 = pytest.importorskip("opentelemetry.proto.collector.metrics.v1.metrics_service_pb2", reason="needs otlp")
from engine.metrics.otlp import Starts, rejected_by, request_of  # noqa: E402 - needs the extra
from engine.metrics.push import Pusher  # noqa: E402

NOW = 1_700_000_000_000_000_000


class Collector(ThreadingHTTPServer):
    """Keeps the requests; answers with `status`, `more` headers and `body`."""

    def __init__(self) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.status, self.more, self.body = 200, {}, b""
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        """Keep the request."""
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.headers.append(dict(self.headers))
        self.server.paths.append(self.path)
        self.server.requests.append(metrics_pb2.ExportMetricsServiceRequest.FromString(data))
        self.send_response(self.server.status)
        for name, value in self.server.more.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector on a free port."""
    made = Collector()
    yield made
    made.shutdown()
    made.server_close()


def reading(orders: float, age_ns: int = 0) -> Exposition:
    """A reading with one counter and one gauge."""
    metrics = [counter("orders", "Orders.", orders), gauge("halted", "Halted.", [({"execution": "a"}, 1.0)])]
    return Exposition(time.monotonic_ns() - age_ns, metrics, [Check("role feed", True, "running", "running")])


def values(request: Any) -> dict[str, float]:
    """The last point of each sum and gauge, by name."""
    found = {}
    for one in request.resource_metrics[0].scope_metrics[0].metrics:
        data = one.sum if one.HasField("sum") else one.gauge
        for point in data.data_points:
            found[one.name] = point.as_double
    return found


def test_what_a_collector_gets_is_what_prometheus_gets(floor: Callable[..., Floor], collector: Collector) -> None:
    """Two doors to one set of figures: they must never tell different stories."""
    table = f'\n[metrics]\nport = 0\nevery_ms = 100\n[metrics.otlp]\nurl = "{collector.url}"\nevery_ms = 500\n'
    house = floor(table + 'headers = { Authorization = "Bearer of-a-test" }\n')
    house.up()
    assert house.trades()
    assert house.type("halt") == 0
    assert until(lambda: not house.open_orders())
    count = len(collector.requests)
    until(lambda: len(collector.requests) >= count + 3)
    assert house.type("status") in (0, 1)
    text = fetch(url_of(house) + "/metrics")[1]
    request = collector.requests[-1]
    assert collector.headers[-1]["Authorization"] == "Bearer of-a-test"
    assert set(collector.paths) == {"/v1/metrics"}
    [resource] = request.resource_metrics
    attributes = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert attributes == {"service.name": "steelyard", "steelyard.system": house.system}
    shown = {line.partition("{")[0].partition(" ")[0] for line in text.splitlines() if not line.startswith("#")}
    pushed = {one.name: one for one in resource.scope_metrics[0].metrics}
    for name, one in pushed.items():
        if one.HasField("sum"):
            assert f"{name}_total" in shown, name
            assert one.sum.is_monotonic
            assert one.sum.aggregation_temporality == 2  # cumulative
            assert all(0 < p.start_time_unix_nano <= p.time_unix_nano for p in one.sum.data_points)
    families = {line.split()[2]: line.split()[3] for line in text.splitlines() if line.startswith("# TYPE")}
    assert {name.removesuffix("_total") for name, kind in families.items() if kind != "untyped"} == set(pushed)
    orders = sum(point.as_double for point in pushed["steelyard_orders"].sum.data_points)  # nothing moves any more
    assert orders == sum(
        float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith("steelyard_orders_total")
    )
    hops = pushed["steelyard_hop_seconds"].histogram.data_points
    gates = [one for one in hops if "gate" in {label.value.string_value for label in one.attributes}]
    [line] = [one for one in text.splitlines() if one.startswith("steelyard_hop_seconds_count") and 'hop="gate"' in one]
    assert gates[0].count == float(line.rpartition(" ")[2])
    assert sum(gates[0].bucket_counts) == gates[0].count
    assert len(gates[0].bucket_counts) == len(gates[0].explicit_bounds) + 1
    assert house.type("down", "--timeout", "60") == 0


def test_a_counter_that_falls_begins_a_new_series() -> None:
    """A negative rate after `down` and `up` would raise every alert, or hide one."""
    starts, begins = Starts(), []
    for now, value in enumerate((3.0, 5.0, 1.0, 1.0, 4.0)):
        request = request_of("demo", [counter("orders", "Orders.", value)], NOW + now, starts)
        [point] = request.resource_metrics[0].scope_metrics[0].metrics[0].sum.data_points
        assert point.as_double == value
        begins.append(point.start_time_unix_nano - NOW)
    assert begins == [0, 0, 2, 2, 2]


def test_the_newest_reading_arrives_after_a_failure_and_nothing_is_queued(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An endpoint that is away for an hour must cost no memory, and get the present when it is back."""
    monkeypatch.setattr("engine.metrics.push.PAUSE_S", 0.01)
    monkeypatch.setattr("engine.metrics.push.PAUSE_MOST_S", 0.02)
    collector.status, collector.body = 503, b"maintenance"
    pusher = Pusher("demo", collector.url, {}, 0.01)
    try:
        pusher.offer(reading(1))
        until(lambda: pusher.failed == 1)
        assert "answered 503: maintenance" in pusher.error
        for number in range(2, 2_000):
            pusher.offer(reading(number))
        collector.status, collector.body = 200, b""
        until(lambda: pusher.sent)
        assert pusher.error == ""
        until(lambda: values(collector.requests[-1]).get("steelyard_orders") == 1_999)
        assert len(collector.requests) < 100
    finally:
        pusher.close()


def test_retry_after_is_obeyed(collector: Collector) -> None:
    """A collector that is overloaded and asked again at once stays overloaded."""
    collector.status, collector.more = 429, {"Retry-After": "3600"}
    pusher = Pusher("demo", collector.url, {}, 0.001)
    pusher.offer(reading(1))
    until(lambda: pusher.failed == 1)
    for number in range(50):
        pusher.offer(reading(number))
        until(lambda: pusher._newest is not None)
    assert len(collector.requests) == 1
    pusher.close()  # which does not wait for the hour


def test_an_endpoint_that_never_answers_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is accepted and then silent is the failure that hangs other programs."""
    monkeypatch.setattr("engine.metrics.push.LIMIT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        pusher = Pusher("demo", f"http://127.0.0.1:{silent.getsockname()[1]}", {}, 0.01)
        pusher.offer(reading(1))
        until(lambda: pusher.failed == 1)
        assert "http://127.0.0.1:" in pusher.error
        pusher.close()


def test_an_old_or_empty_reading_is_not_pushed(collector: Collector) -> None:
    """The last words of a dead system must not arrive as the present."""
    pusher = Pusher("demo", collector.url, {}, 0.001)
    pusher.offer(reading(1, age_ns=10_000_000_000))
    pusher.offer(Exposition(time.monotonic_ns(), [], [Check("lanes", False, "gone", "there")]))
    until(lambda: pusher._newest is None)
    pusher.offer(reading(7))
    until(lambda: pusher.sent)
    assert [values(one)["steelyard_orders"] for one in collector.requests] == [7.0]
    pusher.close()


def test_what_a_collector_has_not_kept_is_a_failure(collector: Collector) -> None:
    """It answers 200, and the figures are not there."""
    partial = metrics_pb2.ExportMetricsServiceResponse()
    partial.partial_success.rejected_data_points = 3
    partial.partial_success.error_message = "too many series"
    collector.body = partial.SerializeToString()
    pusher = Pusher("demo", collector.url, {}, 0.001)
    pusher.offer(reading(1))
    until(lambda: pusher.failed)
    assert pusher.error.endswith("rejected 3 points: too many series")
    pusher.close()
    assert rejected_by(b"") == ""
    assert "no OTLP" in rejected_by(b"<html>")


@pytest.mark.parametrize(
    ("otlp", "text"),
    [
        ({"url": "nonsense"}, "metrics.otlp: the URL begins with no scheme"),
        ({"url": "ftp://host"}, "begins with ftp://"),
        ({"url": "http://host:port"}, "is no number"),
        ({"url": "http://host:4318/?key=1"}, "has a query"),
        ({"url": "http://collector.example", "headers": {"Authorization": "secret"}}, "readable on the way"),
        ({"url": "https://host", "headers": {"X Y": "1"}}, "header 'X Y' cannot be sent"),
        ({"url": "https://host", "headers": {"X": "a\nb"}}, "header 'X' cannot be sent"),
    ],
)
def test_a_wrong_table_is_refused_without_its_secret(otlp: dict[str, Any], text: str) -> None:
    """Before the system starts; the text of a header may be a key."""
    with pytest.raises(ValueError, match=text) as caught:
        check_table(Metrics(otlp=Otlp(**otlp)))
    assert "secret" not in str(caught.value)
    assert "?key" not in json.dumps(str(caught.value))

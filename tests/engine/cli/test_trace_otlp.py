"""`engine-ctl trace --otlp`: the spans that a collector receives are the stages that the command prints."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from engine.cli import FAILED
from tests.engine.cli.test_set_command import answers
from tests.engine.cli.test_trace_command import caused_by_data
from tests.engine.floor import Floor, until
from tests.engine.ports import free_port

proto = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2", reason="needs the extra otlp")
Capture = pytest.CaptureFixture[str]


class Collector(HTTPServer):
    """Accepts spans over OTLP/HTTP, or answers with an error."""

    def __init__(self) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[tuple[str, bytes]] = []
        self.status, self.text = 200, b""
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        """Keep the request."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, body))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.text)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector on a free port."""
    made = Collector()
    yield made
    made.shutdown()
    made.server_close()


@pytest.mark.timeout(240)
def test_the_spans_are_the_stages_and_the_same_order_is_the_same_trace(
    floor: Callable[..., Floor], capfd: Capture, collector: Collector
) -> None:
    """One tree: the order, below it each stage with a time of our clock. What the collector refuses is shown."""
    house = floor()
    house.up()
    client, _ = until(lambda: caused_by_data(house, capfd))
    assert house.type("halt") == 0
    assert until(lambda: not house.open_orders())  # nothing is added to the journey any more
    rows = answers(house, capfd, "trace", client)
    for url in (collector.url, f"{collector.url}/v1/traces"):
        assert house.type("trace", client, "--otlp", url) == 0
    (path, body), (again, _) = collector.received
    assert path == again == "/v1/traces"
    requests = [proto.ExportTraceServiceRequest.FromString(one) for _, one in collector.received]
    root, *stages = requests[0].resource_spans[0].scope_spans[0].spans
    timed = [row for row in rows if row["at_ns"] and not row["of_venue"]]
    assert len(stages) >= len(timed)
    assert {(row["stage"], row["at_ns"]) for row in timed} <= {(one.name, one.end_time_unix_nano) for one in stages}
    assert all(one.parent_span_id == root.span_id and one.trace_id == root.trace_id for one in stages)
    assert len({one.span_id for one in (root, *stages)}) == len(stages) + 1
    assert root.start_time_unix_nano == min(row["at_ns"] for row in timed)
    assert requests[0] == requests[1]
    assert len(body) > 100

    capfd.readouterr()
    collector.status, collector.text = 429, b"slow down"
    assert house.type("trace", client, "--otlp", collector.url) == FAILED
    assert "answered 429: slow down" in capfd.readouterr().err
    for url in (f"http://127.0.0.1:{free_port()}", "http://127.0.0.1:abc", "nonsense"):
        assert house.type("trace", client, "--otlp", url) == FAILED
        assert "expected an OTLP/HTTP collector" in capfd.readouterr().err

"""The HTTP side of the metrics over real sockets: what it answers, and the clients it must survive."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from engine.metrics import server as under_test
from engine.metrics.exposition import OLD_NS, Check, Exposition
from engine.metrics.families import counter, gauge
from engine.metrics.server import MOST, MetricsServer

GOOD = Check("role feed", True, "running", "running")
DEAD = Check("role feed", False, "unknown: it has no heartbeat", "running")
NO_BOOK = Check("book binance BTCUSDT", False, "stale", "good", ready_only=True)


def exposition(*checks: Check, age_ns: int = 0) -> Exposition:
    """A reading of this age."""
    metrics = [
        gauge(
            "halted",
            "1 where the execution sends no order.",
            [({"execution": "a"}, 1), ({"execution": "b"}, float("nan"))],
        )
    ]
    return Exposition(time.monotonic_ns() - age_ns, [*metrics, counter("orders", "Orders.", 3)], checks)


@pytest.fixture
def server() -> Iterator[MetricsServer]:
    """A server on a free port, with a reading."""
    made = MetricsServer("127.0.0.1", 0)
    made.serve(exposition(GOOD))
    yield made
    made.close()


def get(server: MetricsServer, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    """Request a path."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, body


def test_metrics_are_in_the_format_of_prometheus(server: MetricsServer) -> None:
    """NaN is no sample: a figure that is not known is absent."""
    status, text = get(server, "/metrics")
    assert status == 200
    assert 'steelyard_halted{execution="a"} 1.0' in text
    assert 'execution="b"' not in text
    assert "# TYPE steelyard_orders_total counter" in text
    assert "steelyard_orders_total 3.0" in text


@pytest.mark.parametrize(
    ("checks", "healthz", "readyz"),
    [((GOOD,), 200, 200), ((GOOD, NO_BOOK), 200, 503), ((DEAD,), 503, 503), ((DEAD, NO_BOOK), 503, 503)],
)
def test_health_is_what_the_checks_say(
    server: MetricsServer, checks: tuple[Check, ...], healthz: int, readyz: int
) -> None:
    """A balancer reads the status, a person reads the body."""
    server.serve(exposition(*checks))
    assert get(server, "/healthz")[0] == healthz
    status, body = get(server, "/readyz")
    assert status == readyz
    tree = json.loads(body)
    assert tree["ready"] == (readyz == 200)
    assert [one["name"] for one in tree["checks"]] == ["reading", *(check.name for check in checks)]


def test_an_old_reading_is_unhealthy_however_good_it_was(server: MetricsServer) -> None:
    """The role that reads may be stuck: its last good word must not be repeated."""
    server.serve(exposition(GOOD, age_ns=OLD_NS))
    status, body = get(server, "/healthz")
    assert status == 503
    assert not json.loads(body)["checks"][0]["healthy"]


def test_an_old_or_empty_reading_is_no_scrape(server: MetricsServer) -> None:
    """Prometheus must find the target down: gauges that stand still, or none at all, would raise no alert."""
    server.serve(exposition(GOOD, age_ns=OLD_NS))
    status, text = get(server, "/metrics")
    assert (status, "old" in text) == (503, True)
    server.serve(Exposition(time.monotonic_ns(), [], [Check("lanes", False, "feed.books: other schema", "readable")]))
    status, text = get(server, "/metrics")
    assert (status, "other schema" in text) == (503, True)


def test_before_the_first_reading_nothing_is_known() -> None:
    """What is not known is unhealthy."""
    made = MetricsServer("127.0.0.1", 0)
    assert [get(made, path)[0] for path in ("/metrics", "/healthz", "/readyz")] == [503, 503, 503]
    made.close()


def test_a_path_that_does_not_exist_names_those_that_do(server: MetricsServer) -> None:
    """A mistake in a scrape's configuration is found by reading the answer."""
    assert get(server, "/metric") == (404, "404 expected one of /metrics, /healthz, /readyz\n")
    assert get(server, "/metrics?x=1")[0] == 200
    assert get(server, "/healthz", "HEAD") == (200, "")
    assert get(server, "/healthz", "POST")[0] == 501


def test_with_a_token_each_request_needs_it() -> None:
    """Positions and profit are no one else's business."""
    made = MetricsServer("127.0.0.1", 0, "s3cret")
    made.serve(exposition(GOOD))
    assert [get(made, path)[0] for path in ("/metrics", "/healthz", "/readyz")] == [401, 401, 401]
    assert get(made, "/metrics", Authorization="Bearer wrong")[0] == 401
    assert get(made, "/metrics", Authorization="Bearer é".encode().decode("latin-1"))[0] == 401
    assert get(made, "/metrics", Authorization="Bearer s3cret")[0] == 200
    assert "s3cret" not in get(made, "/metrics")[1]
    made.close()


def test_a_port_in_use_is_an_error_that_names_it(server: MetricsServer) -> None:
    """At the start, with what to do, instead of a page that never answers."""
    with pytest.raises(OSError, match=rf"port {server.port}: .*choose another port in \[metrics\]"):
        MetricsServer("127.0.0.1", server.port)


def test_clients_that_send_nothing_or_half_a_request_are_closed(
    server: MetricsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as there are places, and more: the next scrape is answered."""
    monkeypatch.setattr(under_test, "TIMEOUT_S", 0.3)
    monkeypatch.setattr(under_test._Handler, "timeout", 0.3)
    rude = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(2 * MOST)]
    for one in rude[::2]:
        one.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    assert get(server, "/metrics")[0] == 200
    for one in rude:
        one.settimeout(30)
        while one.recv(4096):  # an answer to half a request may come before the end
            pass
        one.close()


def test_a_probe_is_answered_at_once_however_many_clients_are_silent(
    server: MetricsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A balancer takes a system for dead while others hold its places. Here no silent client would ever time out."""
    monkeypatch.setattr(under_test, "TIMEOUT_S", 3_600.0)
    monkeypatch.setattr(under_test._Handler, "timeout", 3_600.0)
    silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
    assert [get(server, "/healthz")[0] for _ in range(20)] == [200] * 20
    silent[-1].sendall(b"GET /healthz HTTP/1.0\r\n\r\n")  # it came late enough to have kept its place
    silent[-1].settimeout(30)
    assert silent[-1].recv(12).startswith(b"HTTP/1.0 200")
    for one in silent:
        one.close()


def test_a_client_that_sends_a_byte_now_and_then_is_closed_too(
    server: MetricsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte restarts the time limit of a read; the limit of the whole request does not start again."""
    monkeypatch.setattr(under_test, "TIMEOUT_S", 0.3)
    stop = threading.Event()
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as slow:
        slow.sendall(b"GET /metrics HTTP/1.1\r\nX: ")

        def drip() -> None:
            while not stop.wait(0.05):
                try:
                    slow.sendall(b"x")
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            while slow.recv(4096):
                pass
        except ConnectionError:
            pass
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\r\n\r\n", b"GET\r\n\r\n", b"GET /metrics\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", b"GET /metrics HTTP/9.9\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 500 + b"\r\n", b"GET /../../etc/passwd HTTP/1.1\r\n\r\n",
    ],
)  # fmt: skip
def test_a_request_that_is_none_hurts_no_other(server: MetricsServer, request_bytes: bytes) -> None:
    """Port scanners find every port."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as rude:
        rude.sendall(request_bytes)
        rude.shutdown(socket.SHUT_WR)
        try:
            while answer := rude.recv(65536):
                assert b"root:" not in answer
                assert b"Traceback" not in answer
        except ConnectionError:
            pass
    assert get(server, "/metrics")[0] == 200


def test_many_scrapes_at_once_are_all_answered(server: MetricsServer) -> None:
    """More than there are places: they wait, and none is lost."""
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(get(server, "/metrics")[0])) for _ in range(4 * MOST)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert found == [200] * (4 * MOST)

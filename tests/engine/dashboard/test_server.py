"""The web server alone: whom it answers, what it refuses, and what a client that stops reading costs."""

import asyncio
import http.client
import itertools
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import websocket

from engine.control import ControlServer, Request
from engine.dashboard.frames import HEAD, FrameKind, SectionKind, encode
from engine.dashboard.hub import BYTES, DELTAS, Hub
from engine.dashboard.server import AHEAD, EVERY, SHOWN, SHOWN_EACH, DashboardServer, Flow
from tests.engine.floor import until

TOKEN = "a-token-of-this-test"  # noqa: S105 - no secret


@contextmanager
def serving(control: Path, token: str = "", rights: str = "trade") -> Iterator[tuple[DashboardServer, Hub]]:
    """A server at a free port, with nothing behind it but a control socket's path."""
    hub = Hub()
    server = DashboardServer(hub, "127.0.0.1", 0, token, control, rights)
    try:
        yield server, hub
    finally:
        server.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[DashboardServer]:
    """Without a token."""
    with serving(tmp_path / "control.sock") as (made, _):
        yield made


def get(server: DashboardServer, path: str = "/", **headers: str) -> http.client.HTTPResponse:
    """One request."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    return connection.getresponse()


def stream(server: DashboardServer, **options: Any) -> websocket.WebSocket:
    """A WebSocket as the page opens it."""
    place = f"127.0.0.1:{server.port}"
    return websocket.create_connection(f"ws://{place}/stream", timeout=20, **{"origin": f"http://{place}"} | options)


def test_the_page_is_small_and_may_load_nothing_from_elsewhere(server: DashboardServer) -> None:
    """A page that a browser lets fetch from elsewhere can send what it shows there."""
    answer = get(server)
    assert answer.status == 200
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    names = ["", "main.js", "core/connection.js", "panels/chart.js", "style/base.css", "vendor/uPlot.iife.min.js"]
    assert [get(server, f"/{name}").status for name in names] == [200] * len(names)
    assert sum(len(body) for _, body in server.files.values()) < 200_000
    assert get(server, "/../__init__.py").status == 404


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1:1", ""])
def test_a_foreign_host_is_refused(server: DashboardServer, host: str) -> None:
    """A name that an attacker points at this address would make his script one of this page."""
    assert get(server, Host=host.format(port=server.port)).status in (400, 403)


@pytest.mark.parametrize(
    ("address", "hosts", "host", "status"),
    [
        ("127.0.0.1", (), "evil.example:{port}", 403),
        (EVERY[0], (), "evil.example:{port}", 403),
        (EVERY[0], (), "192.0.2.7:{port}", 200),
        ("127.0.0.1", (), "192.0.2.7:{port}", 403),
        ("127.0.0.1", ("desk.example:8443",), "Desk.example:8443", 200),
        ("127.0.0.1", ("desk.example:8443",), "desk.example:{port}", 403),
    ],
)
def test_a_token_makes_no_foreign_host_ours(
    tmp_path: Path, address: str, hosts: tuple[str, ...], host: str, status: int
) -> None:
    """A browser that has the cookie sends it to any name that an attacker points here."""
    server = DashboardServer(Hub(), address, 0, TOKEN, tmp_path / "control.sock", "look", hosts)
    try:
        assert get(server, f"/?token={TOKEN}", Host=host.format(port=server.port)).status == status
    finally:
        server.close()


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", None])
def test_another_sites_script_cannot_connect(server: DashboardServer, origin: str | None) -> None:
    """A browser sends a WebSocket from any site to this machine; only its Origin tells."""
    options: dict[str, Any] = {"suppress_origin": True} if origin is None else {"origin": origin}
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        stream(server, **options)


def test_with_a_token_nothing_is_answered_without_it(tmp_path: Path) -> None:
    """Where other machines reach the address, the token is the only wall."""
    with serving(tmp_path / "control.sock", TOKEN) as (server, _):
        assert get(server).status == 401
        assert get(server, "/?token=wrong").status == 401
        with pytest.raises(websocket.WebSocketBadStatusException, match="401"):
            stream(server)
        answer = get(server, f"/?token={TOKEN}")
        assert answer.status == 200
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert get(server, Cookie=cookie.partition(";")[0]).status == 200
        stream(server, cookie=cookie.partition(";")[0]).close()


@pytest.mark.parametrize(("text", "expected"), [
    ("rubbish", "expected a JSON object"), ("[]", "expected a JSON object"), ('{"id": 1}', "unknown command"),
    ('{"id": 1, "command": ["halt"]}', "unknown command"), ('{"id": 1, "command": "kill"}', "unknown command"),
    ('{"id": 1, "command": "flatten"}', "not confirmed"),
    ('{"id": 1, "command": "resume", "confirm": "yes"}', "not confirmed"),
    ('{"id": 1, "command": "cancel", "order": "x"}', "number of an intent"),
    ('{"id": 1, "command": "set", "strategy": "maker"}', "expected strategy, name and value"),
    ('{"id": 1, "command": "halt"}', "engine-ctl halt, which needs no supervisor"),
])  # fmt: skip
def test_a_wrong_command_gets_a_clear_answer(server: DashboardServer, text: str, expected: str) -> None:
    """And the connection goes on: the last one is right, and finds no supervisor."""
    with closing(stream(server)) as socket:
        socket.send(text)
        answer = json.loads(socket.recv())
    assert not answer["ok"]
    assert expected in answer["text"]


def test_a_message_that_is_too_long_or_binary_ends_its_connection_alone(server: DashboardServer) -> None:
    """A client that floods is closed; the next one is served."""
    for message, opcode in ((b"x" * 100_000, websocket.ABNF.OPCODE_TEXT), (b"0", websocket.ABNF.OPCODE_BINARY)):
        with closing(stream(server)) as socket:
            socket.send(message, opcode)
            assert _is_closed(socket)
    stream(server).close()


def _is_closed(socket: websocket.WebSocket) -> bool:
    with suppress(OSError, websocket.WebSocketException):
        return socket.recv() in ("", b"")
    return True


@pytest.mark.parametrize(("rights", "done"), [("look", False), ("halt", True), ("trade", True)])
def test_a_viewer_cannot_halt(tmp_path: Path, rights: str, done: bool) -> None:
    """The rights of the file are the most that any page may do."""
    asked: list[str] = []

    def halt(request: Request) -> dict[str, bool]:
        asked.append(request.command)
        return {"halted": True}

    control = ControlServer(tmp_path / "control.sock", {"halt": halt}, lambda *_: None)
    with serving(tmp_path / "control.sock", rights=rights) as (server, _), closing(stream(server)) as socket:
        socket.send('{"id": 3, "command": "halt"}')
        answer = json.loads(_received(socket, control.step))
    control.close()
    assert (answer["id"], answer["ok"], asked) == (3, done, ["halt"] if done else [])


def _received(socket: websocket.WebSocket, step: Callable[[], int]) -> str:
    """What a socket receives while a server is stepped."""
    socket.settimeout(0.01)

    def receive() -> str:
        step()
        with suppress(websocket.WebSocketTimeoutException):
            return str(socket.recv())
        return ""

    return str(until(receive))


def test_a_client_that_stops_reading_gets_a_fresh_snapshot_and_costs_no_memory(tmp_path: Path) -> None:
    """Frames that are queued for a slow client show it the past, and fill the memory of a machine that trades."""
    payload, count, numbers = bytes(200_000), 400, itertools.count(1)
    with serving(tmp_path / "control.sock") as (server, hub), closing(stream(server)) as socket:

        def publish(number: int) -> None:
            snapshot = encode(FrameKind.SNAPSHOT, number, 1, []) if hub.snapshot_wanted else None
            hub.publish(number, encode(FrameKind.DELTA, number, 1, [(SectionKind.BOOKS, payload)]), snapshot)

        def receive() -> int:
            """The kind of the next message; publish a snapshot when the server asks for one, as the role does."""
            with suppress(websocket.WebSocketTimeoutException):
                message = socket.recv()
                assert isinstance(message, bytes)
                return int(HEAD.unpack_from(message)[0])
            if hub.snapshot_wanted:
                publish(next(numbers))
            return 0

        socket.settimeout(0.01)
        assert until(receive) == FrameKind.SNAPSHOT
        for _ in range(count):  # 80 MB, of which the client reads nothing
            publish(next(numbers))
            assert hub.kept_bytes <= BYTES
        received = 1
        while until(receive) != FrameKind.SNAPSHOT:
            received += 1
            if received % SHOWN_EACH == 0:
                socket.send(SHOWN)
    assert received <= AHEAD


@pytest.mark.parametrize(("sent", "waits"), [(AHEAD - 1, False), (AHEAD, True)])
def test_no_message_is_sent_beyond_those_that_may_be_unconfirmed(sent: int, waits: bool) -> None:
    """docs/dashboard.md promises the number; a page sizes nothing by it, but a slow one sees the past for as long."""

    async def room_waits() -> bool:
        flow = Flow()
        flow.sent = sent
        try:
            async with asyncio.timeout(0):
                await flow.room()
        except TimeoutError:
            return True
        return False

    assert asyncio.run(room_waits()) == waits


def test_a_client_that_misses_a_few_frames_gets_exactly_these() -> None:
    """A hiccup of a network must not cost a whole snapshot."""
    hub = Hub()
    assert hub.fetch(0) == (0, b"")
    assert hub.snapshot_wanted
    hub.publish(1, b"d1", b"s1")
    assert hub.fetch(0) == (1, b"s1")
    for number in (2, 3, 4):
        hub.publish(number, f"d{number}".encode(), None)
    assert hub.fetch(1) == (4, b"d2d3d4")
    assert hub.fetch(4) == (4, b"")
    for number in range(5, 5 + DELTAS):
        hub.publish(number, b"d", None)
    assert hub.fetch(4)[1] == b"d" * DELTAS
    hub.publish(5 + DELTAS, b"d", None)
    assert hub.fetch(4) == (4, b"")
    assert hub.snapshot_wanted


def test_frames_go_on_while_the_supervisor_is_silent(tmp_path: Path) -> None:
    """A halt that waits for its answer must not freeze the page that the operator looks at."""
    control = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as silent, serving(control) as (server, hub):
        silent.bind(str(control))
        silent.listen()
        hub.publish(1, b"first   ", b"snapshot")
        page = stream(server)
        page.send(json.dumps({"id": 1, "command": "halt"}))
        accepted, _ = silent.accept()  # and never answers
        for number in range(2, 40):
            hub.publish(number, b"frame%03d" % number, None)
            while not bytes(page.recv()).endswith(b"frame%03d" % number):
                page.send("shown")
            page.send("shown")
        accepted.close()
        page.close()

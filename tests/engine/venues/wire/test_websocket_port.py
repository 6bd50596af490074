"""The WebSocket port over real sockets: what a venue's connection does on its good and its bad days."""

import socket
import threading
from pathlib import Path

import pytest

from engine import clock
from engine.venues.port import PortState
from engine.venues.wire import Proxy, Waiter, WebSocketPort, WireOptions
from engine.venues.wire.frames import CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload
from tests.engine.venues.wire.peers import PATIENCE, Peer, poll_until, receive


def opened(url: str, options: WireOptions | None = None) -> WebSocketPort:
    """A port that is open."""
    port = WebSocketPort(url, options)
    poll_until(port, lambda: port.state is not PortState.CONNECTING)
    assert port.state is PortState.OPEN, port.error
    return port


@pytest.fixture(params=["plain", "tls"])
def port(request: pytest.FixtureRequest, certificate: tuple[Path, Path]) -> WebSocketPort:
    """A port open to the `websockets` server, without and with TLS."""
    number = request.getfixturevalue(f"{request.param}_server")
    scheme = "wss" if request.param == "tls" else "ws"
    return opened(f"{scheme}://localhost:{number}/stream?x=1", WireOptions(ca_file=str(certificate[0])))


def test_messages_come_back_in_order_with_the_time_of_their_read(port: WebSocketPort) -> None:
    """The ordinary day."""
    before_ns = clock.now_ns()
    for number in range(50):
        assert port.send(b"message %d" % number)
    assert receive(port, 50) == [b"message %d" % number for number in range(50)]
    assert before_ns <= port.receive_ns <= clock.now_ns()
    port.close()
    assert port.state is PortState.CLOSED
    assert port.fileno() == -1


def test_a_message_of_five_megabytes_comes_whole(port: WebSocketPort) -> None:
    """Coinbase's snapshot needs many reads and must arrive as one message."""
    port.send(b"big")
    assert receive(port, 1) == [b"x" * 5_000_000]
    port.send(b"after")
    assert receive(port, 1) == [b"after"]
    port.close()


def test_a_ping_is_answered_with_its_own_payload(port: WebSocketPort) -> None:
    """Binance drops a client that answers with another payload; the server only goes on when it receives the same."""
    port.send(b"ping")
    assert receive(port, 1) == [b"the pong was the same"]
    assert port.send_ping(b"here?")
    poll_until(port, lambda: port.last_pong == b"here?")
    port.close()


def test_a_close_by_the_server_is_a_state_with_its_words(port: WebSocketPort) -> None:
    """The role reads why, and makes another."""
    port.send(b"bye")
    poll_until(port, lambda: port.state is PortState.CLOSED)
    assert port.error == "closed by the peer: 1001 going away"
    assert not port.send(b"late")
    assert port.poll(0) == []


def test_a_look_distinguishes_quiet_from_everything_else(port: WebSocketPort) -> None:
    """A role that sees no change does nothing: a message, a pong or the end must not look quiet."""
    assert port.poll_if_changed(0) is None
    port.send(b"echo")
    assert first_news(port) == [b"echo"]
    assert port.poll_if_changed(0) is None
    before_ns = port.receive_ns
    port.send_ping(b"here?")
    assert first_news(port) == []
    assert port.last_pong == b"here?"
    assert port.receive_ns > before_ns
    port.send(b"bye")
    assert first_news(port) == []
    assert port.state is PortState.CLOSED
    assert port.poll_if_changed(0) == []


def first_news(port: WebSocketPort) -> list[bytes]:
    """The first look that is not quiet."""
    waiter = Waiter([port])
    for _ in range(PATIENCE):
        found = port.poll_if_changed(0)
        if found is not None:
            waiter.close()
            return found
        waiter.wait(20_000_000)
    raise AssertionError("it stays quiet")


def test_a_rehearsed_message_is_not_sent(port: WebSocketPort) -> None:
    """Warming runs while frames may be half read: it must not come between their bytes."""
    port.send(b"big")
    while port.poll_if_changed(0) is None:
        pass
    for _ in range(3):
        port.rehearse(b"a" * 3000)
    assert receive(port, 1) == [b"x" * 5_000_000]
    port.close()


def test_a_certificate_without_an_authority_is_refused(tls_server: int) -> None:
    """Verification is on unless the test's own file turns it off."""
    port = WebSocketPort(f"wss://localhost:{tls_server}/")
    poll_until(port, lambda: port.state is PortState.CLOSED)
    assert "certificate verify failed" in port.error


def test_a_certificate_for_another_name_is_refused(tls_server: int, certificate: tuple[Path, Path]) -> None:
    """A good certificate of another host proves nothing."""
    port = WebSocketPort(f"wss://127.0.0.1:{tls_server}/", WireOptions(ca_file=str(certificate[0])))
    poll_until(port, lambda: port.state is PortState.CLOSED)
    assert "IP address mismatch" in port.error


def test_a_refused_connection_and_an_unknown_name_are_errors_with_reasons() -> None:
    """Neither may raise or wait."""
    refused = WebSocketPort("ws://127.0.0.1:1/")
    poll_until(refused, lambda: refused.state is PortState.CLOSED)
    assert refused.error == "cannot connect: Connection refused"
    with pytest.raises(ValueError, match="was 'ftp://host/'"):
        WebSocketPort("ftp://host/")


def test_a_connection_that_never_comes_up_ends_at_its_deadline(peer: Peer) -> None:
    """A server that accepts and sends nothing must not hold a role for ever."""
    port = WebSocketPort(f"ws://127.0.0.1:{peer.port}/", WireOptions(connect_timeout_ns=1_000))
    port.poll(1)
    assert not port.error
    port.poll(1_001)
    assert port.state is PortState.CLOSED
    assert "not connected within" in port.error


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nnope", "403 Forbidden"),
        (b"HTTP/1.1 302 Found\r\nLocation: ws://elsewhere/\r\n\r\n", "Redirect"),
        (
            b"HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
            "Invalid",
        ),
        (b"nonsense\r\n\r\n", "Invalid status line"),
    ],
)
def test_an_upgrade_that_is_not_granted_is_an_error(peer: Peer, answer: bytes, reason: str) -> None:
    """A wrong accept key may be a cache; a redirect must not be followed to who knows where."""
    port = WebSocketPort(f"ws://127.0.0.1:{peer.port}/")
    port.poll(0)
    peer.accept()
    poll_until(port, lambda: port.interests()[0].write is False)
    peer.read_head()
    peer.socket.sendall(answer)
    poll_until(port, lambda: port.state is PortState.CLOSED)
    assert "upgrade refused" in port.error
    assert reason in port.error


def test_the_request_names_host_and_target_and_no_origin(peer: Peer) -> None:
    """Headers given reach the venue; an Origin would make us a browser."""
    port = WebSocketPort(f"ws://127.0.0.1:{peer.port}/a?b=c", headers={"X-Key": "abc"})
    port.poll(0)
    peer.accept()
    poll_until(port, lambda: port.interests()[0].write is False)
    head = peer.read_head()
    assert head.startswith(b"GET /a?b=c HTTP/1.1\r\n")
    assert b"Host: 127.0.0.1:%d\r\n" % peer.port in head
    assert b"X-Key: abc\r\n" in head
    assert b"Origin" not in head
    port.close()


def test_an_answer_in_single_bytes_with_frames_after_it_loses_nothing(peer: Peer) -> None:
    """The first message may come in the same packet as the upgrade."""
    port = WebSocketPort(f"ws://127.0.0.1:{peer.port}/")
    port.poll(0)
    peer.accept()
    poll_until(port, lambda: port.interests()[0].write is False)
    peer.accept_upgrade(peer.read_head(), peer.writer.encode(TEXT, b"first") + peer.writer.encode(TEXT, b"second"))
    assert receive(port, 2) == [b"first", b"second"]
    port.close()


def test_a_protocol_fault_closes_with_its_code(peer: Peer) -> None:
    """The venue learns what it did, the messages before it still count."""
    port = peer.open()
    peer.socket.sendall(peer.writer.encode(TEXT, b"good") + b"\xc1\x00")
    messages = poll_until(port, lambda: port.state is PortState.CLOSED)
    assert messages == [b"good"]
    assert port.error == "protocol error 1002: reserved bits 100 set without an extension"
    assert peer.events() == [(CLOSE, close_payload(1002, "reserved bits 100 set without an extension"))]


def test_a_message_over_the_limit_closes_with_1009(peer: Peer) -> None:
    """Memory stays bounded whatever a peer claims."""
    port = peer.open(WireOptions(message_limit=1000))
    peer.socket.sendall(peer.writer.encode(TEXT, bytes(999), final=False) + peer.writer.encode(CONTINUATION, bytes(2)))
    poll_until(port, lambda: port.state is PortState.CLOSED)
    assert "protocol error 1009" in port.error


def test_an_end_without_a_close_gives_what_came_before_it(peer: Peer) -> None:
    """A half-open connection is lost, its last messages are not."""
    port = peer.open()
    peer.socket.sendall(peer.writer.encode(TEXT, b"last") + b"\x81\x05hal")
    peer.socket.shutdown(socket.SHUT_WR)
    assert poll_until(port, lambda: port.state is PortState.CLOSED) == [b"last"]
    assert port.error == "connection lost: end of stream without a close"


def test_a_reset_is_an_error_and_not_an_exception(peer: Peer) -> None:
    """A venue's load balancer resets without a word."""
    port = peer.open()
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    peer.socket.close()
    poll_until(port, lambda: port.state is PortState.CLOSED)
    assert "reset" in port.error


def test_a_slow_reader_gets_everything_in_the_end(peer: Peer) -> None:
    """What the socket does not take is kept and follows, frame after whole frame."""
    port = peer.open(WireOptions(outgoing_limit=32 << 20))
    payloads = [bytes([number]) * 100_000 for number in range(100)]
    for payload in payloads:
        assert port.send(payload)
    assert port.interests()[0].write
    events: list[tuple[int, bytes]] = []
    peer.socket.settimeout(0.02)
    while len(events) < len(payloads):
        port.poll(0)
        peer.reader.feed(peer.socket.recv(1 << 20))
        events += peer.reader.events()
    assert events == [(TEXT, payload) for payload in payloads]
    port.poll(0)
    assert not port.interests()[0].write
    port.close()


def test_a_peer_that_does_not_read_is_given_up_at_the_bound(peer: Peer) -> None:
    """Orders must not pile up for a market that has gone on."""
    port = peer.open(WireOptions(outgoing_limit=100_000))
    sent = 0
    while port.send(bytes(50_000)):
        sent += 1
        assert sent < 1000
    assert port.state is PortState.CLOSED
    assert "does not read" in port.error


def test_a_close_frame_is_echoed_and_ours_has_code_1000(peer: Peer) -> None:
    """Both sides of the closing handshake."""
    port = peer.open()
    port.close()
    assert peer.events() == [(CLOSE, close_payload(1000))]
    peer.connection = None
    other = peer.open()
    peer.reader = type(peer.reader)(server=True)
    peer.socket.sendall(peer.writer.encode(PING, b"1") + peer.writer.encode(CLOSE, close_payload(1012, "restart")))
    poll_until(other, lambda: other.state is PortState.CLOSED)
    assert peer.events(2) == [(PONG, b"1"), (CLOSE, close_payload(1012))]


def forward(listener: socket.socket, server: int, heads: list[bytes], answer: bytes) -> None:
    """A proxy for one connection: note the CONNECT, answer, and pass bytes both ways."""
    client, _ = listener.accept()
    heads.append(client.recv(4096))
    client.sendall(answer)
    if b"200" not in answer:
        client.close()
        return
    upstream = socket.create_connection(("127.0.0.1", server))
    back = threading.Thread(target=pump, args=(upstream, client), daemon=True)
    back.start()
    pump(client, upstream)
    back.join(5)
    client.close()
    upstream.close()


def pump(source: socket.socket, target: socket.socket) -> None:
    """Pass bytes on until there are no more."""
    try:
        while block := source.recv(65536):
            target.sendall(block)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


def through_proxy(server: int, certificate: Path, answer: bytes) -> tuple[WebSocketPort, list[bytes]]:
    """A port through a proxy that gives this answer, and the request that the proxy received."""
    listener = socket.create_server(("127.0.0.1", 0))
    heads: list[bytes] = []
    threading.Thread(target=forward, args=(listener, server, heads, answer), daemon=True).start()
    proxy = Proxy("127.0.0.1", listener.getsockname()[1], "user", "secret")
    port = WebSocketPort(f"wss://localhost:{server}/", WireOptions(ca_file=str(certificate), proxy=proxy))
    poll_until(port, lambda: port.state is not PortState.CONNECTING)
    listener.close()
    return port, heads


def test_a_proxy_is_passed_by_connect_and_tls_goes_through_it(tls_server: int, certificate: tuple[Path, Path]) -> None:
    """The proxy sees a name and a password of its own, and nothing of the rest."""
    port, heads = through_proxy(tls_server, certificate[0], b"HTTP/1.1 200 Connection established\r\n\r\n")
    assert port.state is PortState.OPEN, port.error
    assert heads[0].startswith(b"CONNECT localhost:%d HTTP/1.1\r\n" % tls_server)
    assert b"Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n" in heads[0]
    port.send(b"through")
    assert receive(port, 1) == [b"through"]
    port.close()


def test_a_proxy_that_refuses_is_an_error(tls_server: int, certificate: tuple[Path, Path]) -> None:
    """The reason names the proxy and not the venue."""
    port, _ = through_proxy(tls_server, certificate[0], b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
    assert port.state is PortState.CLOSED
    assert "proxy: failed CONNECT via proxy status: 407" in port.error


def test_a_waiter_sleeps_over_several_ports_and_forgets_closed_ones(peer: Peer) -> None:
    """A role with twenty connections asks once, and a reused descriptor number is another socket."""
    port = peer.open()
    waiter = Waiter([port])
    assert not waiter.wait(1_000_000)
    peer.socket.sendall(peer.writer.encode(TEXT, b"wake"))
    assert waiter.wait(5_000_000_000)
    assert port.poll(0) == [b"wake"]
    port.close()
    peer.connection = None
    peer.reader = type(peer.reader)(server=True)
    waiter.ports = [peer.open()]
    assert not waiter.wait(1_000_000)
    peer.socket.sendall(peer.writer.encode(TEXT, b"again"))
    assert waiter.wait(5_000_000_000)
    waiter.close()
    assert Waiter([port], spin=True).wait(10**12)

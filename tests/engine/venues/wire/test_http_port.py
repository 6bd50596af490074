"""The request port over real sockets: kept connections, chunks, lateness and loss."""

from engine.venues.port import Response
from engine.venues.wire import HttpOptions, HttpPort, Waiter
from tests.engine.venues.wire.peers import PATIENCE, Peer

SECOND = 1_000_000_000
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Weight: 7\r\n\r\nok"


def port_to(peer: Peer, options: HttpOptions | None = None) -> HttpPort:
    """A port to the test's own server."""
    return HttpPort(f"http://127.0.0.1:{peer.port}", options)


def answers(port: HttpPort, count: int = 1) -> list[Response]:
    """Poll until this many answers came."""
    found: list[Response] = []
    waiter = Waiter([port])
    for _ in range(PATIENCE):
        found += port.poll(0)
        if len(found) >= count:
            break
        waiter.wait(20_000_000)
    waiter.close()
    assert len(found) == count, found
    return found


def sent(port: HttpPort, peer: Peer) -> None:
    """Bring the connection up until the request is out."""
    port.poll(0)
    peer.accept()
    for _ in range(PATIENCE):
        port.poll(0)
        if not port.interests() or not port.interests()[0].write:
            return
    raise AssertionError("not connected")


def test_a_request_is_sent_and_its_answer_comes_back(peer: Peer) -> None:
    """Method, target, headers and body as they were given."""
    port = port_to(peer)
    number = port.request("POST", "/order?x=1", {"X-Key": "k"}, b"body", 0)
    sent(port, peer)
    head = peer.read_head()
    assert head.startswith(b"POST /order?x=1 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-Key: k\r\n" % peer.port)
    assert head.endswith(b"\r\n\r\nbody")
    peer.socket.sendall(OK)
    assert answers(port) == [Response(number, 200, {"content-length": "2", "x-weight": "7"}, b"ok")]
    port.close()


def test_it_is_busy_until_the_answer_is_read(peer: Peer) -> None:
    """Who is not busy is not looked after in every step: an answer would wait."""
    port = port_to(peer)
    assert not port.busy
    port.request("GET", "/", {}, b"", 0)
    assert port.busy
    sent(port, peer)
    peer.read_head()
    assert port.busy
    peer.socket.sendall(OK)
    assert answers(port)
    assert not port.busy
    port.close()


def test_a_connection_is_kept_for_the_next_request(peer: Peer) -> None:
    """A TLS handshake costs milliseconds; an order has none to spare."""
    port = port_to(peer)
    for turn in range(3):
        port.request("GET", f"/{turn}", {}, b"", 0)
        if turn == 0:
            sent(port, peer)
        assert peer.read_head().startswith(b"GET /%d " % turn)
        peer.socket.sendall(OK)
        assert answers(port)[0].status == 200
    assert port.connections == 1
    port.close()


def test_chunks_in_single_bytes_make_one_body(peer: Peer) -> None:
    """Binance sends exchangeInfo in chunks."""
    port = port_to(peer)
    port.request("GET", "/", {}, b"", 0)
    sent(port, peer)
    peer.read_head()
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    found: list[Response] = []
    for byte in head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n":
        peer.socket.sendall(bytes([byte]))
        found += port.poll(0)
    assert found + (answers(port) if not found else []) == [
        Response(1, 200, {"transfer-encoding": "chunked"}, b"abcde")
    ]
    port.close()


def test_an_answer_without_length_ends_with_its_connection(peer: Peer) -> None:
    """The old way, still in use by proxies."""
    port = port_to(peer)
    port.request("GET", "/", {}, b"", 0)
    sent(port, peer)
    peer.read_head()
    peer.socket.sendall(b"HTTP/1.1 200 OK\r\n\r\nall of it")
    peer.socket.close()
    assert answers(port)[0].body == b"all of it"
    port.poll(0)
    assert port.connections == 0


def test_an_answer_cut_in_the_middle_is_a_failure_after_sending(peer: Peer) -> None:
    """The order's outcome is not known: the caller must ask, and the port must not repeat the request."""
    port = port_to(peer)
    port.request("POST", "/", {}, b"", 0)
    sent(port, peer)
    peer.read_head()
    peer.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    peer.socket.close()
    [answer] = answers(port)
    assert answer.status == 0
    assert answer.error.startswith("sent: connection lost before the answer was whole")


def test_a_kept_connection_lost_after_the_request_fails_and_is_not_repeated(peer: Peer) -> None:
    """The server saw it or did not: a second try could be a second order."""
    port = port_to(peer)
    port.request("GET", "/", {}, b"", 0)
    sent(port, peer)
    peer.read_head()
    peer.socket.sendall(OK)
    answers(port)
    port.request("POST", "/order", {}, b"", 0)
    peer.read_head()
    peer.socket.close()
    [answer] = answers(port)
    assert answer.status == 0
    assert answer.error.startswith("sent: ")
    assert port.connections == 0


def test_a_kept_connection_closed_while_idle_is_replaced_before_it_is_used(peer: Peer) -> None:
    """Servers close idle connections all the time; a request that was never sent is not lost."""
    port = port_to(peer)
    port.request("GET", "/", {}, b"", 0)
    sent(port, peer)
    peer.read_head()
    peer.socket.sendall(OK)
    answers(port)
    peer.socket.close()
    port.request("POST", "/order", {}, b"", 0)
    sent(port, peer)
    assert peer.read_head().startswith(b"POST /order ")
    peer.socket.sendall(OK)
    assert answers(port)[0].status == 200
    port.close()


def test_no_answer_in_time_is_a_failure_at_the_given_time(peer: Peer) -> None:
    """Time is the caller's; the connection is not used again, for the answer may still come."""
    port = port_to(peer, HttpOptions(request_timeout_ns=5 * SECOND))
    number = port.request("GET", "/", {}, b"", 0)
    sent(port, peer)
    assert port.poll(5 * SECOND - 1) == []
    assert port.poll(5 * SECOND) == [Response(number, 0, {}, b"", "sent: no answer in time")]
    assert port.connections == 0


def test_a_server_that_is_not_there_is_a_failure_before_sending() -> None:
    """This kind may be tried again without a thought."""
    port = HttpPort("http://127.0.0.1:1")
    port.request("POST", "/", {}, b"", 0)
    [answer] = answers(port)
    assert answer.error == "not sent: cannot connect: Connection refused"


def test_connections_and_backlog_are_bounded(peer: Peer) -> None:
    """Two connections, one waiting, and the fourth is refused at once."""
    port = port_to(peer, HttpOptions(connection_limit=2, backlog_limit=1, request_timeout_ns=SECOND))
    for turn in range(4):
        port.request("GET", f"/{turn}", {}, b"", 0)
    assert port.connections == 2
    [refused] = port.poll(0)
    assert refused.request_id == 4
    assert refused.error.startswith("not sent: 1 requests wait")
    late = port.poll(SECOND)
    assert sorted(answer.request_id for answer in late) == [1, 2, 3]
    port.close()


def test_what_is_no_http_is_a_failure(peer: Peer) -> None:
    """A captive portal, a wrong port: a reason and not a traceback."""
    port = port_to(peer)
    port.request("GET", "/", {}, b"", 0)
    sent(port, peer)
    peer.socket.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")
    [answer] = answers(port)
    assert answer.status == 0
    port.request("GET", "/with space", {}, b"", 0)
    [unsent] = answers(port)
    assert unsent.error.startswith("not sent: the request is not valid HTTP")


def test_a_body_over_the_limit_is_a_failure(peer: Peer) -> None:
    """Memory stays bounded whatever a server sends."""
    port = port_to(peer, HttpOptions(message_limit=100))
    port.request("GET", "/", {}, b"", 0)
    sent(port, peer)
    peer.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + bytes(1000))
    [answer] = answers(port)
    assert answer.error == "sent: answer of more than 100 bytes"

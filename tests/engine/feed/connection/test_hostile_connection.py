"""A venue that breaks the connection itself, over real sockets: silent, half sent, flooding, closing, unreachable.

For each: the book stays GOOD for no longer than allowed, and the feed reconnects by itself and logs the reason.
"""

import socket
import struct
from collections.abc import Callable, Iterator

import pytest

from engine.model.words import BookState
from engine.venues.port import StreamPort
from engine.venues.wire import WebSocketPort
from engine.venues.wire.frames import CLOSE, PING, TEXT, close_payload
from tests.engine.feed.books.test_hostile_market import PATIENCE, become_whole
from tests.engine.feed.loopback import BELIEVED, Line, LoopbackBench
from tests.engine.feed.loopback_venues import VENUES, bench_of

SECOND_NS = 1_000_000_000
ONE_OF_EACH = ["binance", "kraken", "coinbase"]
COMPRESSED, FRAGMENT = 0xC1, 0x01


@pytest.fixture
def bench(request: pytest.FixtureRequest, seed: int) -> Iterator[LoopbackBench]:
    """A feed of one connection and a book that is good."""
    made = bench_of(request.param, seed, **PATIENCE)
    made.go(5)
    made.go_until(lambda: made.state() in BELIEVED, "good")
    made.go(10)
    made.reader.states = []
    yield made
    made.close()


def raw(bench: LoopbackBench, line: Line, block: bytes) -> None:
    """Put bytes on the wire that are no frame of ours, as far as they are read."""
    line.mute, block = True, b"".join(line.late) + block
    line.late.clear()
    while block and not line.closed:
        try:
            block = block[line.socket.send(block) :]
        except BlockingIOError:
            bench.go(1)
        except OSError:
            line.closed = True


def frame(first: int, payload: bytes) -> bytes:
    """A server's frame with this first byte."""
    size = bytes([len(payload)]) if len(payload) < 126 else b"\x7f" + struct.pack(">Q", len(payload))
    return bytes([first]) + size + payload


ENDS: dict[str, tuple[bytes, str]] = {
    "a normal close": (frame(0x88, close_payload(1000)), "1000"),
    "going away": (frame(0x88, close_payload(1001, "server restart")), "1001 server restart"),
    "a policy": (frame(0x88, close_payload(1008, "Too many requests")), "1008 Too many requests"),
    "try again later": (frame(0x88, close_payload(1013)), "1013"),
    "a private code": (frame(0x88, close_payload(4999, "x" * 100)), "4999 xxx"),
    "no code": (frame(0x88, b""), "no code"),
    "half a code": (frame(0x88, b"\x03"), "1002"),
    "a forbidden code": (frame(0x88, (1005).to_bytes(2, "big")), "1002"),
    "compressed": (frame(COMPRESSED, b"\xaaV*\xce\xcfM\x05\x00"), "reserved bits"),
    "masked": (b"\x81\x82abcdef", "masked"),
    "fragments of a ping": (frame(0x09, b"x"), "in fragments"),
    "a continuation of nothing": (frame(0x00, b"x"), "continuation"),
    "an endless message": (b"\x81\x7f" + struct.pack(">Q", 1 << 40), "1009"),
    "fragments without end": (frame(FRAGMENT, b"x" * (1 << 20)) + frame(0, b"x" * (1 << 20)) * 16, "1009"),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("bench", ["binance"], indirect=True)
def test_what_ends_a_connection_is_reported_with_its_words_and_mended(bench: LoopbackBench, end: str) -> None:
    """Each close code and each breach of the protocol: gone at once, with the reason, and back through a snapshot."""
    block, words = ENDS[end]
    begun_ns = bench.now
    raw(bench, bench.venue.alive[0], block)
    bench.go_until(lambda: bench.feed.connections.reconnects == 1, "left")
    bench.go(1)
    assert bench.now - begun_ns < 2 * SECOND_NS
    assert bench.reader.states[-1] == BookState.DISCONNECTED
    assert words in bench.feed.connections.failure
    become_whole(bench)


@pytest.mark.parametrize("bench", ONE_OF_EACH, indirect=True)
def test_half_a_frame_and_silence_is_stale_and_then_left(bench: LoopbackBench) -> None:
    """Bytes that never become a message are no news."""
    raw(bench, bench.venue.alive[0], frame(0x81, b"{" * 100)[:50])
    begun_ns = bench.now
    bench.go_until(lambda: bench.feed.connections.reconnects == 1, "left", moving=False)
    bench.go(1, moving=False)
    assert bench.now - begun_ns <= bench.feed._dialect.mute_ns + 2 * SECOND_NS
    assert bench.reader.states[-1] == BookState.DISCONNECTED
    assert BookState.STALE in bench.reader.states or bench.feed._dialect.mute_ns <= bench.config.stale_ns
    become_whole(bench)


@pytest.mark.parametrize("bench", ONE_OF_EACH, indirect=True)
def test_a_frame_that_comes_byte_by_byte_without_end_is_left(bench: LoopbackBench) -> None:
    """A trickle keeps a socket alive and a book not: a message of the venue's is what counts."""
    line = bench.venue.alive[0]
    raw(bench, line, frame(0x81, b"{" * 100_000)[:50])
    begun_ns = bench.now

    def trickle() -> bool:
        if line in bench.venue.alive:
            line.socket.send(b"{")
        return bench.feed.connections.reconnects > 0

    for _ in range(50):
        if trickle():
            break
        bench.go(100, moving=False)
    assert bench.feed.connections.reconnects == 1
    assert bench.now - begun_ns <= bench.feed._dialect.mute_ns + 3 * SECOND_NS
    become_whole(bench)


@pytest.mark.parametrize("bench", ["binance"], indirect=True)
def test_a_flood_of_pings_is_answered_and_the_book_goes_on(bench: LoopbackBench) -> None:
    """Answers are bounded: who does not read them is left, who does is served."""
    line = bench.venue.alive[0]
    for _ in range(20):
        line.late.extend(line.writer.encode(PING, b"x" * 100) for _ in range(200))
        bench.go(10)
    bench.go(8, moving=False)
    assert (bench.feed.connections.reconnects, bench.reader.states) == (0, [])
    assert bench.is_whole()


@pytest.mark.parametrize("bench", ["binance"], indirect=True)
def test_empty_fragments_without_end_keep_no_memory_and_are_no_messages(bench: LoopbackBench) -> None:
    """A message that never ends and never grows: the bound on its size does not see it."""
    line = bench.venue.alive[0]
    raw(bench, line, frame(FRAGMENT, b"{"))
    for _ in range(60):
        if line not in bench.venue.alive:
            break
        line.socket.send(frame(0, b"") * 50)
        bench.go(100, moving=False)
    assert bench.feed.connections.reconnects == 1
    become_whole(bench)


@pytest.mark.parametrize("bench", list(VENUES), indirect=True)
def test_messages_of_a_symbol_that_was_not_requested_hurt_nothing(bench: LoopbackBench) -> None:
    """A venue may send more than was subscribed; it must not end up in another symbol's book."""
    venue, symbol = bench.venue, bench.venue.symbol
    for _ in range(20):
        venue.symbol = symbol.replace("BTC", "ETH")
        for line in venue.listeners("book"):
            if bench.config.venue != "coinbase-exchange":
                venue.publish(line, "update", [(True, 9_999, 7), (False, 10_001, 7)])
        venue.symbol = symbol
        bench.go(1)
    bench.go(8, moving=False)
    assert bench.reader.states == []
    assert bench.is_whole()


def ports_of(bench: LoopbackBench, make: Callable[[str], StreamPort]) -> None:
    """Lead the next connections elsewhere."""
    bench.venue.stream = make  # type: ignore[method-assign,assignment]


@pytest.mark.parametrize("bench", ["binance"], indirect=True)
@pytest.mark.parametrize("kind", ["plain", "tls"])
@pytest.mark.parametrize("greeting", [b"", b"\x16\x03\x03", b"HTTP/1.1 101 Switching Protocols\r\nX: "])
def test_a_server_that_never_comes_to_the_point_is_left_in_time(
    bench: LoopbackBench, kind: str, greeting: bytes
) -> None:
    """Accepted, and then a handshake byte by byte for ever: a deadline, not patience, and the next attempt is made."""
    stream, listener, held = bench.venue.stream, socket.create_server(("127.0.0.1", 0)), []
    listener.setblocking(False)
    url = f"{'wss' if kind == 'tls' else 'ws'}://127.0.0.1:{listener.getsockname()[1]}/"
    ports_of(bench, lambda _: WebSocketPort(url))
    bench.venue.alive[0].cut()
    bench.go_until(lambda: bench.state() == BookState.DISCONNECTED, "gone")
    begun_ns, before = bench.now, bench.feed.connections.reconnects
    for _ in range(200):
        bench.go(10, moving=False)
        try:
            held.append(listener.accept()[0])
            held[-1].send(greeting)
        except BlockingIOError:
            pass
        if held and greeting:
            try:
                held[-1].send(b"x")
            except OSError:
                held.pop().close()
        if bench.feed.connections.reconnects > before:
            break
    assert bench.feed.connections.reconnects == before + 1
    assert bench.now - begun_ns < 12 * SECOND_NS
    assert "connect" in bench.feed.connections.failure
    ports_of(bench, stream)
    become_whole(bench)
    for one in (*held, listener):
        one.close()


@pytest.mark.parametrize("bench", ["binance"], indirect=True)
def test_a_name_that_is_gone_is_reported_and_the_feed_comes_back_with_it(bench: LoopbackBench) -> None:
    """A resolver that fails for a minute: no thread or attempt piles up, and the first answer is used."""
    stream = bench.venue.stream
    ports_of(bench, lambda _: WebSocketPort("ws://no-such-venue.invalid/"))
    bench.venue.alive[0].cut()
    before = bench.feed.connections.reconnects
    for _ in range(6000):
        bench.go(1, moving=False)
        if bench.feed.connections.reconnects >= before + 4:
            break
    assert "no address for no-such-venue.invalid" in bench.feed.connections.failure
    assert bench.state() == BookState.DISCONNECTED
    ports_of(bench, stream)
    become_whole(bench)


@pytest.mark.parametrize("bench", ["binance"], indirect=True)
def test_a_venue_of_version_six_addresses_alone_is_reached(bench: LoopbackBench) -> None:
    """Hosts without IPv4 exist; the URL has the address in brackets."""
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError as error:
        pytest.skip(f"no IPv6 on the loopback: {error}")
    bench.venue.peer.listener.close()
    bench.venue.peer.listener = listener
    ports_of(bench, lambda target: WebSocketPort(f"ws://[::1]:{listener.getsockname()[1]}{target}"))
    bench.venue.alive[0].cut()
    bench.go_until(lambda: bench.feed.connections.reconnects == 1, "left")
    become_whole(bench)


@pytest.mark.parametrize("bench", list(VENUES), indirect=True)
def test_a_process_that_was_stopped_for_minutes_ends_with_the_venues_book(bench: LoopbackBench) -> None:
    """Stopped, swapped out, or a box that slept: what the socket kept is old news, and the rest was never sent."""
    bench.now += 300 * SECOND_NS
    for _ in range(50):
        bench.venue.move()
    bench.go(100)
    become_whole(bench)


@pytest.mark.parametrize("bench", ["binance"], indirect=True)
def test_close_frames_of_ours_are_sent_once(bench: LoopbackBench) -> None:
    """A venue counts reconnects by address: a connection that we leave is closed in order."""
    line = bench.venue.alive[0]
    assert bench.feed.drain(bench.now)
    line.socket.setblocking(True)
    block = b""
    while more := line.socket.recv(1 << 16):
        block += more
    line.reader.feed(block)
    assert [kind for kind, _ in line.reader.events() if kind != TEXT] == [CLOSE]

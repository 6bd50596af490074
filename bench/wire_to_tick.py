"""From a socket that has become readable to a tick that another process sees: the feed as it runs in production.

    core 0   this process: sends a best bid and ask, then spins on TICKS until it is there
    core 1   python -m engine.runtime: the feed role alone, spinning

The venue is this process too: metadata and the book over HTTP, the stream over a WebSocket that it writes itself, one
frame at a time, so that none waits for another. The way begins at the kernel's own stamp, set when the loopback
device hands the frame to the receiving side, just before the feed's socket becomes readable. The way from before `send`
is shown beside it: a sender sees this way, and it is the only one where the kernel gives no stamp.
"""

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import shm
from bench import corpus
from bench.machine import pair
from bench.wire_server import switching
from engine.config import Config, load
from engine.supervisor import segments
from engine.venues.wire.frames import TEXT, FrameReader, FrameWriter

ROOT = Path(__file__).resolve().parents[1]
COUNT, WARM_UP = 20_000, 2_000
GAP_NS = 30_000  # between two frames: longer than the way of one frame
PATIENCE_S = 20
SO_TIMESTAMPING, TX_SOFTWARE, REPORT_SOFTWARE, STAMP_ONLY = 37, 1 << 1, 1 << 4, 1 << 11  # linux/net_tstamp.h
STAMP = struct.Struct("=qq")
VENUE = """
[[venues]]
name = "v{number}"
kind = "binance"
stream_url = "ws://127.0.0.1:{stream}"
request_url = "http://127.0.0.1:{request}"
[[instruments]]
id = {number}
venue = "v{number}"
symbol = "BTCUSDT"
"""
CONFIG = """
[system]
name = "{name}"
{venues}
[feed]
stale_ms = 600000
book_stale_ms = 600000
[[processes]]
name = "feed"
roles = ["feed"]
cores = [{core}]
wait = "spin"
[[processes]]
name = "execution"
roles = ["execution"]
"""
FILTERS = [
    {"filterType": "PRICE_FILTER", "tickSize": "0.01"},
    {"filterType": "LOT_SIZE", "stepSize": "0.00000001", "minQty": "0.00000001", "maxQty": "9000"},
]
SYMBOL = {"symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT", "filters": FILTERS}


class Rest(BaseHTTPRequestHandler):
    """Metadata and the book."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer by the path."""
        listed = "exchangeInfo" in self.path
        body = json.dumps({"symbols": [SYMBOL]}).encode() if listed else corpus.made_snapshot()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write no log."""


def accept(listener: socket.socket) -> socket.socket:
    """Accept one of the feed's connections and acknowledge its subscriptions."""
    connection, _ = listener.accept()
    connection.settimeout(PATIENCE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(4096)
    connection.sendall(switching(head))
    reader = FrameReader(server=True)
    while not reader.events():
        reader.feed(connection.recv(65536))
    connection.sendall(FrameWriter(server=True).encode(TEXT, b'{"result":null,"id":1}'))
    return connection


class Stream:
    """The venue's end of the stream."""

    def __init__(self) -> None:
        """Listen."""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(PATIENCE_S)
        self.port = self.listener.getsockname()[1]
        self.encode = FrameWriter(server=True).encode
        self.stamped = True

    def accept(self) -> None:
        """Accept the feed's connection and acknowledge its subscriptions."""
        self.connection = accept(self.listener)
        self.ask_for_stamps()

    def ask_for_stamps(self) -> None:
        """Have the kernel note when a frame leaves; whether it does shows at once."""
        self.connection.setblocking(False)
        self.connection.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, TX_SOFTWARE | REPORT_SOFTWARE | STAMP_ONLY)
        self.send(b'{"result":null,"id":2}')
        self.stamped = bool(self.stamp_ns(0))

    def send(self, payload: bytes) -> None:
        """One text frame."""
        self.connection.sendall(self.encode(TEXT, payload))

    def stamp_ns(self, before: int) -> int:
        """When the newest frame left, by the monotonic clock; `before` where the kernel did not note it."""
        latest = before
        while self.stamped:
            try:
                _, notes, _, _ = self.connection.recvmsg(0, 512, socket.MSG_ERRQUEUE)
            except BlockingIOError:
                return latest
            for _, kind, body in notes:
                if kind == SO_TIMESTAMPING:
                    seconds, nanoseconds = STAMP.unpack_from(body)
                    latest = seconds * 1_000_000_000 + nanoseconds - wall_offset_ns()
        return latest

    def close(self) -> None:
        """Both sockets."""
        self.connection.close()
        self.listener.close()


def measure(count: int = COUNT) -> dict[str, object]:
    """Nanoseconds from the socket's readiness, and from before the send, to the tick."""
    ours, theirs = pair()
    place, cores = Path(tempfile.mkdtemp(prefix="steelyard-bench-")), os.sched_getaffinity(0)
    os.environ.update(STEELYARD_RUN_DIRECTORY=str(place), STEELYARD_STATE_DIRECTORY=str(place))
    rest, stream = ThreadingHTTPServer(("127.0.0.1", 0), Rest), Stream()
    threading.Thread(target=rest.serve_forever, daemon=True).start()
    file, name = place / "feed.toml", f"bench{os.getpid()}"
    venue = VENUE.format(number=1, stream=stream.port, request=rest.server_address[1])
    file.write_text(CONFIG.format(name=name, venues=venue, core=theirs))
    config = load(file)
    config.paths.make()
    segments.create(config)
    feed = start(file)
    try:
        os.sched_setaffinity(0, {ours})
        ticks = shm.RingReader(config.lane("ticks", "feed"))
        stream.accept()
        become_good(stream, config)
        rest.shutdown()
        return report(*exchange(stream, ticks, count), stamped=stream.stamped)
    finally:
        os.sched_setaffinity(0, cores)
        feed.terminate()
        feed.wait()
        stream.close()
        rest.server_close()
        segments.remove(config)
        shutil.rmtree(place, ignore_errors=True)


def start(file: Path) -> "subprocess.Popen[bytes]":
    """The feed's process."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "engine.runtime", "--config", str(file), "--process", "feed"]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)


def become_good(stream: Stream, config: Config) -> None:
    """Send diffs until the book is good."""
    tops = shm.CellReader(config.lane("book_tops", "feed"))
    deadline = time.monotonic() + PATIENCE_S
    for diff in corpus.made_diffs(2000):
        if time.monotonic() > deadline:
            break
        stream.send(diff)
        time.sleep(0.02)
        top = tops.read(0)
        if top is not None and top.state == 1:
            return
    raise SystemExit("the feed's book did not become good")


def exchange(stream: Stream, ticks: shm.RingReader, count: int) -> tuple[list[int], list[int]]:
    """Each frame's way from the kernel's stamp, and from before its send."""
    frames = [stream.encode(TEXT, frame) for frame in corpus.made_bests(count)]
    send, spin, clock = stream.connection.send, ticks.spin, time.perf_counter_ns
    ways, whole = [0] * count, [0] * count
    drain(ticks)
    for i, frame in enumerate(frames):
        due = clock() + GAP_NS
        while clock() < due:
            pass
        before = clock()
        send(frame)
        found = spin(PATIENCE_S * 1_000_000_000)
        after = clock()
        if found is None:
            raise SystemExit("a tick did not come")
        whole[i], ways[i] = after - before, after - stream.stamp_ns(before)
        drain(ticks)
    return ways, whole


def wall_offset_ns() -> int:
    """The wall clock, by which the kernel stamps, less the monotonic one: the tightest of three paired readings."""
    best = (1 << 62, 0)
    for _ in range(3):
        before, wall, after = time.perf_counter_ns(), time.time_ns(), time.perf_counter_ns()
        best = min(best, (after - before, wall - (before + after) // 2))
    return best[1]


def drain(ticks: shm.RingReader) -> None:
    """Pass what belongs to the same event."""
    lost, _ = ticks.copy()
    assert lost == 0, "the reader was lapped"


def report(ways: list[int], whole: list[int], *, stamped: bool) -> dict[str, object]:
    """The figures, without the frames that warm up."""
    ways, whole = sorted(ways[WARM_UP:]), sorted(whole[WARM_UP:])
    return {
        "wire_to_tick_p50_ns": ways[len(ways) // 2],
        "wire_to_tick_p99_ns": ways[len(ways) * 99 // 100],
        "wire_to_tick_from": "the kernel's transmit stamp" if stamped else "before the send call",
        "send_to_tick_p50_ns": whole[len(whole) // 2],
        "send_to_tick_p99_ns": whole[len(whole) * 99 // 100],
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))

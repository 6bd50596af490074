"""One WebSocket message in one process: from the read of a readable socket to the records published.

    python -m bench.message

The socket is real and has the message before the clock starts; the way is the feed's own: port, frame codec, scanner,
book, outbox. The wait for the message and the readers of the records are measured elsewhere.
"""

import json
import socket
import statistics
import sys
import time
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench import corpus
from bench.rig import NOW, Rig
from bench.wire_server import switching
from engine import clock
from engine.feed.connection.line import Line
from engine.venues.port import PortState
from engine.venues.wire import WebSocketPort
from engine.venues.wire.frames import TEXT, FrameWriter

COUNT, WARM_UP, ROUNDS = 10_000, 500, 3
PATIENCE_S = 10


def connected() -> tuple[WebSocketPort, socket.socket]:
    """A port that is open, and the venue's end."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(PATIENCE_S)
    port = WebSocketPort(f"ws://127.0.0.1:{listener.getsockname()[1]}/")
    port.poll(clock.now_ns())
    venue, _ = listener.accept()
    listener.close()
    venue.settimeout(PATIENCE_S)
    venue.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    port.poll(clock.now_ns())
    head = b""
    while b"\r\n\r\n" not in head:
        head += venue.recv(4096)
    venue.sendall(switching(head))
    while port.state is PortState.CONNECTING:
        port.poll(clock.now_ns())
    return port, venue


def timed(frames: list[bytes], first: bytes) -> list[int]:
    """Nanoseconds of each message; a look that finds nothing yet is not counted."""
    rig = Rig("binance", corpus.made_snapshot(), 8)
    rig.pipeline.process([first], NOW, NOW)
    port, venue = connected()
    line, read = Line(port, NOW), time.perf_counter_ns
    idle = max(read() - read() for _ in range(1000))  # least of the cost, as a negative number
    wire = [FrameWriter(server=True).encode(TEXT, frame) for frame in frames]
    spent = []
    for frame in wire:
        venue.sendall(frame)
        before = read()
        while not line.read(rig.pipeline, NOW):
            before = read()
        spent.append(read() - before + idle)
        rig.drain()
    assert rig.lost == rig.track.gaps == rig.pipeline.malformed == 0, "the made frames are not a sequence"
    assert rig.pipeline.frames == len(frames) + 1, "frames are missing"
    port.close()
    venue.close()
    rig.close()
    return sorted(spent[WARM_UP:])


def measure(count: int = COUNT) -> dict[str, object]:
    """The median over some rounds of each kind's p50 and p99."""
    diffs = corpus.made_diffs(count + 1)
    kinds = {"message_diff20": diffs[1:], "message_bbo": corpus.made_bests(count)}
    rounds: dict[str, list[list[int]]] = {name: [] for name in kinds}
    for _ in range(ROUNDS):
        for name, frames in kinds.items():
            rounds[name].append(timed(frames, diffs[0]))
    return {
        f"{name}_{word}_ns": int(statistics.median(one[len(one) * share // 100] for one in found))
        for name, found in rounds.items()
        for word, share in (("p50", 50), ("p99", 99))
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))

"""What receiving a 1 KB WebSocket message costs, plain and through TLS, beside the peers.

    python bench/wire.py --json

The figure is the receiver's CPU time (user and system) for each message handed over as `bytes`, while a sender in
another process keeps the socket full. Through TLS it is measured with each message in a record of its own, and packed:
as many messages in a record as it holds. All receivers run in turn, round after round, in one process; the median of
the rounds is shown, with the lowest and the highest beside it. A peer that is not installed is left out and named.
"""

import argparse
import asyncio
import json
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench import machine
from bench.wire_server import FRAMES_A_BLOCK, FRAMES_A_RECORD, Server, write_certificate
from engine import clock
from engine.venues.port import PortState
from engine.venues.wire import Waiter, WebSocketPort, WireOptions

SIZE = 1024
WAIT_NS = 1_000_000_000
Receiver = Callable[[str, int, str], int]


def receive_ours(url: str, count: int, ca_file: str) -> int:
    """Steelyard's port, asleep between the reads."""
    port = WebSocketPort(url, WireOptions(ca_file=ca_file))
    waiter = Waiter([port])
    while port.state is PortState.CONNECTING:
        waiter.wait(WAIT_NS)
        left = count - len(port.poll(clock.now_ns()))
    begin = time.process_time_ns()
    while left > 0:
        waiter.wait(WAIT_NS)
        left -= len(port.poll(0))
    spent = time.process_time_ns() - begin
    port.close()
    waiter.close()
    return spent


def receive_websocket_client(url: str, count: int, ca_file: str) -> int:
    """websocket-client with its checks and locks off."""
    import websocket

    options = {"ca_certs": ca_file} if ca_file else {}
    connection = websocket.create_connection(url, sslopt=options, skip_utf8_validation=True, enable_multithread=False)
    begin = time.process_time_ns()
    for _ in range(count):
        connection.recv_data()
    spent = time.process_time_ns() - begin
    connection.close(timeout=0)
    return spent


def context_of(ca_file: str) -> ssl.SSLContext | None:
    """The trust a peer needs."""
    return ssl.create_default_context(cafile=ca_file) if ca_file else None


def receive_websockets(url: str, count: int, ca_file: str) -> int:
    """The asyncio client of websockets, without compression."""
    from websockets.asyncio.client import connect

    async def receive() -> int:
        async with connect(
            url, ssl=context_of(ca_file), compression=None, max_size=None, close_timeout=0
        ) as connection:
            begin = time.process_time_ns()
            for _ in range(count):
                await connection.recv(decode=False)
            return time.process_time_ns() - begin

    return asyncio.run(receive())


def receive_picows(url: str, count: int, ca_file: str) -> int:
    """Run picows in an asyncio loop, each payload copied as bytes."""
    from picows import WSFrame, WSListener, WSTransport, ws_connect

    class Listener(WSListener):
        left = count
        begin = 0
        spent = 0

        def on_ws_connected(self, _transport: WSTransport) -> None:
            self.begin = time.process_time_ns()

        def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
            frame.get_payload_as_bytes()
            self.left -= 1
            if not self.left:
                self.spent = time.process_time_ns() - self.begin
                transport.disconnect()

    async def receive() -> int:
        transport, listener = await ws_connect(Listener, url, ssl_context=context_of(ca_file))
        await transport.wait_disconnected()
        return listener.spent

    return asyncio.run(receive())


PEERS: dict[str, tuple[str, Receiver]] = {
    "picows": ("picows", receive_picows),
    "websockets": ("websockets", receive_websockets),
    "websocket-client": ("websocket", receive_websocket_client),
}


def measure(receivers: dict[str, Receiver], rounds: int, count: int, folder: Path) -> dict[str, dict[str, list[float]]]:
    """Nanoseconds a message: for plain and both kinds of TLS, for each receiver, one figure a round."""
    certificate = write_certificate(folder)
    servers = {
        "plain": Server(SIZE, count),
        "tls": Server(SIZE, count, certificate),
        "tls_packed": Server(SIZE, count, certificate, FRAMES_A_RECORD),
    }
    urls = {
        kind: (f"ws://127.0.0.1:{server.port}/", "")
        if kind == "plain"
        else (f"wss://127.0.0.1:{server.port}/", str(certificate[0]))
        for kind, server in servers.items()
    }
    found: dict[str, dict[str, list[float]]] = {kind: {name: [] for name in receivers} for kind in urls}
    for _ in range(rounds):
        for kind, (url, ca_file) in urls.items():
            for name, receiver in receivers.items():
                found[kind][name].append(receiver(url, count, ca_file) / count)
    for server in servers.values():
        server.close()
    return found


def spread(figures: list[float]) -> dict[str, float]:
    """The median, and how far the rounds lay apart."""
    return {"median": round(statistics.median(figures)), "low": round(min(figures)), "high": round(max(figures))}


def report(found: dict[str, dict[str, list[float]]], skipped: list[str]) -> dict[str, object]:
    """The figures under the names that the documents use."""
    spreads = {name: {kind: spread(rounds[name]) for kind, rounds in found.items()} for name in found["plain"]}
    ours = spreads.pop("ours")
    return {
        "machine": machine.describe(),
        "ws_receive_1k_ns": ours["plain"]["median"],
        "ws_receive_1k_tls_ns": ours["tls"]["median"],
        "ws_receive_1k_tls_packed_ns": ours["tls_packed"]["median"],
        "spread": ours,
        "peers": spreads,
        "skipped": skipped,
    }


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--count", type=int, default=300 * FRAMES_A_BLOCK, help="messages a round")
    chosen = options.parse_args()
    count = max(1, chosen.count // FRAMES_A_BLOCK) * FRAMES_A_BLOCK
    skipped = [name for name, (module, _) in PEERS.items() if find_spec(module) is None]
    receivers = {"ours": receive_ours} | {
        name: receiver for name, (_, receiver) in PEERS.items() if name not in skipped
    }
    with tempfile.TemporaryDirectory() as folder:
        result = report(measure(receivers, chosen.rounds, count, Path(folder)), skipped)
    json.dump(result, sys.stdout, indent=None if chosen.json else 2)
    print()


if __name__ == "__main__":
    main()

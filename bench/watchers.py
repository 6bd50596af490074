"""What it costs an engine to be watched: an exporter that is scraped, 20 pages of the dashboard, the recorder.

    python -m bench.watchers [--quick] [--json]

    core 0   venue, its order flow, and everything that watches      core 1   feed · strategy · execution, spinning

`tick_to_order_p99_ratio` is the median, over interleaved pairs of runs at 1 000 orders a second, of the p99 from
`received` to `kernel` (see `bench.path`) of a watched engine, divided by that of an unwatched one.

    watched      the roles metrics, dashboard and recorder run; a client process holds 20 pages and scrapes each second
    unwatched    no such role runs; the same client process is connected to a decoy, which serves made frames of the
                 dashboard's server and a page of metrics, of the same size

Each round has a watched run and two unwatched ones, in turning order. `aa_p99_ratio` is the same ratio of the two
unwatched runs: its spread is what this machine can resolve.

`server_cpu_pct` is the processor time of the role dashboard in percent of one core: 50 books that change 60 times a
second, to one page at 60 frames a second. `update_ns` is from `bench.meters`, `frame_ms_p99` and `first_load_kb` from
`bench.frames`, in a process of their own.
"""

import argparse
import asyncio
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench.command import output, parser_of
from bench.machine import describe, pair
from bench.path import ALL_LIMITS, ROOT, STRATEGY, SYSTEM, TOGETHER, WARM_UP, free_port, measure

PAGES, SCRAPE_S, RATE = 20, 1.0, 1_000
ROUNDS, SECONDS = 10, 3.0
BOOKS, FRAMES_PER_S, CPU_SECONDS = 50, 60, 10.0
FRAME_BYTES, METRICS_BYTES = 24_000, 90_000  # of the decoy: what a watched run was seen to send
WATCHERS = ("metrics", "dashboard", "recorder")
WATCHED = """
[metrics]
port = {metrics}
[dashboard]
port = {dashboard}
frames_per_s = 20
[recorder]
seal_seconds = 0
"""
START_S = 30.0


def run_client(dashboard: int, metrics: int, pages: int) -> None:
    """The client process: holds pages that show each message at once, and scrapes."""
    import aiohttp

    from engine.dashboard.server import SHOWN, SHOWN_EACH

    async def hold(session: aiohttp.ClientSession) -> None:
        url = f"http://127.0.0.1:{dashboard}"
        async with session.ws_connect(f"{url}/stream", origin=url, max_msg_size=0) as socket:
            received = 0
            async for _ in socket:
                received += 1
                if received % SHOWN_EACH == 0:
                    await socket.send_str(SHOWN)

    async def scrape(session: aiohttp.ClientSession) -> None:
        while True:
            async with session.get(f"http://127.0.0.1:{metrics}/metrics") as answer:
                await answer.read()
            await asyncio.sleep(SCRAPE_S)

    async def run() -> None:
        async with aiohttp.ClientSession() as session:
            scraping = [scrape(session)] if metrics else []
            await asyncio.gather(*(hold(session) for _ in range(pages)), *scraping)

    asyncio.run(run())


def run_decoy(dashboard: int, metrics: int) -> None:
    """The decoy process: as many bytes as a watched engine's roles send, of nothing."""
    from prometheus_client.core import GaugeMetricFamily

    from engine.dashboard.frames import FrameKind, SectionKind, encode
    from engine.dashboard.hub import Hub
    from engine.dashboard.server import DashboardServer
    from engine.metrics.exposition import Exposition
    from engine.metrics.server import MetricsServer

    hub = Hub()
    with tempfile.TemporaryDirectory() as place:
        server = DashboardServer(hub, "127.0.0.1", dashboard, "", Path(place) / "control.sock", "look")
        exporter = MetricsServer("127.0.0.1", metrics)
        filler = GaugeMetricFamily("filler", "x" * METRICS_BYTES)
        number = 0
        while True:
            number += 1
            frame = encode(FrameKind.DELTA, number, time.time_ns(), [(SectionKind.ORDERS, bytes(FRAME_BYTES))])
            hub.publish(number, frame, frame if hub.snapshot_wanted else None)
            exporter.serve(Exposition(time.monotonic_ns(), [filler], []))
            time.sleep(1 / 20)
    server.close()


@contextmanager
def processes(*commands: list[str]) -> Iterator[None]:
    """Run these on the venue's core."""
    core = str(pair()[0])
    started = [subprocess.Popen(["taskset", "-c", core, *one], cwd=ROOT, stderr=subprocess.DEVNULL) for one in commands]
    try:
        yield
    finally:
        for one in started:
            one.terminate()
        for one in started:
            with suppress(subprocess.TimeoutExpired):
                one.wait(10)
            one.kill()
            one.wait()


def _await(port: int, path: str) -> None:
    """Wait until a server answers with a body."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            if answer.read():
                return
        time.sleep(0.05)
    raise SystemExit(f"nothing answers at port {port} within {START_S:.0f} s")


@contextmanager
def around(config: Any, ports: dict[str, int], *, watched: bool) -> Iterator[None]:
    """What runs beside the engine in one arm."""
    python, me = sys.executable, "bench.watchers"
    roles = [[python, "-m", "engine.runtime", "--config", config.path, "--process", name] for name in WATCHERS]
    decoy = [python, "-m", me, "--decoy", str(ports["dashboard"]), str(ports["metrics"])]
    client = [python, "-m", me, "--client", str(ports["dashboard"]), str(ports["metrics"]), str(PAGES)]
    with processes(*(roles if watched else [decoy])):
        _await(ports["metrics"], "/metrics")
        _await(ports["dashboard"], "/")
        with processes(client):
            time.sleep(0.5)  # until the pages are connected
            yield


def p99_of(seconds: float, *, watched: bool) -> float:
    """The p99 from the receipt to the kernel, of one run."""
    ports = {"metrics": free_port(), "dashboard": free_port()}
    found = measure(
        seconds, WATCHED.format(**ports), lambda config: around(config, ports, watched=watched), rate=RATE,
        text=SYSTEM + STRATEGY + ALL_LIMITS + TOGETHER,
    )  # fmt: skip
    rows = found["rows"][min(WARM_UP, len(found["rows"]) // 4) :]
    if len(rows) < 100:
        raise SystemExit(f"{len(rows)} orders in a run, expected about {int(seconds * RATE)}: nothing was measured")
    return float(np.quantile(rows[:, 6] - rows[:, 0], 0.99))


def compare(rounds: int, seconds: float) -> dict[str, Any]:
    """The rounds, each with a watched run and two unwatched ones, and their ratios."""
    found: dict[str, list[float]] = {"watched": [], "one": [], "other": []}
    names = list(found)
    for number in range(rounds):
        for name in names[number % 3 :] + names[: number % 3]:
            found[name].append(p99_of(seconds, watched=name == "watched"))
    ratios = [a / b for a, b in zip(found["watched"], found["one"], strict=True)]
    same = [a / b for a, b in zip(found["other"], found["one"], strict=True)]
    return {
        "rounds": rounds, "seconds": seconds, "orders_per_s": RATE, "pages": PAGES,
        "tick_to_order_p99_ratio": round(statistics.median(ratios), 4), "tick_to_order_p99_spread": _quartiles(ratios),
        "aa_p99_ratio": round(statistics.median(same), 4), "aa_p99_spread": _quartiles(same),
        "watched_p99_ns": int(statistics.median(found["watched"])),
        "unwatched_p99_ns": int(statistics.median(found["one"] + found["other"])),
    }  # fmt: skip


def _quartiles(values: list[float]) -> list[float]:
    """The first and the third quartile."""
    return [round(float(np.quantile(values, share)), 4) for share in (0.25, 0.75)]


def write_books(file: str) -> None:
    """The writer process: a feed's lanes, with 50 books that change 60 times a second."""
    from engine.config import load
    from engine.lanes import open_role
    from engine.model import records
    from engine.model.words import BookState

    config = load(file)
    lanes = open_role(config, "feed")
    instruments, tops, beat = (lanes.cell_writer(name) for name in ("instruments", "book_tops", "heartbeat"))
    for number in range(BOOKS):
        empty: dict[str, Any] = {one.name: b"" if one.code == "S" else 0 for one in records.INSTRUMENT.fields}
        empty |= {"id": number + 1, "venue": b"binance", "symbol": f"COIN{number + 1}USDT".encode(), "trading": 1}
        row = {**empty, "price_decimals": 2, "size_decimals": 5, "price_step": 1, "size_step": 1, "kind": b"spot"}
        instruments.write(number, *(row[one.name] for one in records.INSTRUMENT.fields if one.name in row))
    drawn = np.random.default_rng(7)
    rows = np.zeros(BOOKS, records.BOOK_TOP.dtype)
    rows["instrument"], rows["state"], rows["bids"], rows["asks"] = np.arange(1, BOOKS + 1), BookState.GOOD, 10, 10
    due = time.monotonic()
    steps = 0
    while True:
        steps += 1
        now_ns = time.time_ns()
        middle = 6_000_000 + drawn.integers(-50, 50, BOOKS)[:, None]
        rows["bid_price"], rows["ask_price"] = middle - 5 - np.arange(10), middle + 5 + np.arange(10)
        rows["bid_size"], rows["ask_size"] = drawn.integers(1_000, 90_000, (2, BOOKS, 10))
        rows["receive_ns"] = rows["publish_ns"] = now_ns
        rows["venue_sequence"] = steps
        for number in range(BOOKS):
            tops.write_bytes(number, rows[number].tobytes())
        beat.write(0, time.monotonic_ns(), now_ns, now_ns, steps, steps, os.getpid(), 2, 0, 0, 0)
        due = max(due + 1 / FRAMES_PER_S, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))


BOOKS_SYSTEM = """
[system]
name = "{name}"
mode = "paper"
[[venues]]
name = "binance"
kind = "binance"
stream_url = "ws://127.0.0.1:9"
request_url = "http://127.0.0.1:9"
order_url = "ws://127.0.0.1:9/ws-api/v3"
[dashboard]
port = {port}
frames_per_s = {frames}
"""


def server_cpu_pct(seconds: float) -> float:
    """The processor time of the dashboard's process while it sends 50 books at 60 frames a second to one page."""
    from engine.config import load
    from engine.supervisor import segments

    with tempfile.TemporaryDirectory(prefix="steelyard-bench-") as place:
        os.environ.update(STEELYARD_RUN_DIRECTORY=place, STEELYARD_STATE_DIRECTORY=place)
        port, file = free_port(), Path(place) / "books.toml"
        text = BOOKS_SYSTEM.format(name=f"bench{os.getpid()}", port=port, frames=FRAMES_PER_S)
        text += "".join(
            f'[[instruments]]\nid = {one}\nvenue = "binance"\nsymbol = "COIN{one}USDT"\n' for one in range(1, BOOKS + 1)
        )
        file.write_text(text)
        config = load(str(file))
        config.paths.make()
        segments.create(config)
        writer = [sys.executable, "-m", "bench.watchers", "--books", str(file)]
        client = [sys.executable, "-m", "bench.watchers", "--client", str(port), "0", "1"]
        words = [sys.executable, "-m", "engine.runtime", "--config", str(file), "--process", "dashboard"]
        try:
            with processes(writer):
                role = subprocess.Popen(["taskset", "-c", str(pair()[1]), *words], cwd=ROOT, stderr=subprocess.DEVNULL)
                try:
                    _await(port, "/")
                    with processes(client):
                        time.sleep(2.0)  # the snapshot and the first frames
                        before, begin_s = _cpu_s(role.pid), time.monotonic()
                        time.sleep(seconds)
                        return (_cpu_s(role.pid) - before) / (time.monotonic() - begin_s) * 100
                finally:
                    role.terminate()
                    role.wait(20)
        finally:
            segments.remove(config)


def _cpu_s(pid: int) -> float:
    """The processor time of a process, all threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _child(module: str, *options: str) -> dict[str, Any]:
    """The figures of another program of this folder; empty where it cannot run."""
    words = [sys.executable, "-m", module, *options, "--json"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, timeout=90, check=False)
    if done.returncode:
        print(f"{module}: {done.stderr.decode().strip().splitlines()[-1:]}", file=sys.stderr)
        return {}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def run(rounds: int, seconds: float, cpu_seconds: float) -> dict[str, Any]:
    """Every figure."""
    frames = _child("bench.frames", "--quick")
    return {
        "machine": describe(), "update_ns": _child("bench.meters").get("update_ns"),
        **compare(rounds, seconds), "server_cpu_pct": round(server_cpu_pct(cpu_seconds), 1),
        "first_load_kb": frames.get("first_load_kb"), "frame_ms_p99": frames.get("frame_ms_p99"),
    }  # fmt: skip


def show(found: dict[str, Any]) -> None:
    """A line for each figure."""
    for name, value in found.items():
        print(f"{name:26} {value}")


def main() -> None:
    """Measure and print; the further options are those of this program's own processes."""
    parser = parser_of("watchers", __doc__, "3 rounds of 1 second")
    parser.add_argument("--client", nargs=3, type=int, help=argparse.SUPPRESS)
    parser.add_argument("--decoy", nargs=2, type=int, help=argparse.SUPPRESS)
    parser.add_argument("--books", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if importlib.util.find_spec("aiohttp") is None:
        raise SystemExit("bench.watchers needs the dashboard: pip install 'steelyard[dashboard]'")
    if options.client:
        run_client(*options.client)
    elif options.decoy:
        run_decoy(*options.decoy)
    elif options.books:
        write_books(options.books)
    elif options.quick:
        output(run(3, 1.0, 3.0), options, show)
    else:
        output(run(ROUNDS, SECONDS, CPU_SECONDS), options, show)


if __name__ == "__main__":
    main()

"""The dashboard's page in headless Chromium: a frame with 10 000 orders and 100 000 points, and its first load.

    python -m bench.frames [--quick] [--json]

    frame_ms_p99    script, style, layout and pre-paint of one frame, without painting; from Chromium's own trace
    first_load_kb   every byte of the page's files, as sent
    grey_ms         from the last frame of a server that falls silent to the grey of the last panel, by the page's clock

A server of `engine.dashboard` sends frames at 60 Hz over a real WebSocket: each has 5 orders, a fill and 50 books that
have changed. The chart shows the whole hour of points, and is drawn as often as in use.
"""

import argparse
import json
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Self

import numpy as np

from bench import machine
from engine.config import load
from engine.dashboard.frames import POINT, FrameKind, SectionKind, encode, encode_parts
from engine.dashboard.hub import Hub
from engine.dashboard.parts import Parts
from engine.dashboard.server import DashboardServer
from engine.model import records
from engine.model.words import BookState, OrderState
from tests.engine.dashboard.browser import Page, browser

ORDERS, POINTS, BOOKS, RATE = 10_000, 100_000, 50, 60
HOUR_NS, SECOND_NS = 3_600_000_000_000, 1_000_000_000
MEASURED = ("FireAnimationFrame", "UpdateLayoutTree", "Layout", "PrePaint")
CONFIG = Path(__file__).resolve().parents[1] / "configs" / "demo.toml"
WATCH = """import("/main.js").then(({ connection }) => {
  let last = performance.now();
  connection.socket.addEventListener("message", () => { last = performance.now(); });
  const panels = [...document.querySelectorAll(".panel")];
  const look = () => {
    const grey = panels.every((one) => one.hasAttribute("data-stale"));
    window.greyMs = grey ? (window.greyMs ?? performance.now() - last) : undefined;
  };
  const observer = new MutationObserver(look);
  for (const one of panels) observer.observe(one, { attributes: true, attributeFilter: ["data-stale"] });
})"""
WHOLE_HOUR = "[...document.querySelectorAll('#chart .group button')].at(-1).click()"


class Feed:
    """Publishes frames to a hub in a thread, until it is told to end."""

    def __init__(self, hub: Hub) -> None:
        """Not started."""
        self._hub, self._ended, self._number = hub, threading.Event(), 0
        self._random = np.random.default_rng(7)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(1 / RATE):
            now_ns = time.time_ns()
            self._number += 1
            sections = [
                (SectionKind.PARTS, encode_parts({"ages": {}})), (SectionKind.BOOKS, self._books(now_ns)),
                (SectionKind.ORDERS, self._orders(now_ns, 5, ORDERS + 5 * self._number)),
                (SectionKind.FILLS, self._fill(now_ns)),
            ]  # fmt: skip
            snapshot = self._snapshot(now_ns) if self._hub.snapshot_wanted else None
            self._hub.publish(self._number, encode(FrameKind.DELTA, self._number, now_ns, sections), snapshot)

    def _snapshot(self, now_ns: int) -> bytes:
        parts = {**Parts(load(CONFIG), "look").fixed(), "ages": {}, "instruments": [
            {"id": one, "venue": "bench", "symbol": f"COIN{one}USDT", "base": "COIN", "quote": "USDT",
             "price_decimals": 2, "size_decimals": 5, "feed": None} for one in range(1, BOOKS + 1)
        ]}  # fmt: skip
        times = np.linspace(now_ns - HOUR_NS + SECOND_NS, now_ns, POINTS) / 1e6
        walk = 6_000_000 + np.cumsum(self._random.integers(-5, 6, POINTS))
        points = b"".join(POINT.pack(1, at, int(price), int(price) + 10) for at, price in zip(times, walk, strict=True))
        orders = self._orders(now_ns, ORDERS, 0)
        return encode(FrameKind.SNAPSHOT, self._number, now_ns, [
            (SectionKind.PARTS, encode_parts(parts)), (SectionKind.POINTS, points), (SectionKind.ORDERS, orders),
            (SectionKind.BOOKS, self._books(now_ns)),
        ])  # fmt: skip

    def _orders(self, now_ns: int, count: int, first: int) -> bytes:
        rows = np.zeros(count, records.ORDER.dtype)
        rows["client_id"] = [f"{first + at:016d}".encode() for at in range(count)]
        rows["instrument"], rows["strategy"], rows["price"], rows["size"] = 1, 1, 6_000_000, 100
        rows["side"] = np.where(np.arange(count) % 2, 1, -1)
        rows["state"] = self._random.choice(
            [OrderState.FILLED, OrderState.CANCELLED, OrderState.OPEN], count, p=[0.5, 0.49, 0.01]
        )
        rows["intent_ns"] = now_ns - np.arange(count)[::-1] * (HOUR_NS // ORDERS if count == ORDERS else 1)
        rows["now_ns"] = rows["intent_ns"] + SECOND_NS // 2
        return rows.tobytes()

    def _fill(self, now_ns: int) -> bytes:
        rows = np.zeros(1, records.FILL.dtype)
        rows["instrument"], rows["strategy"], rows["price"], rows["size"], rows["side"] = 1, 1, 6_000_000, 100, 1
        rows["receive_ns"], rows["venue_fill_id"] = now_ns, str(self._number).encode()
        return rows.tobytes()

    def _books(self, now_ns: int) -> bytes:
        rows = np.zeros(BOOKS, records.BOOK_TOP.dtype)
        rows["instrument"], rows["state"], rows["bids"], rows["asks"] = np.arange(1, BOOKS + 1), BookState.GOOD, 10, 10
        rows["receive_ns"], rows["venue_sequence"], rows["spread_bps"] = now_ns, self._number, 0.02
        middle = 6_000_000 + self._random.integers(-50, 50, BOOKS)[:, None]
        rows["bid_price"], rows["ask_price"] = middle - 5 - np.arange(10), middle + 5 + np.arange(10)
        rows["bid_size"], rows["ask_size"] = self._random.integers(1_000, 90_000, (2, BOOKS, 10))
        return rows.tobytes()


def measure(seconds: float) -> dict[str, Any]:
    """Every figure."""
    hub = Hub()
    with tempfile.TemporaryDirectory() as place:
        server = DashboardServer(hub, "127.0.0.1", 0, "", Path(place) / "control.sock", "look")
        try:
            with browser(Path(place)) as page:
                with Feed(hub):
                    page.size(1440, 900)
                    page.open(f"http://127.0.0.1:{server.port}/")
                    page.until(
                        f"import('/main.js').then((m) => m.state.orders.size >= {ORDERS} && m.state.fills.length > 9)",
                        "all is there",
                    )
                    page.ask(WHOLE_HOUR)
                    frames = _frames(page, seconds)
                    points = page.ask("import('/main.js').then((m) => m.state.prices.get(1).length)")
                    page.ask(WATCH)
                grey_ms = page.until("window.greyMs", "every panel is grey")
        finally:
            server.close()
    load_kb = sum(len(body) for _, body in server.files.values()) / 1_000
    costs = sorted(frames)
    return {
        "machine": machine.describe(), "frames": len(costs), "orders": ORDERS, "points": points,
        "frame_ms_p50": round(costs[len(costs) // 2], 2), "frame_ms_p99": round(costs[int(len(costs) * 0.99)], 2),
        "frame_ms_max": round(costs[-1], 2), "first_load_kb": round(load_kb, 1),
        "grey_ms": round(grey_ms),
    }  # fmt: skip


def _frames(page: Page, seconds: float) -> list[float]:
    """The milliseconds of each frame, from a trace of the page's main thread."""
    events = page.trace("devtools.timeline,disabled-by-default-devtools.timeline", seconds)
    threads = [(one["pid"], one["tid"]) for one in events if one["name"] == "FireAnimationFrame"]
    busiest = max(set(threads), key=threads.count)
    ours = [one for one in events if (one["pid"], one["tid"]) == busiest and one["name"] in MEASURED and "dur" in one]
    frames: list[float] = []
    for one in sorted(ours, key=lambda event: event["ts"]):
        if one["name"] == "FireAnimationFrame":
            frames.append(0.0)
        if frames:
            frames[-1] += one["dur"] / 1e3
    return frames


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3 seconds in place of 20")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(3.0 if options.quick else 20.0)
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:16} {value}")


if __name__ == "__main__":
    main()

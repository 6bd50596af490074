"""The role dashboard: reads the lanes at each frame and publishes what has changed; a server sends it to the pages.

    lanes ─▶ Lanes: raw records ─┐
    cells ─▶ Parts: JSON         ├─▶ Picture ─▶ delta, and a snapshot where a page waits for one ─▶ Hub ─▶ server
    History: what a new page needs ┘

The role reads as a looker: it registers nowhere, and no writer waits for it. Without a page it reads slowly, so that
its history has no hole.
"""

import time
from typing import Protocol

from engine.dashboard.frames import FrameKind, SectionKind, encode, encode_parts, encode_records
from engine.dashboard.history import History
from engine.dashboard.hub import Hub
from engine.dashboard.lanes import Lanes, top_of
from engine.dashboard.parts import Parts

PARTS_NS = 200_000_000  # how often the slow parts are read
ALONE_NS = 200_000_000  # from frame to frame while no page is open
WORTH_NS = 1_000_000_000
WAIT_S = 0.05


class Serves(Protocol):
    """Sends the frames to the pages."""

    def close(self) -> None:
        """Stop serving."""


class DashboardRole:
    """Makes the frames."""

    def __init__(
        self, name: str, lanes: Lanes, parts: Parts, hub: Hub, history: History, server: Serves, every_ns: int
    ) -> None:
        """Make the first frame at the first step."""
        self.name, self._lanes, self._parts, self._hub, self._history = name, lanes, parts, hub, history
        self._server, self._every_ns = server, every_ns
        self._number = 0
        self._next_ns = self._parts_ns = self._worth_ns = 0
        self._due_s = 0.0  # the same as `_next_ns`, by the monotonic clock
        self._now: dict[str, object] = {}
        self._fixed = parts.fixed()
        self._books: dict[tuple[str, int], bytes] = {}
        self._moved: dict[tuple[str, int], bytes] = {}

    def step(self, now_ns: int) -> int:
        """Make a frame when one is due."""
        if now_ns < self._next_ns:
            return 0
        pause_ns = self._every_ns if self._hub.clients else ALONE_NS
        self._next_ns, self._due_s = now_ns + pause_ns, time.monotonic() + pause_ns / 1e9
        slow = now_ns >= self._parts_ns
        changed = self._read_parts(now_ns) if slow else {}
        books = self._lanes.books()
        self._books |= books
        self._moved |= books
        if slow:
            self._keep_prices(now_ns)
        orders, fills, journal = (list(self._lanes.new(lane)) for lane in ("orders", "fills", "journal"))
        worth = self._keep(now_ns, orders, fills, journal)
        self._number += 1
        sections = [
            (SectionKind.PARTS, encode_parts({"ages": self._lanes.ages(now_ns), **changed})),
            (SectionKind.BOOKS, encode_records(list(books.values()))),
            (SectionKind.ORDERS, encode_records(orders)),
            (SectionKind.FILLS, encode_records(fills)),
            (SectionKind.JOURNAL, encode_records(journal)),
            (SectionKind.WORTH, worth),
        ]
        delta = encode(FrameKind.DELTA, self._number, now_ns, sections)
        self._hub.publish(self._number, delta, self._snapshot(now_ns) if self._hub.snapshot_wanted else None)
        return 1

    def _read_parts(self, now_ns: int) -> dict[str, object]:
        """The parts that differ from those before."""
        self._parts_ns = now_ns + PARTS_NS
        self._lanes.search(now_ns)
        found = self._parts.read(now_ns, self._lanes)
        changed = {name: one for name, one in found.items() if self._now.get(name, self) != one}
        self._now = found
        return changed

    def _keep_prices(self, now_ns: int) -> None:
        """Add the good books that have changed since the last time to the history."""
        for top in map(top_of, self._moved.values()):
            if top.good:
                self._history.add_price(top.instrument, now_ns, top.bid, top.ask)
        self._moved.clear()

    def _keep(self, now_ns: int, orders: list[bytes], fills: list[bytes], journal: list[bytes]) -> bytes:
        """Add what was read to the history."""
        for record in orders:
            self._history.add_order(record)
        self._history.fills.extend(fills)
        self._history.journal.extend(journal)
        if now_ns < self._worth_ns or (value := self._parts.worth()) is None:
            return b""
        self._worth_ns = now_ns + WORTH_NS
        return self._history.add_worth(now_ns, value)

    def _snapshot(self, now_ns: int) -> bytes:
        """Everything, for a page that has nothing."""
        history = self._history
        return encode(
            FrameKind.SNAPSHOT,
            self._number,
            now_ns,
            [
                (SectionKind.PARTS, encode_parts({**self._fixed, "ages": self._lanes.ages(now_ns), **self._now})),
                (SectionKind.POINTS, b"".join(history.points())),
                (SectionKind.BOOKS, encode_records(list(self._books.values()))),
                (SectionKind.ORDERS, encode_records(list(history.orders.values()))),
                (SectionKind.FILLS, encode_records(list(history.fills))),
                (SectionKind.JOURNAL, encode_records(list(history.journal))),
                (SectionKind.WORTH, b"".join(history.worth)),
            ],
        )

    def lag(self) -> int:
        """Zero: it reads the newest, and owes no record."""
        return 0

    def error_count(self) -> int:
        """Records that were overwritten before they were read."""
        return self._lanes.lost

    def wait(self, timeout_ns: int) -> bool:
        """Sleep until the next frame. A reader that waits on a lane would cost its writer a system call."""
        time.sleep(max(0.0, min(timeout_ns / 1e9, WAIT_S, self._due_s - time.monotonic())))
        return True

    def drain(self, now_ns: int) -> bool:
        """Nothing is left to do."""
        del now_ns
        return True

    def close(self) -> None:
        """Stop serving."""
        self._server.close()

"""The real feed role in a real process, and what a reader of its lanes sees."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import shm
from engine.config import Config, load
from engine.evidence import STACK_SIGNAL, stack_file
from engine.lanes import LOOKERS, open_lanes
from engine.model.words import BookState, TickKind
from engine.supervisor import segments
from tests.engine.feed.live.truth import Top
from tests.engine.feed.live.wire import LiveServer

DEADLINE_S = 60.0  # a busy machine; nothing that holds waits for it
ROOT = Path(__file__).resolve().parents[4]
PATIENCE = "[feed]\nsubscribe_ms = 1500\nretry_min_ms = 50\nretry_max_ms = 400\nsettle_ms = 200\nrequest_ms = 20\n"


def evidence(pid: int, stack: Path) -> str:
    """What this process's threads and the feed do, and every socket of the two: who holds what up."""
    stacks = ["".join(traceback.format_stack(frame, 4)) for frame in sys._current_frames().values()]
    os.kill(pid, STACK_SIGNAL)
    deadline = time.monotonic() + 2
    while not (stack.exists() and stack.stat().st_size) and time.monotonic() < deadline:
        select.select([], [], [], 0.01)
    of_feed = stack.read_text() if stack.exists() else "the feed has written no stack"
    owners = {inode: owner for owner in (os.getpid(), pid) for inode in sockets_of(owner)}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    sockets = [f"{owners[row[9]]} {' '.join(row[1:5])}" for row in rows if row[9] in owners]
    return "\n".join(
        [*stacks, of_feed, f"test {os.getpid()}, feed {pid}: local, remote, state, unsent:unread", *sockets]
    )


def sockets_of(pid: int) -> list[str]:
    """The inodes of a process's sockets."""
    found = []
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found.append(os.readlink(path))
    return [link[len("socket:[") : -1] for link in found if link.startswith("socket:[")]


@dataclass
class Venue:
    """A configured venue with its server."""

    name: str
    kind: str
    server: LiveServer
    symbols: tuple[str, ...]
    product: str = "spot"
    key: str = ""  # the lines of a configuration that name one
    more: str = ""  # further options


@dataclass
class Seen:
    """What was read of one instrument."""

    prints: list[tuple[int, int, int, int]] = field(default_factory=list)
    states: list[int] = field(default_factory=list)
    wrong: list[Top] = field(default_factory=list)
    good: int = 0


class Engine:
    """One feed process of a system, with its venues. Of several, the venues of the other feeds are `others`."""

    def __init__(
        self, directory: Path, system: str, venues: list[Venue], feed: str = PATIENCE, role: str = "feed",
        others: Sequence[Venue] = (),
    ) -> None:  # fmt: skip
        """Make its lanes and start it."""
        self.venues, self.role = venues, role
        configured = sorted((*venues, *others), key=lambda one: one.name) if others else venues
        every = enumerate(((v, s) for v in configured for s in v.symbols), 1)
        numbers = {(venue.name, symbol): number for number, (venue, symbol) in every}
        self.config = self._write(directory, system, feed, configured, numbers)
        self.ids = {key: number for key, number in numbers.items() if key[0] in {venue.name for venue in venues}}
        segments.create(self.config)
        self.ticks = open_lanes(self.config.system.name, LOOKERS).ring_reader("ticks", role)
        self.books = open_lanes(self.config.system.name, LOOKERS).ring_reader("books", role)
        self.tops = open_lanes(self.config.system.name, LOOKERS).cell_reader("book_tops", role)
        self.instruments = open_lanes(self.config.system.name, LOOKERS).cell_reader("instruments", role)
        self.seen = {number: Seen() for number in self.ids.values()}
        self.lost = 0
        self.log = directory / f"{role}.log"
        self.truths = {
            self.ids[venue.name, symbol]: venue.server.wire.truths[symbol]
            for venue in venues
            for symbol in venue.symbols
            if symbol in venue.server.wire.truths
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start the process."""
        with self.log.open("ab") as log:
            words = [sys.executable, "-m", "engine.runtime", "--config", self.config.path, "--process", self.role]
            self.process = subprocess.Popen(words, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": str(ROOT)})

    def stop(self) -> int:
        """End the process as a supervisor would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def close(self) -> None:
        """End it however it is."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(20)

    def read(self) -> None:
        """Take what the lanes have, and hold every book that is called good against all that the venue ever had."""
        for row in self.ticks.rows():
            if isinstance(row, shm.Lapped):
                self.lost += row.lost
            elif row.kind == TickKind.PRINT:
                self.seen[row.instrument].prints.append((row.detail, row.price, row.size, row.side))
            elif row.kind == TickKind.STATE:
                self.seen[row.instrument].states.append(row.detail)
        for row in self.books.rows():
            if isinstance(row, shm.Lapped):
                self.lost += row.lost
            elif row.state == BookState.GOOD:
                self.seen[row.instrument].good += 1
                if top_of(row) not in self.truths[row.instrument].tops:
                    self.seen[row.instrument].wrong.append(top_of(row))

    def until(self, what: Callable[[], Any], text: str = "") -> Any:
        """Read on until something is so, with a deadline."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            self.read()
            if found := what():
                return found
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()[-4000:]
            assert time.monotonic() < deadline, (
                f"still not so: {text} {self.states()}\n{self.log.read_text()[-4000:]}\n{self._evidence()}"
            )
            select.select([], [], [], 0.01)

    def _evidence(self) -> str:
        assert self.process is not None
        return evidence(self.process.pid, stack_file(self.config.paths.run, self.role))

    def now(self) -> float:
        """Seconds by the clock that the deadlines are measured by."""
        return time.monotonic()

    def top(self, number: int) -> Any:
        """A book's cell."""
        return self.tops.read(number - 1)

    def state(self, number: int) -> BookState | None:
        """A book's state."""
        row = self.top(number)
        return None if row is None else BookState(row.state)

    def states(self) -> dict[int, BookState | None]:
        """Every book's state."""
        return {number: self.state(number) for number in self.ids.values()}

    def await_state(self, state: BookState, *numbers: int) -> None:
        """Wait until these books, or all, are in a state."""
        self.until(lambda: all(self.state(n) == state for n in numbers or self.ids.values()), f"{state!r} {numbers}")

    def is_true(self, number: int) -> bool:
        """Whether a book is good and what the venue's is."""
        row = self.top(number)
        return row is not None and row.state == BookState.GOOD and top_of(row) == self.truths[number].top()

    def await_truth(self, *numbers: int) -> None:
        """Wait until these books, or all that the venue has, are true."""
        self.until(lambda: all(self.is_true(n) for n in numbers or self.truths), f"true {numbers}")

    def await_whole(self) -> None:
        """Wait until every book is true and every channel subscribed."""
        self.await_truth()
        for venue in self.venues:
            wire = venue.server.wire
            expected = {
                (channel, symbol) for channel in wire.channels for symbol in wire.truths if symbol in venue.symbols
            }
            self.until(lambda w=wire, s=expected: any(s <= set(one.wants) for one in w.sessions), "all subscribed")

    def await_prints(self, number: int, first: int = 4) -> None:
        """Wait until every print from this one on (the first since the start) was published, once and in order."""
        truth = self.truths[number]
        expected = [(t.number, t.price, t.size, t.side) for t in truth.trades[first - 1 :]]
        self.until(lambda: len(self.seen[number].prints) >= len(expected), f"prints of {number}")
        assert self.seen[number].prints == expected

    def assert_never_wrong(self) -> None:
        """No book that was called good was ever another than the venue's, and no record was lost."""
        assert self.lost == 0
        for number, seen in self.seen.items():
            assert not seen.wrong, f"instrument {number}: {seen.wrong[0]} was no state of the venue"

    def shown(self, number: int) -> Any:
        """An instrument's cell."""
        return self.instruments.read(number - 1)

    def _write(
        self, directory: Path, system: str, feed: str, venues: Sequence[Venue], numbers: Mapping[tuple[str, str], int]
    ) -> Config:
        lines = [f'[system]\nname = "{system}"\n', feed]
        for venue in venues:
            lines.append(
                f'[[venues]]\nname = "{venue.name}"\nkind = "{venue.kind}"\nstream_url = "{venue.server.stream_url}"\n'
                f'request_url = "{venue.server.request_url}"\noptions = {{ product = "{venue.product}"{venue.more} }}\n'
                f"{venue.key}"
            )
            lines += [
                f'[[instruments]]\nid = {numbers[venue.name, symbol]}\nvenue = "{venue.name}"\nsymbol = "{symbol}"\n'
                for symbol in venue.symbols
            ]
        path = directory / "system.toml"
        path.write_text("".join(lines))
        config = load(path)
        config.paths.make()
        return config


def top_of(row: Any) -> Top:
    """The levels of a book's record."""
    bids = tuple(zip(row.bid_price[: row.bids], row.bid_size[: row.bids], strict=True))
    asks = tuple(zip(row.ask_price[: row.asks], row.ask_size[: row.asks], strict=True))
    return bids, asks

"""Recordings through the whole feed role, as fast as it can: from the blocks on disk to records in the lanes.

One process, one core; the reader that counts what was lost drains between the measured steps.
"""

import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import shm
from bench import corpus
from engine.feed.books.outbox import Outbox
from engine.feed.capture.entries import pack
from engine.feed.capture.formats import read_capture
from engine.feed.capture.writing import RecordingWriter
from engine.feed.config import FeedConfig
from engine.feed.feed import Feed
from engine.feed.instruments.instruments import save_instruments
from engine.feed.replay.replay_source import Reel, ReplayPorts
from engine.feed.replay.replay_survey import bare_instrument
from engine.feed.replay.role import ReplayRole, Stage
from engine.lanes import FEED, LOOKERS, open_lanes
from engine.lanes.create import create
from engine.model.words import FrameKind
from engine.venues.catalogue import dialect_of

ROUNDS = 3
SYMBOL, NUMBER, CONNECTION = "BTCUSDT", 1, 1
BLOCK_ENTRIES = 4096
LANES = ("ticks.feed", "books.feed", "book_tops.feed")
PATHS = {"binance": "/api/v3/depth", "binance-usdm": "/fapi/v1/depth"}
SESSIONS = (("binance", 8, corpus.SPOT), ("binance-usdm", 3, corpus.USDM))


def entries(dialect: str, names: tuple[str, ...]) -> Iterator[bytes]:
    """Captured files as the entries of a recording of ours."""
    begin = f'{{"venue":"{dialect}","dialect":"{dialect}","target":"/stream"}}'.encode()
    answer = f"200 {PATHS[dialect]}?symbol={SYMBOL}\n".encode()
    for place, piece in enumerate(piece for name in names for piece in read_capture(corpus.CAPTURES / name)):
        if place == 0:
            yield pack(piece.time_ns, CONNECTION, FrameKind.BEGIN, begin)
        if piece.payload.startswith(corpus.SNAPSHOT):
            yield pack(piece.time_ns, CONNECTION, FrameKind.RESPONSE, answer + piece.payload)
        else:
            yield pack(piece.time_ns, CONNECTION, FrameKind.RECEIVED, piece.payload)


def convert(path: Path, dialect: str, names: tuple[str, ...]) -> None:
    """Write one recording."""
    writer, block = RecordingWriter(path, 0), []
    for entry in entries(dialect, names):
        block.append(entry)
        if len(block) == BLOCK_ENTRIES:
            writer.write(b"".join(block), len(block), 0, 0, 0)
            block.clear()
    writer.write(b"".join(block), len(block), 0, 0, 0)
    writer.close()


class Run:
    """Real lanes, the role on them, and the reader that counts."""

    def __init__(self, folder: Path, path: Path, dialect: str, decimals: int) -> None:
        """Everything up to the first frame."""
        self.system = f"bench-replay-{uuid.uuid4().hex[:8]}"
        for name in LANES:
            create(self.system, name, wake="never")
        self.rings = [open_lanes(self.system, FEED).ring_writer(name, populate=True) for name in LANES[:2]]
        self.cells = open_lanes(self.system, FEED).cell_writer("book_tops")
        self.reader = open_lanes(self.system, LOOKERS).ring_reader("ticks")
        kept = str(folder / f"{dialect}.json")
        save_instruments(kept, [bare_instrument(dialect, SYMBOL, NUMBER, decimals, decimals)], 0)
        config = FeedConfig(dialect, {SYMBOL: NUMBER}, instruments_path=kept, kept_only=True)
        reel = Reel([path], "steelyard", dialect, dialect_of(dialect), [SYMBOL])
        ports = ReplayPorts(reel, {PATHS[dialect]})
        self.stage = Stage(ports, Feed(config, ports, Outbox(*self.rings, self.cells, 0)))
        self.role = ReplayRole("feed", [self.stage], "max", lambda: None)
        self.lost = self.read = 0

    def run(self) -> int:
        """Run to the end; return the time in the role's steps, in nanoseconds."""
        spent = 0
        while not self.role.ended:
            before = time.perf_counter_ns()
            self.role.step(1)
            spent += time.perf_counter_ns() - before
            lost, records = self.reader.copy()
            self.lost += lost
            self.read += len(records)
        return spent

    @property
    def missing(self) -> int:
        """The number of lost records and frames, and of gaps of the book."""
        pipeline = self.stage.feed.pipeline
        assert pipeline is not None, "nothing was replayed"
        unread = self.rings[0].cursor - self.read
        return self.lost + unread + pipeline.malformed + pipeline.tracks[0].gaps + self.stage.ports.passed_over

    def close(self) -> None:
        """Remove the lanes."""
        for lane in (*self.rings, self.cells):
            lane.close()
        for name in LANES:
            shm.remove(f"{self.system}.{name}")


@contextmanager
def new_run(folder: Path, path: Path, dialect: str, decimals: int) -> Iterator[Run]:
    """One run; its lanes are removed at the end."""
    made = Run(folder, path, dialect, decimals)
    try:
        yield made
    finally:
        made.close()


def measure() -> dict[str, object]:
    """Frames a second, the median of the rounds, and the losses of all rounds."""
    rates, missing = [], 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for dialect, _, files in SESSIONS:
            convert(folder / f"{dialect}.sycap", dialect, files)
        for _ in range(ROUNDS):
            frames = spent = 0
            for dialect, decimals, _ in SESSIONS:
                with new_run(folder, folder / f"{dialect}.sycap", dialect, decimals) as one:
                    spent += one.run()
                    frames += one.stage.ports.frames
                    missing += one.missing
            rates.append(frames * 1e9 / spent)
    return {"replay_messages_per_s": int(statistics.median(rates)), "replay_lost": missing}

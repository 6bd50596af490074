"""Recordings through the feed role: the same ticks every time, in the order they came, and no way to an order."""

import os
import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import shm
from engine.cli import main
from engine.config import ConfigError, load
from engine.execution import build as build_execution
from engine.feed.books.outbox import Outbox
from engine.feed.capture.entries import pack
from engine.feed.capture.formats import FORMATS
from engine.feed.capture.recorder import Recorder
from engine.feed.capture.tapped import TappedPorts
from engine.feed.capture.writing import RecordingWriter
from engine.feed.config import FeedConfig
from engine.feed.feed import Feed
from engine.feed.replay.build import make_stage
from engine.feed.replay.options import ReplayOptions
from engine.feed.replay.role import ReplayRole, Stage
from engine.lanes import FEED, LOOKERS, open_lanes
from engine.lanes.create import create
from engine.model.words import BookState, FrameKind, TickKind
from tests.engine.feed.capture.lanes import open_tap
from tests.engine.feed.feed_fakes import SECOND, START, Bench, diff, ticker, trade

CAPTURES = Path(os.environ.get("STEELYARD_CAPTURES", "../shared/captures"))
needs_captures = pytest.mark.skipif(not CAPTURES.is_dir(), reason=f"no recorded traffic in {CAPTURES}")
LANES = ("ticks.feed", "books.feed", "book_tops.feed")
BEGIN = b'{"venue":"%s","dialect":"%s","target":"/stream"}'
SNAPSHOT = b'{"lastUpdateId":100,"bids":[["100.00","1"]],"asks":[["101.00","1"]]}'


class Theatre:
    """Lanes, an outbox, and stages on them."""

    def __init__(self, tmp_path: Path) -> None:
        """Make the lanes."""
        self.tmp_path = tmp_path
        self.system = f"test-replay-{uuid.uuid4().hex[:12]}"
        for name in LANES:
            create(self.system, name, wake="never")
        self.rings = [open_lanes(self.system, FEED).ring_writer(name) for name in LANES[:2]]
        self.cells = open_lanes(self.system, FEED).cell_writer("book_tops")
        self.ticks = open_lanes(self.system, LOOKERS).ring_reader("ticks")
        self.tops = open_lanes(self.system, LOOKERS).cell_reader("book_tops")
        self.outbox = Outbox(*self.rings, self.cells, 0)
        self.ends = 0

    def stage(self, files: list[Path], venue: str, dialect: str, symbols: dict[str, int]) -> Stage:
        """One venue."""
        path = str(self.tmp_path / f"instruments.{venue}.json")
        config = FeedConfig(dialect, symbols, dict(symbols), instruments_path=path)
        return make_stage(config, venue, files, "", self.outbox)

    def role(self, *stages: Stage, speed: Any = "max") -> ReplayRole:
        """Both feeds and their end."""
        return ReplayRole("feed", list(stages), speed, self.end)

    def end(self) -> None:
        """Count the ends."""
        self.ends += 1

    def play(self, *stages: Stage) -> "np.ndarray[Any, np.dtype[np.void]]":
        """Everything at once; the ticks, publish_ns left out."""
        role, batches = self.role(*stages), []
        while not role.ended:
            role.step(1)
            lost, records = self.ticks.copy()
            assert lost == 0
            batches.append(records)
        ticks = np.concatenate(batches)
        ticks["publish_ns"] = 0
        return ticks

    def close(self) -> None:
        """Remove what was made."""
        for lane in (*self.rings, self.cells):
            lane.close()
        for name in LANES:
            shm.remove(f"{self.system}.{name}")


@contextmanager
def theatre(tmp_path: Path) -> Iterator[Theatre]:
    """One, removed at the end."""
    made = Theatre(tmp_path)
    try:
        yield made
    finally:
        made.close()


def write(path: Path, *entries: tuple[int, int, int, bytes]) -> Path:
    """A recording of these entries."""
    writer = RecordingWriter(path, 1)
    writer.write(b"".join(pack(*entry) for entry in entries), len(entries), 0, 0, 1)
    writer.close()
    return path


def session(venue: bytes = b"main", symbol: str = "BTCUSDT", start: int = START, number: int = 1) -> list[Any]:
    """A snapshot, and diffs a second apart that move the best bid."""
    answer = f"200 /api/v3/depth?symbol={symbol}&limit=5000\n".encode() + SNAPSHOT
    diffs = [diff(101 + n, 101 + n, [["100.00", str(n + 1)]], symbol=symbol) for n in range(10)]
    return [
        (start, number, FrameKind.BEGIN, BEGIN % (venue, b"binance")),
        (start, number, FrameKind.RECEIVED, diffs[0]),
        (start + 1, number + 1, FrameKind.RESPONSE, answer),
        *((start + n * SECOND, number, FrameKind.RECEIVED, diffs[n]) for n in range(1, 10)),
    ]


def with_rest(entries: list[Any], venue: bytes = b"main") -> list[Any]:
    """The way to the REST side is a connection too."""
    number = entries[0][1] + 1
    begin = b'{"venue":"%s","dialect":"binance","target":""}' % venue
    return [(START, number, FrameKind.BEGIN, begin), *entries]


def best_bids(ticks: Any) -> list[tuple[int, int]]:
    """When received, and the size."""
    chosen = (ticks["kind"] == TickKind.BEST) & (ticks["side"] == 1)
    return [(int(row["receive_ns"]), int(row["size"])) for row in ticks[chosen]]


def test_a_recorded_session_gives_the_ticks_that_the_live_feed_published(tmp_path: Path) -> None:
    """Yesterday's recording, replayed, must show yesterday's market: to the digit and the nanosecond."""
    bench = Bench()
    for name in ("frames.feed", "connections.feed"):
        create(bench.system, name)
    tap = open_tap(bench.system)
    try:
        bench.feed = Feed(bench.config, TappedPorts(bench.ports, tap, "main", "binance"), bench.outbox)
        bench.good()
        for n in range(20):
            bench.step(0.05, diff(111 + n, 111 + n, [["100.00", str(n + 2)]]), trade(n + 1, "100.5", "1", maker=True))
            bench.step(0.05, ticker(111 + n, "100.00", str(n + 2), "101.00", "3"))
        live = [row for row in bench.published() if row.kind != TickKind.STATE]
        recorder = Recorder(bench.system)
        writer = RecordingWriter(tmp_path / "a.sycap", 1)
        recorder.step(writer, 1)
        recorder.finish(writer, 2)
    finally:
        bench.close()
        tap.close()
        for name in ("frames.feed", "connections.feed"):
            shm.remove(f"{bench.system}.{name}")
    with theatre(tmp_path) as made:
        ticks = made.play(made.stage([tmp_path / "a.sycap"], "main", "binance", {"BTCUSDT": 7}))
    again = ticks[ticks["kind"] != TickKind.STATE]
    fields = [name for name in again.dtype.names if name != "publish_ns"]
    assert [tuple(int(row[name]) for name in fields) for row in again] == [
        tuple(int(getattr(row, name)) for name in fields) for row in live
    ]


def test_two_replays_publish_the_same_bytes(tmp_path: Path) -> None:
    """What is decided on it can only be repeated if it is the same."""
    path = write(tmp_path / "a.sycap", *with_rest(session()))
    with theatre(tmp_path) as one, theatre(tmp_path) as other:
        first, second = (made.play(made.stage([path], "main", "binance", {"BTCUSDT": 7})) for made in (one, other))
    assert first.tobytes() == second.tobytes()
    assert [size for _, size in best_bids(first)][-1] == 10


@needs_captures
def test_recorded_traffic_gives_the_same_bytes_twice(tmp_path: Path) -> None:
    """The same, over a real book and its reconnects."""
    path = CAPTURES / "binance/usdm_btcusdt_20220811.dat.zst"
    with theatre(tmp_path) as one, theatre(tmp_path) as other:
        first, second = (made.play(made.stage([path], "u", "binance-usdm", {"BTCUSDT": 7})) for made in (one, other))
    assert len(first) > 1000
    assert first.tobytes() == second.tobytes()


@needs_captures
@pytest.mark.parametrize(
    ("name", "dialect", "symbol"),
    [
        ("binance/usdm_btcusdt_20220811.dat.zst", "binance-usdm", "BTCUSDT"),  # hft
        ("binance/cryptofeed_BINANCE.jsonl.zst", "binance", "LRCBTC"),  # cf2, its answers before its frames
        ("kraken/kraken_minagbp_d25_20260816.ndjson", "kraken", "MINA/GBP"),  # dc
        ("kraken/DERIVED_pysdk_v2_wireform_first256.ndjson.zst", "kraken", "BTC/USD"),  # ndjson, without times
    ],
)
def test_every_format_is_a_source(tmp_path: Path, name: str, dialect: str, symbol: str) -> None:
    """A user's captures were made by another recorder."""
    with theatre(tmp_path) as made:
        stage = made.stage([CAPTURES / name], "v", dialect, {symbol: 3})
        ticks = made.play(stage)
        assert stage.ports.reel.error == ""
        assert stage.feed.malformed == 0
    states = [int(row["detail"]) for row in ticks if row["kind"] == TickKind.STATE]
    assert BookState.GOOD in states
    assert BookState.SUSPECT not in states
    assert states[-1] == BookState.DISCONNECTED


def test_recorded_time_goes_by_as_fast_as_asked(tmp_path: Path) -> None:
    """At twice the speed two seconds of the recording are published in one, and no tick before its time."""
    path = write(tmp_path / "a.sycap", *with_rest(session()))
    with theatre(tmp_path) as made:
        role = made.role(made.stage([path], "main", "binance", {"BTCUSDT": 7}), speed=2)
        for seconds in range(4):
            for _ in range(10):
                role.step(5 + seconds * SECOND)
            latest = made.ticks.latest(1)[0]
            assert START + (2 * seconds - 1) * SECOND < int(latest["receive_ns"]) <= START + 2 * seconds * SECOND + 1
        assert not role.ended


def test_two_venues_are_published_in_the_order_of_their_times(tmp_path: Path) -> None:
    """What one venue did must not be seen before what the other did earlier."""
    one = with_rest(session(b"main", start=START, number=1))
    other = with_rest(session(b"second", start=START + SECOND // 3, number=3), b"second")
    path = write(tmp_path / "a.sycap", *sorted(one + other, key=lambda entry: entry[0]))
    with theatre(tmp_path) as made:
        stages = [made.stage([path], venue, "binance", {"BTCUSDT": number}) for venue, number in
                  (("main", 1), ("second", 2))]  # fmt: skip
        ticks = made.play(*stages)
    bids = ticks[(ticks["kind"] == TickKind.BEST) & (ticks["side"] == 1)]
    assert [int(row["instrument"]) for row in bids[-8:]] == [1, 2] * 4
    assert all(before < after for before, after in pairwise(bids["receive_ns"][-8:].tolist()))


def test_a_recorded_reconnect_is_a_reconnect(tmp_path: Path) -> None:
    """The book is gone when the connection was, and good again after its next snapshot."""
    first, second = with_rest(session()), session(start=START + 60 * SECOND, number=8)
    first.append((START + 20 * SECOND, 1, FrameKind.CLOSED, b"reset"))
    second[2] = (second[2][0], 2, *second[2][2:])
    path = write(tmp_path / "a.sycap", *first, *second)
    with theatre(tmp_path) as made:
        stage = made.stage([path], "main", "binance", {"BTCUSDT": 7})
        ticks = made.play(stage)
    states = [int(row["detail"]) for row in ticks if row["kind"] == TickKind.STATE]
    expected = [BookState.GOOD, BookState.DISCONNECTED, BookState.GOOD, BookState.DISCONNECTED]
    assert [state for state in states if state in expected] == expected
    assert stage.ports.frames == 20


def test_a_gap_in_the_recording_is_a_gap_in_the_book(tmp_path: Path) -> None:
    """What the recorder lost was not what the venue did: the book must not go on over it."""
    entries = with_rest(session())
    del entries[7]
    path = write(tmp_path / "a.sycap", *entries)
    with theatre(tmp_path) as made:
        stage = made.stage([path], "main", "binance", {"BTCUSDT": 7})
        made.play(stage)
        assert stage.feed.pipeline is not None
        assert stage.feed.pipeline.tracks[0].gaps == 1


def test_the_end_leaves_no_book_to_believe_and_comes_once(tmp_path: Path) -> None:
    """A price that is no longer confirmed must not look alive."""
    path = write(tmp_path / "a.sycap", *with_rest(session()))
    with theatre(tmp_path) as made:
        role = made.role(made.stage([path], "main", "binance", {"BTCUSDT": 7}))
        for _ in range(20):
            role.step(1)
        assert role.ended
        assert role.step(2) == 0
        assert made.ends == 1
        assert made.tops.read(7).state == BookState.DISCONNECTED
        assert role.drain(3)


def test_a_recording_that_breaks_off_ends_the_replay_and_is_published(tmp_path: Path) -> None:
    """A damaged file is no reason to die and be started anew for ever."""
    path = tmp_path / "a.sycap"
    writer = RecordingWriter(path, 1)
    noise = START + SECOND, 2, FrameKind.REQUEST, random.Random(1).randbytes(1 << 17)  # more than is read ahead
    for entry in [*with_rest(session())[:5], noise, *with_rest(session())[5:]]:
        writer.write(pack(*entry), 1, 0, 0, 1)
    writer.close()
    with theatre(tmp_path) as made:
        stage = made.stage([path], "main", "binance", {"BTCUSDT": 7})
        content = bytearray(path.read_bytes())
        content[-200] ^= 1
        path.write_bytes(content)
        made.play(stage)
        assert "damaged" in stage.ports.reel.error


CONFIG = """
[system]
name = "{system}"
mode = "{mode}"
[[venues]]
name = "binance"
kind = "binance"
[[instruments]]
id = 7
venue = "binance"
symbol = "BTCUSDT"
[feed]
source = "{source}"
[feed.replay.files]
binance = ["{file}"]
"""


def config_file(tmp_path: Path, mode: str, source: str, file: str = "a.sycap", more: str = "") -> str:
    """Write one; its path."""
    path = tmp_path / "system.toml"
    path.write_text(CONFIG.format(system="t" + uuid.uuid4().hex[:8], mode=mode, source=source, file=file) + more)
    return str(path)


def test_a_replay_has_no_execution(tmp_path: Path) -> None:
    """Old prices must not move real money: none is started, none can be configured, none can be built."""
    config = load(config_file(tmp_path, "replay", "replay"))
    assert config.role_names == ("feed",)
    with pytest.raises(ValueError, match="no order may leave"):
        build_execution(config, "execution")
    more = '[[processes]]\nname = "x"\nroles = ["feed", "execution"]\n'
    with pytest.raises(ConfigError, match="no order may leave"):
        load(config_file(tmp_path, "replay", "replay", more=more))


@pytest.mark.parametrize(("mode", "source"), [("live", "replay"), ("replay", "venue")])
def test_recorded_prices_and_mode_live_are_never_one_system(
    tmp_path: Path, mode: str, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a live system a recording would be traded on."""
    write(tmp_path / "a.sycap", *with_rest(session()))
    assert main(["up", config_file(tmp_path, mode, source)]) in (1, 2)
    assert "expected source replay in mode replay" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_refused_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message contains the name, and no process dies again and again."""
    assert main(["up", config_file(tmp_path, "replay", "replay", "gone.sycap")]) == 2
    assert "gone.sycap: expected a file" in capsys.readouterr().err


@pytest.mark.parametrize("line", ["speed = inf", "speed = 0", 'format = "csv"', 'at_end = "loop"'])
def test_a_replay_that_could_not_start_is_refused_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    """A table called sound by `check` whose feed then dies and dies."""
    write(tmp_path / "a.sycap", *with_rest(session()))
    path = Path(config_file(tmp_path, "replay", "replay"))
    path.write_text(path.read_text() + f"[feed.replay]\n{line}\n")
    assert main(["check", str(path)]) == 2
    assert f"$.{line.split(maxsplit=1)[0]}" in capsys.readouterr().err


def test_every_format_that_check_reads_may_be_named_in_a_replay() -> None:
    """Two lists of the same names drift apart."""
    for name in ("", *FORMATS):
        assert msgspec.convert({"files": {}, "format": name}, ReplayOptions).format == name

"""A feed under load for long: nothing lost, nothing torn, and no memory that grows. `make soak` runs it whole."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import clock
from engine.feed.capture.entries import pack
from engine.feed.capture.recording import Entry, read_blocks
from engine.feed.capture.writing import RecordingWriter
from engine.feed.config import FeedConfig
from engine.feed.feed import Feed
from engine.feed.instruments.instruments import save_instruments
from engine.feed.replay.replay_source import Reel, ReplayPorts
from engine.feed.replay.replay_survey import bare_instrument
from engine.feed.replay.role import ReplayRole, Stage
from engine.model.words import FrameKind
from engine.venues.catalogue import dialect_of
from tests.engine.feed.feed_fakes import SECOND, START
from tests.engine.feed.replay.test_replay import theatre

ROOT = Path(__file__).resolve().parents[4]
RATE = 100_000
GAP_NS = SECOND // RATE
BLOCK = 4096
EVERY = 100  # a diff among so many best bids
GROWTH_MAX = 4 << 20
PATH = "/api/v3/depth"
BEGIN = b'{"venue":"v","dialect":"binance","target":"/stream"}'
ANSWER = b'200 /api/v3/depth?symbol=BTCUSDT\n{"lastUpdateId":1,"bids":[["99.00","1"]],"asks":[["101.00","1"]]}'
BEST = b'{"stream":"btcusdt@bookTicker","data":{"u":%d,"s":"BTCUSDT","b":"100.00","B":"%d","a":"101.00","A":"1"}}'
DIFF = (
    b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1700000000000,"s":"BTCUSDT","U":%d,"u":%d,'
    b'"b":[["100.00","%d"]],"a":[]}}'
)


def frames(count: int) -> Iterator[bytes]:
    """Best bids whose size is their number, and at intervals a diff with the same values."""
    done = 1
    for number in range(2, count + 2):
        if number % EVERY == 2:
            yield DIFF % (done + 1, number, number)
            done = number
        else:
            yield BEST % (number, number)


def write_session(path: Path, count: int) -> None:
    """A recording of so many frames, a hundred thousand a second."""
    writer = RecordingWriter(path, 1)
    block = [pack(START, 1, FrameKind.BEGIN, BEGIN), pack(START, 1, FrameKind.RESPONSE, ANSWER)]
    for place, frame in enumerate(frames(count)):
        block.append(pack(START + place * GAP_NS, 1, FrameKind.RECEIVED, frame))
        if len(block) >= BLOCK:
            writer.write(b"".join(block), len(block), 0, 0, 1)
            block.clear()
    block.append(pack(START + count * GAP_NS, 1, FrameKind.CLOSED, b"the end"))
    writer.write(b"".join(block), len(block), 0, 0, 1)
    writer.close()


class Again(Reel):
    """One recording many times over, each an hour after the other."""

    rounds = 1

    def _read(self, files: object, kind: str, venue: str) -> Iterator[list[Entry]]:
        del kind
        for number in range(self.rounds):
            for path in files:
                for block in read_blocks(path, venue):
                    yield [(time_ns + number * 3600 * SECOND, *rest) for time_ns, *rest in block]


def stage_of(made: object, path: Path, rounds: int = 1) -> Stage:
    """The feed over it."""
    kept = str(made.tmp_path / "kept.json")
    save_instruments(kept, [bare_instrument("binance", "BTCUSDT", 7, 2, 8)], 0)
    config = FeedConfig("binance", {"BTCUSDT": 7}, instruments_path=kept, kept_only=True)
    Again.rounds = rounds
    ports = ReplayPorts(Again([path], "", "v", dialect_of("binance"), ["BTCUSDT"]), {PATH})
    return Stage(ports, Feed(config, ports, made.outbox))


@pytest.mark.parametrize("seconds", [1, pytest.param(60, marks=[pytest.mark.soak, pytest.mark.timeout(900)])])
def test_a_hundred_thousand_messages_a_second_reach_another_process_whole(tmp_path: Path, seconds: int) -> None:
    """The rate of a busy day over several venues: a lost tick is a wrong book, a torn one a wrong price."""
    count = RATE * seconds
    write_session(tmp_path / "a.sycap", count)
    with theatre(tmp_path) as made:
        stage = stage_of(made, tmp_path / "a.sycap")
        role = ReplayRole("feed", [stage], 1.0, made.end)
        command = [sys.executable, "-m", "tests.engine.feed.replay.replay_reader", made.system, str(count + 1)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as reader:
            assert reader.stdout is not None
            assert reader.stdout.readline() == b"ready\n"
            while not role.ended:
                role.step(clock.now_ns())
            out, _ = reader.communicate(timeout=60)
        published = made.rings[0].cursor
    found = json.loads(out)
    print(found, "published", published)  # noqa: T201
    assert (found["lost"], found["torn"]) == (0, 0)
    assert published - 4 <= found["ticks"] <= published  # the end's states come after the last best bid
    assert found["ticks"] > count * 9 // 10  # events before the book was GOOD are not published
    assert stage.ports.frames == count
    assert stage.feed.pipeline is not None
    assert (stage.feed.pipeline.malformed, stage.feed.pipeline.tracks[0].gaps) == (0, 0)


def own_memory() -> int:
    """The private bytes of this process: the lanes do not count."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition("RssAnon:")[2].split()[0]) << 10


@pytest.mark.parametrize(
    "messages", [600_000, pytest.param(100_000_000, marks=[pytest.mark.soak, pytest.mark.timeout(3000)])]
)
def test_memory_does_not_grow(tmp_path: Path, messages: int) -> None:
    """A feed lives for months, through thousands of reconnects."""
    once = 100_000
    write_session(tmp_path / "a.sycap", once)
    with theatre(tmp_path) as made:
        stage = stage_of(made, tmp_path / "a.sycap", messages // once)
        role = ReplayRole("feed", [stage], "max", made.end)
        warm = 0
        while not role.ended:
            role.step(1)
            if not warm and stage.ports.frames >= messages // 2:
                warm = own_memory()
        growth = own_memory() - warm
        print(f"{stage.ports.frames} frames, {stage.feed.connections.reconnects} reconnects, grew by {growth} bytes")  # noqa: T201
        assert stage.ports.frames == messages
        assert stage.ports.passed_over == 0
        assert stage.feed.connections.reconnects >= messages // once
        assert growth < GROWTH_MAX

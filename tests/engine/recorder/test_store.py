"""The history: every recorded row once, whatever killed the process that seals and compacts."""

import dataclasses
import os
import random
import select
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.lanes.create import create
from engine.lanes.map import LANES, lane_of
from engine.lanes.open import full_name
from engine.recorder.locks import PARTS, STORE
from engine.recorder.part import read_blocks, read_head
from engine.recorder.sources import CellSource, row_of
from engine.recorder.store import hot
from engine.recorder.store.check import problems, summary
from engine.recorder.store.columns import fit
from engine.recorder.store.disk import Disk
from engine.recorder.store.manifest import Manifest, ManifestError, kinds
from engine.recorder.store.merge import Stream, merge
from engine.recorder.store.run import Done, run
from research import history
from tests.engine.recorder.conftest import BTC, DAY_NS, NOON_NS, Market, Recorders, kill, parts_of

MIDNIGHT_NS = (NOON_NS // DAY_NS + 1) * DAY_NS
LATER_NS = NOON_NS + 5 * DAY_NS
ETH = dataclasses.replace(BTC, id=2, venue="kraken")


class Killed(BaseException):
    """The process ends here."""


class Dying(Disk):
    """Dies before its n-th effect; a file that it was writing keeps half of its bytes."""

    def __init__(self, effects: int) -> None:
        """Allow so many effects."""
        self.left = effects

    def _spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed

    def replace(self, path: Path, content: bytes) -> None:
        """Die in the middle of the write."""
        if self.left == 0:
            path.with_name(".new-" + path.name).write_bytes(content[: len(content) // 2])
        self._spend()
        super().replace(path, content)

    def sync(self, path: Path) -> None:
        """Die before it; the page cache outlives a killed process."""
        del path
        self._spend()

    def rename(self, old: Path, new: Path) -> None:
        """Die before it."""
        self._spend()
        super().rename(old, new)

    def retire(self, path: Path) -> None:
        """Die before it."""
        self._spend()
        super().retire(path)

    def remove(self, path: Path) -> None:
        """Die before it."""
        self._spend()
        super().remove(path)


class Unflushed(Disk):
    """Leaves the bytes in the page cache, which outlives a killed process."""

    def sync(self, path: Path) -> None:
        """Do nothing."""


@pytest.fixture
def memory() -> Iterator[Path]:
    """A directory in memory: these tests rename and remove thousands of files."""
    with TemporaryDirectory(dir="/dev/shm") as name:
        yield Path(name)


def record(market: Market, recorder: Recorders, sizes: tuple[int, ...] = (300, 200, 250), *, second: int = 2) -> int:
    """Two instruments over two days, in as many parts as there are sizes; how many rows. The second is at kraken."""
    market.list(BTC, ETH)
    life = recorder(lanes=("ticks",))
    for number, size in enumerate(sizes):
        for instrument, half in ((1, size // 2), (second, size - size // 2)):
            first = MIDNIGHT_NS - (market.ticks.cursor + half // 2) * 1_000
            market.send(half, at_ns=first, instrument=instrument)
        life.drain(NOON_NS + number)
        life.parts["ticks.feed"].finish()
    kill(life)
    return sum(sizes)


def held(directory: Path) -> Counter[int]:
    """Each number of the lane, with how often a reader of manifest and parts finds it."""
    kind = directory / STORE / "ticks"
    manifest = Manifest.load(kind)
    after = max((one.after for one in manifest.sources.values()), default=0)
    found: Counter[int] = Counter()
    for path in manifest.files:
        found.update(pq.ParquetFile(kind / path).read(["sequence"]).column(0).to_pylist())
    for path in [*parts_of(directory / PARTS / "ticks.feed"), *parts_of(directory / PARTS / "ticks.feed", ".open")]:
        blocks = (block for block, _ in read_blocks(path, read_head(path)[1]))
        found.update(number for block in blocks for number in range(block.first, block.after) if number >= after)
    return found


def table(directory: Path) -> pa.Table:
    """Every row of the history of ticks, in the order of the lane."""
    kind = directory / STORE / "ticks"
    files = [pq.ParquetFile(kind / path).read() for path in Manifest.load(kind).files]
    return pa.concat_tables([one.unify_dictionaries() for one in files]).sort_by("sequence")


def test_what_was_recorded_is_sealed_exactly(market: Market, recorder: Recorders, tmp_path: Path) -> None:
    """The prices of a history are the prices of the lane, to the last digit, under their own venue and day."""
    total = record(market, recorder)
    done = run(tmp_path, LATER_NS)
    found = table(tmp_path)
    assert done == Done(total, 4, 0, 0)
    assert found.column("price").to_pylist() == found.column("sequence").to_pylist() == list(range(total))
    assert set(found.column("symbol").to_pylist()) == {"BTCUSDT"}
    assert set(found.column("price_decimals").to_pylist()) == {2}
    files = Manifest.load(tmp_path / STORE / "ticks").partitions()
    assert [len(one) for one in files.values()] == [1, 1, 1, 1]
    assert {venue for venue, _ in files} == {"binance", "kraken"}
    assert list(problems(tmp_path / PARTS, tmp_path / STORE)) == []


def test_a_reader_that_began_before_a_compaction_can_finish(
    market: Market, recorder: Recorders, tmp_path: Path
) -> None:
    """A notebook reads for minutes while the recorder's child compacts; the merged files are removed an hour later."""
    total = record(market, recorder)
    run(tmp_path, NOON_NS - 5 * DAY_NS, disk=Unflushed())
    found = history("ticks", directory=tmp_path)
    assert len(found.files) == 12
    run(tmp_path, LATER_NS, disk=Unflushed())
    assert sum(len(batch) for batch in found) == total
    done = run(tmp_path, time.time_ns() + 2 * 3_600 * 10**9, disk=Unflushed())
    assert done.removed == 12
    with pytest.raises(FileNotFoundError, match="open it again"):
        list(found)
    assert sum(len(batch) for batch in history("ticks", directory=tmp_path)) == total


def test_every_kind_of_the_map_is_sealed(market: Market, recorder: Recorders, tmp_path: Path) -> None:
    """Each record has its own fields, an instrument its own symbol: none may stop the others."""
    for lane in LANES:
        create(market.system, full_name(lane, ".".join(lane.owner_kinds)))
    life = recorder()
    life.drain(NOON_NS)
    for source in life.sources.values():
        kind = "cells" if isinstance(source, CellSource) else "ring"
        row = np.zeros(1, row_of(source.reader.record, kind).dtype)
        source.log.add_rows(row, source.log.after, NOON_NS)
    life.drain(NOON_NS)
    kill(life)
    done = run(tmp_path, LATER_NS, every=True, disk=Unflushed())
    recorded = [lane.name for lane in LANES if lane.keeps_records]
    assert kinds(tmp_path / STORE) == sorted(recorded)
    assert done.rows == len(recorded) + 1  # and the instrument that the market published
    assert list(problems(tmp_path / PARTS, tmp_path / STORE)) == []


def test_a_part_that_cannot_be_read_stops_only_its_own_lane(
    market: Market, recorder: Recorders, tmp_path: Path
) -> None:
    """One bad sector must not keep a whole day out of the history."""
    life = recorder(lanes=("ticks", "instruments"))
    market.send(5)
    life.drain(1)
    kill(life)
    (part,) = parts_of(tmp_path / PARTS / "instruments.feed", ".open")
    os.truncate(part, 40)
    part.write_bytes(part.read_bytes() + bytes(1_000))
    part.rename(part.with_suffix(".part"))
    parts_of(tmp_path / PARTS / "ticks.feed", ".open")[0].rename(tmp_path / PARTS / "ticks.feed" / "1.part")
    with pytest.raises(ValueError, match="the crc of the head is wrong"):
        run(tmp_path, LATER_NS)
    assert held(tmp_path) == Counter(range(5))


def test_a_second_run_changes_no_byte(market: Market, recorder: Recorders, tmp_path: Path) -> None:
    """A store that is rewritten while nothing changed can lose something each time."""
    record(market, recorder)
    run(tmp_path, LATER_NS, heated=("ticks",))
    before = {path: (path.read_bytes(), path.stat().st_ino) for path in tmp_path.rglob("*") if path.is_file()}
    assert run(tmp_path, LATER_NS, every=True, heated=("ticks",)) == Done(0, 0, 0, 0)
    assert before == {path: (path.read_bytes(), path.stat().st_ino) for path in tmp_path.rglob("*") if path.is_file()}


def test_a_death_at_every_effect_neither_loses_nor_doubles_a_row(
    market: Market, recorder: Recorders, tmp_path: Path, memory: Path
) -> None:
    """Sealing and compacting are ended at their first, second, third effect and so on, then a run completes."""
    total = record(market, recorder, (30, 20), second=1)
    whole, effects = Counter(range(total)), 0
    original, work = memory / "original", memory / "work"
    original.mkdir()
    shutil.move(tmp_path / PARTS, original / PARTS)
    for effects in range(1_000):
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(original, work)
        try:
            run(work, LATER_NS, disk=Dying(effects))
        except Killed:
            assert held(work) == whole
            run(work, LATER_NS)
        else:
            break
        assert held(work) == whole
        assert list(problems(work / PARTS, work / STORE)) == []
    assert effects > 20
    assert held(work) == whole


@pytest.mark.soak
@pytest.mark.timeout(1_800)
def test_sigkill_at_a_thousand_moments_neither_loses_nor_doubles_a_row(
    market: Market, recorder: Recorders, tmp_path: Path, memory: Path
) -> None:
    """The same with a real process, a real SIGKILL and moments drawn at random."""
    seed = int(os.environ.get("STEELYARD_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"STEELYARD_SEED={seed}")  # noqa: T201 - pytest shows it when the test fails
    chance = random.Random(seed)
    total = record(market, recorder, (3_000, 20, 4_000, 900))
    whole, deaths, completed = Counter(range(total)), 0, 0
    original, work = memory / "original", memory / "work"
    original.mkdir()
    shutil.move(tmp_path / PARTS, original / PARTS)
    shutil.copytree(original, work)
    began = time.monotonic()
    assert not _run_for(work, None)
    span = time.monotonic() - began
    shutil.rmtree(work)
    while deaths < int(os.environ.get("STEELYARD_DEATHS", "1000")):
        if not work.exists():
            shutil.copytree(original, work)
        died = _run_for(work, chance.random() * span)
        deaths, completed = deaths + died, completed + (not died)
        assert held(work) == whole
        if not died:
            assert list(problems(work / PARTS, work / STORE)) == []
            shutil.rmtree(work)
    assert completed


def _run_for(directory: Path, seconds: float | None) -> bool:
    """Run in a child that is killed after a time, if one is given; whether it was killed before its end."""
    child = os.fork()
    if not child:
        code = 1
        try:
            run(directory, LATER_NS, heated=("ticks",), disk=Unflushed())
            code = 0
        finally:
            os._exit(code)
    end = os.pidfd_open(child)
    select.select([end], [], [], seconds)
    signal.pidfd_send_signal(end, signal.SIGKILL)
    os.close(end)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code != 0


def test_a_gap_is_counted_in_the_manifest(market: Market, recorder: Recorders, tmp_path: Path) -> None:
    """Who tests on a day must be able to see that 0.1 s of it is missing."""
    life = recorder(lanes=("ticks",))
    market.send(10)
    life.drain(1)
    capacity = lane_of("ticks").capacity
    market.send(capacity + 100_000, step_ns=1_000)
    life.drain(2)
    kill(life)
    run(tmp_path, LATER_NS, every=True)
    (row,) = summary(tmp_path / STORE)
    assert row["rows"] + row["lost"] == capacity + 100_010
    assert row["gaps"] == 1
    assert row["lost_seconds"] == pytest.approx(row["lost"] / 1e6, abs=1e-3)
    assert list(problems(tmp_path / PARTS, tmp_path / STORE)) == []


def test_a_part_that_is_lost_between_two_others_is_a_gap(market: Market, recorder: Recorders, tmp_path: Path) -> None:
    """A file that somebody deleted is a hole, and no shorter day."""
    record(market, recorder, (30, 20, 40))
    parts_of(tmp_path / PARTS / "ticks.feed")[1].unlink()
    run(tmp_path, LATER_NS)
    source = Manifest.load(tmp_path / STORE / "ticks").sources.popitem()[1]
    assert (source.first, source.after, source.rows, source.lost) == (0, 90, 70, 20)


def test_rows_that_are_recorded_twice_are_sealed_once(market: Market, recorder: Recorders, tmp_path: Path) -> None:
    """A recorder whose parts are sealed and gone begins again with what the ring still has."""
    total = record(market, recorder, (30, 20))
    run(tmp_path, LATER_NS)
    life = recorder(lanes=("ticks",))
    market.send(7)
    life.drain(3)
    kill(life)
    assert run(tmp_path, LATER_NS, every=True).rows == 7
    assert held(tmp_path) == Counter(range(total + 7))


def test_cells_whose_parts_are_sealed_and_gone_go_on_with_the_next_number(
    market: Market, recorder: Recorders, tmp_path: Path
) -> None:
    """A life that counted from 0 again would have its rows removed as sealed ones, and no gap would show it."""
    for life, times in enumerate((5, 3)):
        one = recorder(lanes=("instruments",))
        for number in range(times):
            market.list(BTC)
            one.step(NOON_NS + (10 * life + number) * 1_000_000_000)
        kill(one)
        run(tmp_path, LATER_NS, every=True)
    kind = tmp_path / STORE / "instruments"
    files = [pq.ParquetFile(kind / path).read(["sequence", "writes"]) for path in Manifest.load(kind).files]
    found = pa.concat_tables(files).sort_by("sequence")
    assert found["sequence"].to_pylist() == list(range(8))
    assert found["writes"].to_pylist() == list(range(2, 10))


def test_check_finds_a_flipped_bit_a_missing_file_and_a_spoilt_manifest(
    market: Market, recorder: Recorders, tmp_path: Path
) -> None:
    """A disk forgets silently; a backtest on what it made up costs money."""
    record(market, recorder)
    run(tmp_path, LATER_NS, heated=("ticks",))
    kind = tmp_path / STORE / "ticks"
    one, other, *_ = [kind / path for path in sorted(Manifest.load(kind).files)]
    array = next(kind.glob("hot/venue=kraken/day=*/price.npy"))
    for path in (one, array):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 4
        path.write_bytes(content)
    other.unlink()
    found = list(problems(tmp_path / PARTS, tmp_path / STORE))
    assert [text.partition(": ")[0] for text in found] == [str(one), str(other), str(array)]
    manifest = kind / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes().replace(b'"rows":', b'"rowz":', 1))
    with pytest.raises(ManifestError, match="line 1 is damaged"):
        Manifest.load(kind)


def test_the_hot_tier_has_the_columns_of_the_file(market: Market, recorder: Recorders, tmp_path: Path) -> None:
    """A scan of the arrays and a scan of the Parquet file are the same scan."""
    record(market, recorder)
    run(tmp_path, LATER_NS, heated=("ticks",))
    kind = tmp_path / STORE / "ticks"
    for file in Manifest.load(kind).files.values():
        mapped = hot.map_columns(kind, file, ("price", "publish_ns", "instrument"))
        stored = pq.ParquetFile(kind / file.path).read(list(mapped))
        for name, values in mapped.items():
            assert isinstance(values, np.memmap)
            assert values.tolist() == stored.column(name).to_pylist()
    with pytest.raises(KeyError, match="column 'symbol': expected one of sequence, receive_ns"):
        hot.map_columns(kind, file, ("symbol",))


def test_only_one_process_seals_a_directory(market: Market, recorder: Recorders, tmp_path: Path) -> None:
    """The command and the recorder's child must not seal the same part."""
    record(market, recorder)

    class Second(Disk):
        def replace(self, path: Path, content: bytes) -> None:
            with pytest.raises(BlockingIOError):
                run(tmp_path, LATER_NS)
            super().replace(path, content)

    assert run(tmp_path, LATER_NS, disk=Second()).rows == 750


def test_streams_are_merged_in_the_order_of_their_times() -> None:
    """With every size of batch, and equal times in the order of the streams."""
    chance = random.Random(7)
    for _ in range(50):
        times = [sorted(chance.choices(range(60), k=chance.randrange(1, 40))) for _ in range(4)]
        streams = []
        for number, of in enumerate(times):
            cuts = sorted(chance.choices(range(len(of) + 1), k=3))
            pieces = [of[a:b] for a, b in zip([0, *cuts], [*cuts, len(of)], strict=True)]
            columns = ({"t": pa.array(one, pa.int64()), "n": [number] * len(one)} for one in pieces)
            batches = [pa.RecordBatch.from_pydict(one) for one in columns]
            streams.append(Stream(of[0], lambda batches=batches: iter(batches)))
        found = [row for batch in merge(streams, "t") for row in batch.to_pylist()]
        assert [row["t"] for row in found] == sorted(time for of in times for time in of)
        assert [(n, t) for n, of in enumerate(times) for t in of] == sorted((row["n"], row["t"]) for row in found)


def test_rows_of_an_earlier_version_have_nulls_in_a_new_column() -> None:
    """A day on which the engine was updated is still one file."""
    old = pa.RecordBatch.from_pydict({"a": pa.array([1], pa.int64())})
    schema = pa.schema([("a", pa.int64()), ("b", pa.int32())])
    assert fit(old, schema).to_pylist() == [{"a": 1, "b": None}]

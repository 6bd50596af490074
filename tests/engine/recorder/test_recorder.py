"""The recorder: what every lane published is in its parts once, and what is not is counted."""

import dataclasses
import logging
import os
from pathlib import Path

import numpy as np
import pytest

from engine.config.tables import Recorder
from engine.lanes.create import create
from engine.lanes.map import lane_of
from engine.lanes.open import RoleLanes
from engine.recorder import check_table
from engine.recorder.part import BLOCK, PartError, parts_of, read_blocks, read_head
from engine.recorder.role import RecorderRole
from tests.engine.disk import mounted
from tests.engine.recorder.conftest import BTC, KEYS, Market, Recorders, gaps, kill, paths, rows

SECOND_NS = 1_000_000_000


def numbers(directory: Path) -> list[int]:
    """The numbers of the recorded ticks: each is the price of its tick."""
    return rows(directory)["price"].tolist()


def test_every_record_of_a_ring_is_in_its_part_once(market: Market, recorder: Recorders, tmp_path: Path) -> None:
    """A history with a missing or a doubled record tests a strategy on a market that never was."""
    life = recorder()
    life.step(1)
    market.send(40_000)
    life.drain(2)
    market.send(5)
    life.drain(3)
    assert numbers(tmp_path) == list(range(40_005))
    assert gaps(tmp_path) == []


def test_small_records_wait_in_the_ring_until_they_are_old(market: Market, recorder: Recorders, tmp_path: Path) -> None:
    """A write for each record would cost a system call each; a record that waits for ever would be lost at the end."""
    life = recorder(flush_ms=100)
    market.send(3)
    assert life.step(SECOND_NS)
    market.send(3)
    assert not life.step(SECOND_NS + 1)
    assert life.lag() == 3
    assert life.step(SECOND_NS + 100_000_001) == 3
    assert numbers(tmp_path) == list(range(6))


def test_what_the_writer_has_overwritten_is_a_gap(market: Market, recorder: Recorders, tmp_path: Path) -> None:
    """A hole that nothing shows looks like a quiet market."""
    life = recorder()
    market.send(10)
    life.drain(1)
    lane = lane_of("ticks")
    market.send(lane.capacity + 1_000)
    life.drain(2)
    ((first, after, ns),) = gaps(tmp_path)
    kept = numbers(tmp_path)
    assert first == 10
    assert kept == [*range(10), *range(after, lane.capacity + 1_010)]
    assert ns == (after - 9) * 1_000  # from the last record before the gap to the first one after it
    assert life.error_count() == 1


@pytest.mark.parametrize("cut", [1, BLOCK.size - 1, BLOCK.size, BLOCK.size + 100])
def test_a_write_that_a_death_cut_short_is_removed_and_nothing_else(
    market: Market, recorder: Recorders, tmp_path: Path, cut: int
) -> None:
    """The next life continues the same part, and the ring still has what the last write had."""
    life = recorder()
    market.send(100)
    life.drain(1)
    whole = os.path.getsize(paths(tmp_path)[0])
    market.send(100)
    life.drain(2)
    kill(life)
    os.truncate(paths(tmp_path)[0], whole + cut)
    recorder().drain(3)
    assert numbers(tmp_path) == list(range(200))
    assert len(paths(tmp_path)) == 1


@pytest.mark.parametrize("cut", [0, 5, 30])
def test_a_part_without_a_whole_head_is_removed(market: Market, recorder: Recorders, tmp_path: Path, cut: int) -> None:
    """A death between the making of a file and its first write is no damage."""
    market.send(100)
    life = recorder()
    life.drain(1)
    kill(life)
    path = paths(tmp_path)[0]
    os.truncate(path, cut)
    recorder().drain(2)
    assert not parts_of(path.parent, ".damaged")
    assert numbers(tmp_path) == list(range(100))


def test_damage_before_the_end_is_never_cut_away(market: Market, recorder: Recorders, tmp_path: Path) -> None:
    """A bad sector must not cost the good blocks after it: the part is set aside, and its lane begins another."""
    life = recorder()
    for _ in range(3):
        market.send(100)
        life.drain(1)
    kill(life)
    path = paths(tmp_path)[0]
    size = read_head(path)[1]
    spoilt = bytearray(path.read_bytes())
    spoilt[size + BLOCK.size + 10] ^= 1
    path.write_bytes(spoilt)
    with pytest.raises(PartError, match="damaged and not the last"):
        list(read_blocks(path, size))
    recorder().drain(3)
    (aside,) = parts_of(path.parent, ".damaged")
    assert aside.read_bytes() == spoilt
    assert numbers(tmp_path) == list(range(300))  # the ring still had them


def test_cells_are_recorded_when_they_change(market: Market, recorder: Recorders, tmp_path: Path) -> None:
    """The number of writes shows how many values lie between two samples, also over the recorder's death."""
    life = recorder()
    life.step(SECOND_NS)
    market.list(BTC)
    market.list(BTC)
    life.step(2 * SECOND_NS)
    kill(life)
    second = recorder()
    second.step(3 * SECOND_NS)
    market.list(BTC)
    second.step(4 * SECOND_NS)
    found = rows(tmp_path, "instruments.feed")
    assert found["writes"].tolist() == [1, 3, 4]
    assert found["read_ns"].tolist() == [SECOND_NS, 2 * SECOND_NS, 4 * SECOND_NS]
    assert set(found["symbol"].tolist()) == {b"BTCUSDT"}


def test_a_part_describes_its_instruments(market: Market, recorder: Recorders, tmp_path: Path) -> None:
    """Numbers are fixed point: with the decimals of another day they would be other prices."""
    life = recorder()
    market.send(1)
    life.drain(1)
    market.list(dataclasses.replace(BTC, price_decimals=4, version=2))
    market.send(1)
    life.drain(2)
    assert [read_head(path)[0].instruments[1] for path in paths(tmp_path)] == [
        ("binance", "BTCUSDT", 2, 3),
        ("binance", "BTCUSDT", 4, 3),
    ]


def test_a_full_disk_stops_the_recording_and_space_continues_it(
    market: Market, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The disk is also the journal's: the recorder gives way, reports it by name, and counts what it missed."""
    with mounted(tmp_path, 8) as disk:
        if not disk.own:
            pytest.skip("needs the right to mount a file system")
        life = RecorderRole(RoleLanes(market.system, "recorder"), Recorder(**KEYS), tmp_path, None)
        life.step(SECOND_NS)
        market.send(10)
        life.drain(SECOND_NS)
        disk.fill()
        market.send(20_000)
        with caplog.at_level(logging.CRITICAL):
            life.step(SECOND_NS + 10)
        assert life.stopped
        assert "recording stopped" in caplog.text
        disk.free()
        life.step(3 * SECOND_NS)
        life.drain(3 * SECOND_NS)
        assert not life.stopped
        assert numbers(tmp_path) == list(range(20_010))
        kill(life)


def test_too_little_space_stops_the_recording(market: Market, recorder: Recorders) -> None:
    """Trading's own files need the rest of the disk."""
    del market
    life = recorder(free_mib=1 << 40)
    assert life.step(1) == 0
    assert f"expected at least {1 << 40}" in life.stopped
    assert life.error_count() == 1


def test_a_lane_that_appears_later_is_recorded(market: Market, recorder: Recorders, tmp_path: Path) -> None:
    """A lane exists only once its owner is configured; one that was created again is another lane."""
    life = recorder()
    market.send(2)
    life.step(SECOND_NS)
    create(market.system, "levels.feed")
    writer = market.lanes.ring_writer("levels")
    row = market.tick()
    writer.publish_bytes(row.tobytes())
    life.step(3 * SECOND_NS)
    assert len(rows(tmp_path, "levels.feed")) == 1


def test_what_waits_in_a_lane_is_recorded_before_its_successor(
    market: Market, recorder: Recorders, tmp_path: Path
) -> None:
    """The records of the last moment before a lane was lost are those that explain why."""
    life = recorder(flush_ms=100, lanes=("ticks",))
    market.send(3)
    life.step(SECOND_NS)
    market.send(4)
    life.step(SECOND_NS + 1)
    market.lanes.close()
    os.unlink(f"/dev/shm/steelyard.{market.system}.ticks.feed")
    create(market.system, "ticks.feed")
    life.step(3 * SECOND_NS)
    assert numbers(tmp_path) == list(range(7))


def test_only_one_recorder_writes_to_a_directory(recorder: Recorders) -> None:
    """Two writers would interleave their blocks."""
    recorder().step(1)
    with pytest.raises(BlockingIOError):
        recorder()


def test_a_full_part_ends_and_another_begins(market: Market, recorder: Recorders, tmp_path: Path) -> None:
    """Only an ended part can be sealed."""
    life = recorder(part_mib=1)
    life.step(1)
    for _ in range(5):
        market.send(5_000)
        life.drain(1)
    assert [path.suffix for path in paths(tmp_path)] == [".part", ".open"]
    assert numbers(tmp_path) == list(range(25_000))


def test_an_unknown_lane_is_refused_by_name() -> None:
    """A lane that is misspelt would silently not be recorded."""
    with pytest.raises(ValueError, match="lanes: 'tick': expected lanes of the map: instruments, ticks"):
        check_table(Recorder(lanes=("tick",)))


def test_a_part_of_another_version_is_refused_by_its_number(
    market: Market, recorder: Recorders, tmp_path: Path
) -> None:
    """Bytes read by the wrong description are numbers that nobody published."""
    market.send(1)
    recorder().step(1)
    path = paths(tmp_path)[0]
    content = bytearray(path.read_bytes())
    content[16] = 9
    path.write_bytes(content)
    with pytest.raises(PartError, match="version 9, this engine reads version 1"):
        read_head(path)


def test_the_rows_have_the_types_of_the_record(market: Market, recorder: Recorders, tmp_path: Path) -> None:
    """A part is read by the names in its head, also by a program that has no such record."""
    market.send(1)
    recorder().step(1)
    head, _ = read_head(paths(tmp_path)[0])
    assert head.dtype == lane_of("ticks").record.dtype
    assert np.dtype([(name, *rest) for name, *rest in head.descr]).itemsize == head.size

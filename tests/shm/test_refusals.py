"""What the core refuses: names that are not a segment's, owners that live unlocked, links, strangers, odd numbers."""

import fcntl
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shm
from shm import SegmentError, segment
from tests.shm.content import HASHED, made
from tests.shm.processes import Child, children
from tests.shm.test_segment import OTHER, SIZES, path_of

ROW = (0, 0, [0] * 6)
TURN = Path(f"/dev/shm/steelyard.making.{os.geteuid()}.lock")


@pytest.mark.parametrize("name", ["{}.lock", "making.{}", "{}.aside-1", "steelyard.{}"])
def test_a_name_that_means_something_else_makes_no_segment(lane: str, name: str) -> None:
    """Over the lock's own name a second writer could come in."""
    with pytest.raises(SegmentError, match=r"name|called"):
        shm.create(name.format(lane), HASHED, **SIZES)


def test_removing_a_lock_by_name_is_refused(lane: str) -> None:
    """The lock is what keeps the second writer out."""
    shm.create(lane, HASHED, **SIZES)
    writer = shm.RingWriter(lane, HASHED)
    with pytest.raises(SegmentError, match="lock"):
        shm.remove(f"{lane}.lock")
    with pytest.raises(SegmentError, match="another writer lives"):
        shm.RingWriter(lane, HASHED)
    writer.close()


def test_a_living_owner_whose_lock_was_deleted_is_not_displaced(lane: str) -> None:
    """A hand that tidied up /dev/shm must not make two writers."""
    shm.create(lane, HASHED, **SIZES)

    def hold() -> None:
        writer = shm.RingWriter(lane, HASHED)
        writer.publish(*ROW)
        signal.pause()
        writer.close()

    reader = shm.RingReader(lane, HASHED, 0)
    with children(hold) as (child,):
        assert reader.wait(10**10)
        Path(f"{path_of(lane)}.lock").unlink()
        with pytest.raises(SegmentError, match=f"pid {child.pid}.*lost its lock"):
            shm.RingWriter(lane, HASHED)
    assert shm.RingWriter(lane, HASHED).cursor == 1


def test_a_writer_that_was_let_go_leaves_the_lane_free_but_not_closed(lane: str) -> None:
    """Its process lives on: only the flag that it left shows that the lane has no owner."""
    shm.create(lane, HASHED, **SIZES)
    go_read, go_write = os.pipe()

    def let_go() -> None:
        shm.RingWriter(lane, HASHED).publish(*ROW)
        os.read(go_read, 1)

    reader = shm.RingReader(lane, HASHED, 0)
    with children(let_go):
        assert reader.wait(10**10)
        Path(f"{path_of(lane)}.lock").unlink(missing_ok=True)
        writer = shm.RingWriter(lane, HASHED)
        writer.close()
        assert reader.closed_cleanly
    del writer
    writer = shm.RingWriter(lane, HASHED)
    del writer
    assert not reader.closed_cleanly
    os.close(go_read)
    os.close(go_write)


def test_closing_in_a_forked_child_does_nothing(lane: str) -> None:
    """Cleaning up after a fork is no error, and touches nothing of the parent's."""
    shm.create(lane, HASHED, **SIZES)
    writer = shm.RingWriter(lane, HASHED)
    assert Child(writer.close).wait() == 0
    assert writer.publish(*ROW)
    writer.close()


def test_what_a_killed_maker_left_is_swept(lane: str) -> None:
    """A maker dies before it has linked its file: its space must not be gone until the reboot."""
    left = Path(f"/dev/shm/steelyard.making.{'0' * 32}")
    left.write_bytes(bytes(4096))
    shm.create(lane, HASHED, **SIZES)
    assert not left.exists()


def test_a_maker_that_never_gets_its_turn_shows_it(lane: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for ever looks like a hang, and a stranger's lock on the directory is nothing to wait for."""
    directory = os.open(segment.DIRECTORY, os.O_RDONLY)
    fcntl.flock(directory, fcntl.LOCK_EX)
    shm.create(lane, HASHED, **SIZES)
    os.close(directory)
    assert TURN.stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(segment, "TURN_NS", 10_000_000)
    with TURN.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(SegmentError, match="creates or removes segments"):
            shm.remove(lane)
    shm.remove(lane)


def test_a_dangling_link_is_set_aside_and_a_lane_is_made(lane: str) -> None:
    """The worst answer reports a segment that was not made."""
    path_of(lane).symlink_to("/nonexistent")
    assert shm.create(lane, HASHED, **SIZES)
    assert shm.RingReader(lane, HASHED).end == 0


def test_a_link_in_the_locks_place_is_not_followed(lane: str, tmp_path: Path) -> None:
    """A stranger's link would have us make files where the stranger cannot."""
    shm.create(lane, HASHED, **SIZES)
    Path(f"{path_of(lane)}.lock").unlink()
    Path(f"{path_of(lane)}.lock").symlink_to(tmp_path / "made")
    with pytest.raises(SegmentError, match="lock cannot be opened"):
        shm.RingWriter(lane, HASHED)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_refused_and_blocks_no_process(lane: str, make: Any) -> None:
    """A directory or a pipe of a segment's name is reported as such."""
    make(path_of(lane))
    with pytest.raises(SegmentError, match="not a regular file"):
        shm.attach(lane)
    assert shm.create(lane, HASHED, **SIZES)
    for aside in Path(segment.DIRECTORY).glob(f"{path_of(lane).name}.aside-*"):
        (aside.rmdir if aside.is_dir() else aside.unlink)()


def test_a_removed_file_under_a_living_writer_is_refused_by_its_path(lane: str) -> None:
    """What is gone has no owner to name, and that is no reason for another error."""
    shm.create(lane, HASHED, **SIZES)
    writer = shm.RingWriter(lane, HASHED)
    path_of(lane).unlink()
    with pytest.raises(SegmentError, match="its writer lives"):
        shm.remove(lane)
    writer.close()


def test_opening_a_lane_that_is_not_there_leaves_nothing(lane: str) -> None:
    """A mistyped name must not litter the directory, nor hold up who makes the lane just then."""
    with pytest.raises(SegmentError, match="no such segment"):
        shm.RingWriter(lane, HASHED)
    assert not Path(f"{path_of(lane)}.lock").exists()


def test_a_maker_outwaits_a_writer_that_is_failing(lane: str) -> None:
    """A writer that finds other records holds the lock for a moment only."""
    shm.create(lane, OTHER, **SIZES)
    looks = iter([None, None, 7])
    assert segment._poll(lambda: next(looks), segment.FAILING_NS) == 7
    assert shm.create(lane, HASHED, **SIZES)


@pytest.mark.parametrize(
    ("shape", "named"),
    [
        ({"capacity": 2**62, "reserve": 4}, "too large for a file"),
        ({"kind": "cells", "count": 2**32}, "count must be"),
        ({**SIZES, "start": 2**63}, "start must be"),
        ({**SIZES, "mode": -1}, "mode must be"),
    ],
)
def test_an_odd_number_is_refused_by_its_value(lane: str, shape: dict[str, Any], named: str) -> None:
    """Whatever number is wrong, the refusal is of one type."""
    with pytest.raises(SegmentError, match=named):
        shm.create(lane, HASHED, **shape)


def test_a_name_too_long_is_refused() -> None:
    """The file system's own error does not name the rule."""
    with pytest.raises(SegmentError, match="name"):
        shm.create("x." + "y" * 300, HASHED, **SIZES)


def test_numpys_integers_are_numbers(lane: str) -> None:
    """Cursors, counts and indices come out of arrays."""
    shm.create(lane, HASHED, capacity=np.int64(64), reserve=np.uint8(4))  # type: ignore[arg-type]
    writer, reader = shm.RingWriter(lane, HASHED), shm.RingReader(lane, HASHED)
    writer.publish_bytes(made(0, 4).tobytes())
    reader.cursor = np.int64(1)  # type: ignore[assignment]
    five, one = np.int64(5), np.uint64(1)
    assert len(reader.copy(one)[1]) == 1  # type: ignore[arg-type]
    assert len(reader.view(five).records) == 2  # type: ignore[arg-type]
    assert len(reader.latest(five)) == 4  # type: ignore[arg-type]
    assert reader.spin(np.int64(5)) is None  # type: ignore[arg-type]
    assert not reader.wait(np.int64(5))  # type: ignore[arg-type]
    shm.create(f"{lane}.cells", HASHED, "cells", count=np.int64(2))  # type: ignore[arg-type]
    assert shm.CellReader(f"{lane}.cells", HASHED).read(one) is None  # type: ignore[arg-type]
    writer.close()


def test_numbers_out_of_range_are_refused(lane: str) -> None:
    """A number read modulo 2^64 would wait for ever, or give what was not asked for."""
    shm.create(lane, HASHED, **SIZES)
    reader = shm.RingReader(lane, HASHED)
    for number in (-1, 2**64):
        for call in (reader.wait, reader.spin, reader.view, reader.copy):
            with pytest.raises(OverflowError, match=str(number)):
                call(number)
    with pytest.raises(ValueError, match="count must be"):
        reader.slots(0, -1)
    with pytest.raises(ValueError, match="latest -5"):
        reader.latest(-5)


def test_a_view_released_twice_reports_the_same(lane: str) -> None:
    """Records overwritten after the first release were overwritten without a reader that held them."""
    shm.create(lane, HASHED, **SIZES)
    writer, reader = shm.RingWriter(lane, HASHED), shm.RingReader(lane, HASHED)
    writer.publish(*ROW)
    view = reader.view()
    assert view.release() == 0
    for _ in range(100):
        writer.publish(*ROW)
    assert view.release() == 0
    writer.close()


def test_a_consumer_is_a_cell_of_a_lossless_lane(lane: str) -> None:
    """A ring read as a cell is nonsense; an index modulo 2^64 is another's cell."""
    shm.create(lane, HASHED, "lossless", **SIZES)
    shm.create(f"{lane}.plain", HASHED, **SIZES)
    shm.create(f"{lane}.cells", HASHED, "cells")
    lossless, plain = shm.RingWriter(lane, HASHED), shm.RingWriter(f"{lane}.plain", HASHED)
    cells = shm.CellReader(f"{lane}.cells", HASHED)
    for writer, consumer in ((lossless, shm.RingReader(f"{lane}.plain", HASHED)), (plain, cells)):
        with pytest.raises(TypeError, match="cannot follow"):
            writer.follow(consumer, 0)  # type: ignore[arg-type]
    with pytest.raises(OverflowError):
        lossless.follow(cells, 2**64)


def test_a_consumer_ahead_of_its_lane_is_not_used_and_counted(lane: str) -> None:
    """The cell may have outlived the lane that it speaks of: the producer's refusals must have a reason."""
    narrow = shm.Record("narrow", 8, {"cursor": "u8"})
    shm.create(lane, HASHED, "lossless", **SIZES)
    shm.create(f"{lane}.cells", narrow, "cells")
    writer, cell = shm.RingWriter(lane, HASHED), shm.CellWriter(f"{lane}.cells", narrow)
    writer.follow(shm.CellReader(f"{lane}.cells", narrow), 0)
    cell.write(0, 5000)
    assert not writer.publish(*ROW)
    assert (writer.refused, writer.ahead) == (1, 1)
    cell.write(0, 0)
    assert writer.publish(*ROW)

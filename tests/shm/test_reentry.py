"""Code that runs inside a call of the core: a value's own, a collection's, a signal's. It may break nothing."""

import gc
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

import shm
from shm import Record
from shm.ring import POPULATE_BYTES
from tests.shm.content import HASHED, made
from tests.shm.processes import Child

SIZES = {"capacity": 64, "reserve": 4}
SECOND_NS = 1_000_000_000


class Value:
    """A number that does something else first."""

    def __init__(self, work: Callable[[], object]) -> None:
        """Remember what."""
        self.work = work

    def __index__(self) -> int:
        """Do it."""
        self.work()
        return 7


def test_a_list_that_its_own_item_shrinks_is_refused(lane: str) -> None:
    """The items after it are freed memory."""
    shm.create(lane, HASHED, **SIZES)
    writer = shm.RingWriter(lane, HASHED)
    words: list[object] = []
    words += [Value(words.clear), 1, 2, 3, 4, 5]
    with pytest.raises(ValueError, match="expected 6 values, got 0"):
        writer.publish(1, 2, words)
    assert writer.cursor == 0


def test_a_value_that_closes_the_cells_writes_nothing(lane: str) -> None:
    """The next writer may be at work already."""
    shm.create(lane, HASHED, "cells", count=2)
    writer, reader = shm.CellWriter(lane, HASHED), shm.CellReader(lane, HASHED)
    with pytest.raises(ValueError, match="closed"):
        writer.write(0, Value(writer.close), 2, [3] * 6)
    assert reader.read(0) is None
    with pytest.raises(ValueError, match="closed"):
        writer.write(Value(writer.close), 1, 2, [3] * 6)  # type: ignore[arg-type]


def test_a_value_that_reads_the_cells_cannot_tear_the_record(lane: str) -> None:
    """What is packed and what is read share one buffer."""
    shm.create(lane, HASHED, "cells", count=2)
    writer = shm.CellWriter(lane, HASHED)
    writer.write(1, 100, 200, [300] * 6)
    with pytest.raises(RuntimeError, match="inside"):
        writer.write(0, 1, 2, [3, 4, Value(lambda: writer.read(1)), 6, 7, 8])
    assert writer.read(0) is None
    assert writer.read(1).words == (300,) * 6


def test_a_value_that_forks_does_not_let_the_child_write(lane: str) -> None:
    """The child's mapping is a hole: a refusal, not a fault."""
    shm.create(lane, HASHED, "cells", count=1)
    writer = shm.CellWriter(lane, HASHED)
    codes: list[int] = []

    def fork() -> None:
        pid = os.fork()
        if pid:
            codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

    me = os.getpid()
    try:
        writer.write(0, Value(fork), 2, [3] * 6)
    except ValueError:
        if os.getpid() != me:
            os._exit(0)
        raise
    if os.getpid() != me:
        os._exit(1)
    assert codes == [0]


class Dying:
    """A cycle whose end runs code of ours in the middle of someone's allocation."""

    def __init__(self, work: Callable[[], object]) -> None:
        """Be garbage at once."""
        self.work, self.cycle = work, self

    def __del__(self) -> None:
        """Run it."""
        self.work()


@contextmanager
def eager_collection() -> Iterator[None]:
    """Collect at every allocation."""
    before = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def test_a_read_inside_a_read_is_refused(lane: str) -> None:
    """A collection that reads the same reader would give one record twice, and another not at all."""
    shm.create(lane, HASHED, **SIZES)
    writer, reader = shm.RingWriter(lane, HASHED), shm.RingReader(lane, HASHED)
    for at in range(0, 40, 4):
        writer.publish_bytes(made(at, 4).tobytes())
    inner: list[object] = []

    def read() -> None:
        try:
            inner.append(reader.read().sequence)
        except RuntimeError as error:
            inner.append(str(error))

    outer = [reader.read().sequence]
    gc.disable()
    Dying(lambda: [read() for _ in range(18)])
    gc.enable()
    with eager_collection():
        outer += [reader.read().sequence for _ in range(20)]
    delivered = [one for one in inner if isinstance(one, int)] + outer
    assert sorted(delivered) == list(range(len(delivered)))
    assert inner


class Handled(Exception):  # noqa: N818 - no error: it is how a handler ends a wait
    """The signal came through."""


def interrupted(call: Callable[[], object], after: float) -> float:
    """Call, send ourselves a signal, and return how long its handler had to wait; 0 if it never ran."""

    def handle(_number: int, _frame: object) -> None:
        raise Handled

    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, after)
    began = time.monotonic()
    try:
        call()
    except Handled:
        return time.monotonic() - began
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return 0


@pytest.mark.parametrize("after", [0.00006, 0.05])
@pytest.mark.parametrize("way", ["sleep", "spin then sleep", "spin"])
def test_a_signal_is_handled_long_before_the_timeout(lane: str, way: str, after: float) -> None:
    """A role that waits must stop when a signal asks for it."""
    shm.create(lane, HASHED, **SIZES, wake="idle_edge")  # type: ignore[arg-type]
    reader = shm.RingReader(lane, HASHED)
    ways = {
        "sleep": lambda: reader.wait(2 * SECOND_NS),
        "spin then sleep": lambda: reader.wait(2 * SECOND_NS, 2 * SECOND_NS),
        "spin": lambda: reader.spin(2 * SECOND_NS),
    }
    assert 0 < interrupted(ways[way], after) < 1


@pytest.mark.parametrize("wake", ["never", "idle_edge"])
def test_an_idle_reader_that_waits_in_slices_uses_almost_no_processor(lane: str, wake: str) -> None:
    """A role waits a little at a time: each wait must not begin with the yields of the first."""
    shm.create(lane, HASHED, **SIZES, wake=wake)  # type: ignore[arg-type]
    reader = shm.RingReader(lane, HASHED)
    reader.wait(1_000_000)
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
    for _ in range(20):
        reader.wait(60_000)  # shorter than the yields at a fresh start: it sleeps only if it knows of the last one
    assert resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw - before >= 12


@pytest.mark.skipif(sys.version_info < (3, 12), reason="only from 3.12 on can a buffer be Python code")
def test_a_buffer_whose_owner_closes_the_lane_publishes_nothing(lane: str) -> None:
    """Asking for a buffer may run code of its owner's."""
    shm.create(lane, HASHED, **SIZES)
    writer = shm.RingWriter(lane, HASHED)

    class Closing:
        """Closes the lane when asked for its bytes."""

        def __buffer__(self, flags: int) -> memoryview:
            writer.close()
            return memoryview(bytes(64))

    with pytest.raises(ValueError, match="closed"):
        writer.publish_bytes(Closing())
    assert shm.RingReader(lane, HASHED).end == 0


def test_another_thread_may_wait_while_one_reads(lane: str) -> None:
    """What a read guards is the record it holds, not the reader."""
    shm.create(lane, HASHED, **SIZES)
    writer, reader = shm.RingWriter(lane, HASHED), shm.RingReader(lane, HASHED)
    woken: list[bool] = []
    waiting = threading.Thread(target=lambda: woken.append(reader.wait(5 * SECOND_NS)))
    waiting.start()
    assert reader.read() is None
    writer.publish(0, 0, [0] * 6)
    waiting.join()
    assert woken == [True]


SMALL = Record("small", 8, {"number": "u8"})


@pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="the sanitizer disables mlock")
def test_a_locked_lane_is_charged_once(lane: str) -> None:
    """The mirror is the same pages: to lock both asks for twice the limit, and gets no more."""

    def lock() -> None:
        shm.create(lane, SMALL, capacity=1 << 16, reserve=4)
        before = status_kib("VmLck")
        reader = shm.RingReader(lane, SMALL, lock=True)
        assert status_kib("VmLck") - before == reader.header.total_size // 1024
        assert resident_kib(reader.path) == (reader.header.total_size + reader.header.mirrored) // 1024

    assert Child(lock).wait() == 0


@pytest.mark.parametrize("writes", [False, True])
def test_a_populated_lane_is_all_there(lane: str, writes: bool) -> None:
    """A page fault in the middle of trading is what populate is to spare."""
    shm.create(lane, SMALL, capacity=1 << 16, reserve=4)
    side = (shm.RingWriter if writes else shm.RingReader)(lane, SMALL, populate=True)
    assert resident_kib(side.path) == (side.header.total_size + side.header.mirrored) // 1024


def test_a_writer_maps_its_slots_bit_by_bit(lane: str) -> None:
    """A role that starts again must not wait for thousands of pages; the first are those that it writes next."""
    shm.create(lane, SMALL, capacity=1 << 16, reserve=4, start=1 << 15)
    writer = shm.RingWriter(lane, SMALL)
    before, count = resident_kib(writer.path), 0
    while writer.populate():
        count += 1
    size = writer.header.data_size
    assert count == size // POPULATE_BYTES > 1
    assert resident_kib(writer.path) - before == size // 1024
    with pytest.raises(IndexError, match="not pages"):
        writer._mapping.populate(writer.header.total_size, 4096)


def status_kib(field: str) -> int:
    """A line of /proc/self/status."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field))


def resident_kib(path: str) -> int:
    """How much of a file's mappings is in memory and mapped."""
    found, ours = 0, False
    with open("/proc/self/smaps") as file:
        for line in file:
            if "-" in line.split()[0]:
                ours = line.rstrip().endswith(path)
            elif ours and line.startswith("Rss:"):
                found += int(line.split()[1])
    return found

"""Records so large that the writer laps the reader in the middle of its copy: the check after the copy must see it."""

import os
import signal
import time
from collections.abc import Callable

import pytest

import shm
from shm import Lapped, Record
from tests.shm.processes import children

SIZE = 32 << 10
WIDE = Record("wide", SIZE, {"words": f"{SIZE // 8}u8"})
BLOCKS = [bytes([byte]) * SIZE for byte in range(256)]
LOOKS = 3000 if os.environ.get("STEELYARD_SOAK") else 400


def judge(look: Callable[[], bytes | None]) -> int:
    """Accept so many records: how many of them were torn, at most 69; 70 if there were too few to judge."""
    whole = torn = 0
    until = time.monotonic() + 100  # a sanitised build on a busy machine judges a few records a second
    while whole + torn < LOOKS and time.monotonic() < until:
        found = look()
        if found is not None:
            good = found.count(found[0]) == SIZE
            whole, torn = whole + good, torn + (not good)
    return min(torn, 69) if whole + torn == LOOKS else 70


def judged(write: Callable[[], None], look: Callable[[], bytes | None]) -> int:
    """Judge in a child that is stopped over and over, in the middle of its copies too, while the writer writes on."""
    with children(write, lambda: judge(look)) as (_, reader):
        while not reader.ended():
            reader.send(signal.SIGSTOP)
            for _ in range(20):
                os.sched_yield()
            reader.send(signal.SIGCONT)
            os.sched_yield()
        return reader.wait()


@pytest.mark.parametrize("way", ["read", "copy", "latest", "view"])
def test_a_ring_that_laps_within_the_copy_gives_whole_records_only(lane: str, way: str) -> None:
    """A row that mixes two records is the one thing that no reader can find out later."""
    shm.create(lane, WIDE, capacity=4, reserve=1)

    def write() -> None:
        writer = shm.RingWriter(lane, WIDE)
        while True:
            for block in BLOCKS:
                writer.publish_bytes(block)

    def by_read() -> bytes | None:
        found = reader.read_bytes()
        return None if found is None or isinstance(found, Lapped) else found

    def by_view() -> bytes | None:
        view = reader.view(1)
        found = view.records.tobytes()
        return found if found and not view.release() else None

    ways: dict[str, Callable[[], bytes | None]] = {
        "read": by_read, "copy": lambda: reader.copy(1)[1].tobytes() or None,
        "latest": lambda: reader.latest(1).tobytes() or None, "view": by_view,
    }  # fmt: skip
    reader = shm.RingReader(lane, WIDE)
    assert judged(write, ways[way]) == 0


def test_a_cell_overtaken_within_the_copy_gives_whole_values_only(lane: str) -> None:
    """Likewise, and the reader tries again by itself."""
    shm.create(lane, WIDE, "cells")

    def write() -> None:
        writer = shm.CellWriter(lane, WIDE)
        while True:
            for block in BLOCKS:
                writer.write_bytes(0, block)

    def look() -> bytes | None:
        row = reader.read()
        return row and b"".join(word.to_bytes(8, "little") for word in row.words)

    reader = shm.CellReader(lane, WIDE)
    assert judged(write, look) == 0

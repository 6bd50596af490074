"""Real processes, killed, stopped, raced and lapped: zero torn, duplicated or silently lost records.

Each record is checked by its content, which follows from its sequence and its writer's life. The bounded share runs
always; the marker `soak` runs the rest.
"""

import os
import random
import signal
import time
from functools import partial
from itertools import count

import pytest

import shm
from shm import Lapped, SegmentError
from shm._ring import _longest_sleep
from tests.shm.content import HASHED, made, words_of, wrong
from tests.shm.processes import children, within

CAPACITY, RESERVE = 64, 8
SAFE = CAPACITY - RESERVE
SIZE = HASHED.size


def write_on(lane: str, until: int | None = None, seed: int = 0) -> None:
    """Publish from the cursor on, in batches of every size, until killed or until a sequence."""
    writer = shm.RingWriter(lane, HASHED)
    sizes, life = random.Random(seed), writer.epoch
    for first in count(writer.cursor, 256):
        block = memoryview(made(first, 256, life).tobytes())
        at = 0
        while at < 256:
            if until is not None and first + at >= until:
                writer.close()
                return
            n = min(sizes.randint(1, RESERVE), 256 - at, until - first - at if until is not None else 256)
            assert writer.publish_bytes(block[at * SIZE : (at + n) * SIZE])
            at += n


class Tally:
    """A reader that accounts for every sequence: accepted whole, or reported lost, and nothing else."""

    def __init__(self, lane: str, start: int) -> None:
        """Attach at the start."""
        self.reader = shm.RingReader(lane, HASHED, start)
        self.at = start
        self.accepted = self.lost = self.life = 0

    def take(self, kind: int) -> None:
        """Read in one of three ways, and judge."""
        (self.by_row, self.by_copy, self.by_view)[kind % 3]()
        assert self.reader.cursor == self.at

    def by_row(self) -> None:
        """Judge one row."""
        found = self.reader.read()
        if isinstance(found, Lapped):
            assert found.first == self.at
            self.pass_over(found.lost)
        elif found is not None:
            row = made(found.sequence, 1, found.life)[0]
            self.judge(int(found.words != tuple(words_of(row.reshape(1))[0].tolist()) or found.sequence != self.at), 1)
            self.older(found.life)

    def by_copy(self) -> None:
        """Judge a checked copy."""
        lost, records = self.reader.copy()
        self.pass_over(lost)
        self.judge(wrong(records, self.at), len(records))
        for life in records["life"][-1:].tolist():
            self.older(life)

    def by_view(self) -> None:
        """Check in place every record that the release reports as good."""
        view = self.reader.view(RESERVE)
        self.pass_over(view.lost)
        copied, held = view.records.copy(), len(view.records)
        torn = view.release()
        self.pass_over(torn)
        self.judge(wrong(copied[torn:], self.at), held - torn)

    def pass_over(self, lost: int) -> None:
        """Count what was reported lost."""
        assert lost >= 0
        self.lost += lost
        self.at += lost

    def judge(self, bad: int, number: int) -> None:
        """Count what was accepted, and accept nothing bad."""
        assert bad == 0, f"{bad} torn or wrong records near {self.at}"
        self.accepted += number
        self.at += number

    def older(self, life: int) -> None:
        """See to it that lives only go forward."""
        assert life >= self.life
        self.life = life


@pytest.mark.parametrize("kills", [200, pytest.param(5000, marks=[pytest.mark.soak, pytest.mark.timeout(3000)])])
def test_a_writer_killed_anywhere_leaves_nothing_torn(lane: str, kills: int, chance: random.Random) -> None:
    """Each successor goes on at the cursor; a reader counts every lost record and accepts none half-written."""
    shm.create(lane, HASHED, capacity=CAPACITY, reserve=RESERVE, wake="idle_edge")
    tally = Tally(lane, 0)
    for kill in range(kills):
        with children(partial(write_on, lane, seed=kill)) as (child,):
            before = tally.reader.end
            assert within(20, lambda before=before: tally.reader.end > before)  # type: ignore[misc]
            for _ in range(chance.randrange(40)):
                tally.take(chance.randrange(3))
            child.send(signal.SIGKILL)
            tally.take(chance.randrange(3))
            child.wait()
        while tally.reader.lag:
            tally.take(chance.randrange(3))
    assert tally.accepted + tally.lost == tally.reader.end
    assert tally.reader.epoch == kills
    assert tally.accepted > kills


def read_until(lane: str, start: int, end: int, seed: int) -> None:
    """Read a lane to its end by every way of reading."""
    tally, ways = Tally(lane, start), random.Random(seed)
    while tally.at < end:
        tally.reader.wait(10**8)
        tally.take(ways.randrange(3))
    assert tally.accepted + tally.lost == end - start


@pytest.mark.parametrize("start", [0, 2**31 - 5000, 2**32 - 5000, 2**63 - 5000])
@pytest.mark.parametrize(
    "records", [200_000, pytest.param(5_000_000, marks=[pytest.mark.soak, pytest.mark.timeout(900)])]
)
def test_eight_readers_stopped_and_lapped_account_for_every_record(
    lane: str, start: int, records: int, chance: random.Random
) -> None:
    """Readers that the scheduler stops lose records, learn exactly which, and disturb no other reader."""
    shm.create(lane, HASHED, capacity=CAPACITY, reserve=RESERVE, wake="idle_edge", start=start)
    end = start + records
    works = [partial(read_until, lane, start, end, seed) for seed in range(8)]
    with children(*works, partial(write_on, lane, end)) as (*readers, writer):
        while not writer.ended():
            stopped = chance.choice(readers)
            stopped.send(signal.SIGSTOP)
            os.sched_yield()
            stopped.send(signal.SIGCONT)
        for reader in readers:
            reader.send(signal.SIGCONT)
        assert [reader.wait() for reader in readers] == [0] * 8
        assert writer.wait() == 0


def claim_in_turn(lane: str, wins: int) -> None:
    """Try to become the writer, again and again; each time it works, publish a run and give the lane up."""
    while wins:
        try:
            writer = shm.RingWriter(lane, HASHED)
        except SegmentError:
            os.sched_yield()
            continue
        records = made(writer.cursor, RESERVE, writer.epoch)
        for at in range(RESERVE):
            writer.publish_bytes(records[at : at + 1].tobytes())
        writer.close()
        wins -= 1


def test_writers_racing_for_a_lane_never_write_at_once(lane: str) -> None:
    """Each life must be one unbroken run: two at once would mix theirs, or write one sequence twice."""
    shm.create(lane, HASHED, capacity=4096, reserve=RESERVE)
    with children(*[partial(claim_in_turn, lane, 50)] * 4) as racers:
        assert [racer.wait() for racer in racers] == [0] * 4
    records = shm.RingReader(lane, HASHED).latest(4096)
    assert len(records) == 4 * 50 * RESERVE
    assert wrong(records, 0) == 0
    assert records["life"].tolist() == [life for life in range(1, 201) for _ in range(RESERVE)]


def test_a_reader_that_sleeps_wakes_for_every_writer_stopped_at_random(lane: str, chance: random.Random) -> None:
    """A writer preempted between its store and its wake, for any time, leaves no reader asleep beyond the timeout."""
    shm.create(lane, HASHED, capacity=CAPACITY, reserve=RESERVE, wake="idle_edge")
    end = 200_000

    def listen() -> None:
        _longest_sleep(5_000_000_000)  # no look in between hides a wake that was lost
        slowest = 0
        reader = shm.RingReader(lane, HASHED, 0)
        while reader.cursor < end:
            began = time.monotonic_ns()
            assert reader.wait(10**11)
            slowest = max(slowest, time.monotonic_ns() - began)
            reader.copy()
        assert slowest < 4_000_000_000, f"slept {slowest} ns beside a writer that moved"

    with children(listen, partial(write_on, lane, end)) as (listener, writer):
        while not writer.ended():
            writer.send(signal.SIGSTOP)
            until = time.monotonic_ns() + chance.randrange(400_000)
            within(1, lambda until=until: time.monotonic_ns() > until)  # type: ignore[misc]
            writer.send(signal.SIGCONT)
            for _ in range(chance.randrange(100)):
                os.sched_yield()
        assert listener.wait() == 0


@pytest.mark.parametrize("kills", [100, pytest.param(2000, marks=[pytest.mark.soak, pytest.mark.timeout(900)])])
def test_a_cell_whose_writer_is_killed_keeps_a_whole_value(lane: str, kills: int, chance: random.Random) -> None:
    """A sequence lock would stay odd for ever; a cell shows the last value that was finished."""
    shm.create(lane, HASHED, "cells", count=2)
    reader = shm.CellReader(lane, HASHED)

    def write() -> None:
        writer = shm.CellWriter(lane, HASHED)
        for first in count(reader.sequence(1), 256):
            for record in made(first, 256, writer.epoch):
                writer.write_bytes(1, record.tobytes())

    last = -1
    for _ in range(kills):
        before = reader.sequence(1)
        with children(write) as (child,):
            assert within(20, lambda before=before: reader.sequence(1) > before)  # type: ignore[misc]
            for look in range(chance.randrange(2, 60)):
                if look == 1:
                    child.send(signal.SIGKILL)
                row = reader.read(1)
                assert row.words == tuple(words_of(made(row.sequence, 1, row.life))[0].tolist())
                assert row.sequence >= last
                last = row.sequence

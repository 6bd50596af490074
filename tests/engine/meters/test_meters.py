"""The meters of a role: counted in place, read by others, continued by the next life, no danger to the role."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import shm
from engine.lanes import LOOKERS, open_lanes
from engine.lanes.create import create
from engine.lanes.map import Lane, lane_of
from engine.meters import current
from engine.meters.table import BY_NAME, PLACES, TABLE, WORDS, MeterKind, place_of
from engine.meters.usage import Usage
from engine.monitor.meters import MeterReaders, RoleMeters, read_meters
from shm.record import Record

ROOT = Path(__file__).resolve().parents[3]
COUNT_ON = """
import sys
from engine.lanes import open_lanes
from engine.meters import current
from engine.meters.table import place_of
meters = current.Meters(open_lanes(sys.argv[1], "strategy", "maker").word_writer("meters"))
meters.select()
current.add(place_of("intents"), 7)
print("counted", flush=True)
while True:
    current.add(place_of("orders"))
    current.observe(place_of("gate"), 1000)
"""


@pytest.fixture
def lanes(system: str) -> Iterator[str]:
    """A system with the meters of one strategy; nothing is selected after the test."""
    create(system, "meters.maker")
    yield system
    current.unselect()
    for name in shm.names(system):
        shm.remove(name)


def open_meters(system: str) -> current.Meters:
    """The strategy's meters, selected."""
    meters = current.Meters(open_lanes(system, "strategy", "maker").word_writer("meters"))
    meters.select()
    return meters


def test_the_words_of_the_meters_do_not_overlap() -> None:
    """Two meters on one word would each show the other's events."""
    used = [place for one in TABLE for place in range(PLACES[one.name], PLACES[one.name] + one.words)]
    assert used == list(range(WORDS))


def test_a_looker_reads_what_the_role_counts(lanes: str) -> None:
    """Counters, labels and histograms, each where the table says."""
    meters = open_meters(lanes)
    current.add(place_of("orders"), 3)
    current.add(place_of("verdicts", "halted"))
    for duration_ns in (10, 10, 5_000):
        current.observe(place_of("gate"), duration_ns)
    found = read_meters(lanes)["maker"]
    assert (found.count("orders"), found.count("verdicts"), found.labelled("verdicts")) == (3, 1, {"halted": 1})
    gate = found.histogram("gate")
    assert (gate.count, gate.sum_ns, gate.largest_ns, gate.quantile(0.5)) == (3, 5_020, 5_000, 10)
    assert [name for name, _ in found.histograms()] == ["gate"]
    meters.close()


def test_what_is_counted_after_the_end_of_a_role_is_nobodys(lanes: str) -> None:
    """The next writer of the lane may live already: a late count must not touch its words."""
    open_meters(lanes).close()
    current.add(place_of("orders"))
    assert read_meters(lanes)["maker"].count("orders") == 0


def test_meters_that_are_dropped_without_close_are_written_no_more(lanes: str) -> None:
    """Their memory is unmapped with them: a count into it would end the process."""
    meters = open_meters(lanes)
    current.add(place_of("orders"))
    del meters
    current.add(place_of("orders"))
    assert read_meters(lanes)["maker"].count("orders") == 1


def test_a_forked_child_counts_nowhere(lanes: str) -> None:
    """In a child the lane is a hole: a count would be a fault in the middle of a start."""
    meters = open_meters(lanes)
    child = os.fork()
    if not child:
        current.add(place_of("orders"))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert read_meters(lanes)["maker"].count("orders") == 0
    meters.close()


@pytest.mark.parametrize("duration_ns", [-1, -(1 << 90), 1 << 90, (1 << 63) - 1])
def test_a_duration_that_none_can_be_counts_as_zero(lanes: str, duration_ns: int) -> None:
    """An intent may carry any time: what measures it must not end execution."""
    meters = open_meters(lanes)
    current.observe(place_of("wait"), duration_ns)
    found = read_meters(lanes)["maker"].histogram("wait")
    assert (found.count, found.quantile(1.0)) == (1, 0)
    meters.close()


@pytest.mark.parametrize("since_ns", [0, -(1 << 63), (1 << 63) - 1])
def test_the_time_since_no_time_is_not_recorded(lanes: str, since_ns: int) -> None:
    """An order on a timer has no tick, and a time of the future is no time."""
    meters = open_meters(lanes)
    current.observe_since(place_of("order"), since_ns)
    assert read_meters(lanes)["maker"].histogram("order").count == 0
    meters.close()


@pytest.mark.parametrize("place", [-1, 1 << 15, 1 << 40])
def test_a_place_outside_the_table_is_refused(place: int) -> None:
    """It would be a write into foreign memory."""
    with pytest.raises(IndexError):
        current.add(place)
    with pytest.raises(IndexError):
        current.observe(place, 1)


@pytest.mark.parametrize(("name", "label"), [("no_such", ""), ("verdicts", "no_such"), ("orders", "halted")])
def test_a_name_that_is_no_meter_is_refused_with_those_that_are(name: str, label: str) -> None:
    """A mistake in a name is found when the module is imported."""
    with pytest.raises(KeyError, match="expected one of"):
        place_of(name, label)


def test_meters_of_another_version_are_left_out(system: str) -> None:
    """Words of another table would be read as other meters."""
    row = lane_of("meters")
    other = Lane(row.name, Record("meters", 8, {"word_00000000": "i8"}), "words", row.writer, row.readers, count=WORDS)
    create(system, "meters.maker", other)
    assert read_meters(system) == {}
    shm.remove(f"{system}.meters.maker")


def test_a_reader_follows_a_lane_that_was_created_again(lanes: str) -> None:
    """After a down and up, an exporter that runs on would show the old figures for ever."""
    readers = MeterReaders(lanes)
    open_meters(lanes).close()
    assert readers.read()["maker"].epoch == 1
    shm.remove(f"{lanes}.meters.maker")
    assert readers.read() == {}
    create(lanes, "meters.maker")
    meters = open_meters(lanes)
    current.add(place_of("orders"))
    assert readers.read()["maker"].count("orders") == 1
    meters.close()


def test_counters_survive_a_kill_in_the_middle_of_an_update(lanes: str) -> None:
    """The next life continues them: a restart must not look like a day without orders."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", COUNT_ON, lanes]
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=environment) as role:
        assert role.stdout is not None
        assert role.stdout.readline() == b"counted\n"
        readers, seen = MeterReaders(lanes), 0
        while seen < 1000:
            now = readers.read()["maker"].count("orders")
            assert now >= seen
            seen = now
        role.send_signal(signal.SIGKILL)
        role.wait()
    before = read_meters(lanes)["maker"]
    gate = before.histogram("gate")
    assert before.count("intents") == 7
    assert abs(before.count("orders") - gate.count) <= 1
    assert 0 <= gate.sum_ns - 1000 * gate.count <= 1000
    meters = open_meters(lanes)
    current.add(place_of("orders"))
    after = read_meters(lanes)["maker"]
    assert (after.count("orders"), after.epoch) == (before.count("orders") + 1, before.epoch + 1)
    meters.close()


def test_totals_of_a_life_continue_those_of_the_lives_before(lanes: str) -> None:
    """Steps and processor time begin at 0 in each process, and the counter must only rise."""
    for life in (1, 2):
        meters = open_meters(lanes)
        Usage(meters).store(steps=10, work=4, errors=1, lag=life)
        found = read_meters(lanes)["maker"]
        assert [found.count(name) for name in ("steps", "work", "errors", "queue")] == [10 * life, 4 * life, life, life]
        assert found.count("memory_bytes") > 1 << 20
        meters.close()


def test_an_interval_is_the_difference_of_two_readings(lanes: str) -> None:
    """`engine-ctl latency --for` shows the present, whatever the days before were."""
    meters = open_meters(lanes)
    current.observe(place_of("gate"), 1_000_000)
    Usage(meters).store(steps=1, work=0, errors=0, lag=9)
    before = read_meters(lanes)["maker"]
    for duration_ns in (100, 200):
        current.observe(place_of("gate"), duration_ns)
    current.add(place_of("orders"))
    between: RoleMeters = read_meters(lanes)["maker"].since(before)
    gate = between.histogram("gate")
    assert (gate.count, gate.sum_ns, between.count("orders"), between.count("queue")) == (2, 300, 1, 9)
    assert 195 <= gate.largest_ns <= 205
    meters.close()


def test_every_meter_has_a_help_and_a_name_of_its_own() -> None:
    """They are the documentation of the exporter."""
    assert all(one.help.endswith(".") for one in TABLE)
    assert len(BY_NAME) == len(TABLE)
    assert all(one.kind == MeterKind.COUNTER for one in TABLE if one.labels)


def test_only_the_role_itself_writes_its_meters(system: str) -> None:
    """A looker that could write would falsify what it looks at."""
    create(system, "meters.maker")
    reader = open_lanes(system, LOOKERS).word_reader("meters", "maker")
    with pytest.raises(TypeError, match="read-only"):
        reader._mapping.store(4096, 1)
    with pytest.raises(TypeError, match="read-only"):
        _ = reader._mapping.words
    shm.remove(f"{system}.meters.maker")


def test_an_interval_over_lanes_that_were_created_again_begins_with_them(lanes: str) -> None:
    """A down and up in the middle of `--for` must not give counts below zero."""
    meters = open_meters(lanes)
    current.add(place_of("orders"), 5)
    before = read_meters(lanes)["maker"]
    meters.close()
    shm.remove(f"{lanes}.meters.maker")
    create(lanes, "meters.maker")
    meters = open_meters(lanes)
    current.add(place_of("orders"), 2)
    assert read_meters(lanes)["maker"].since(before).count("orders") == 2
    meters.close()

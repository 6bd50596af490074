"""How a life of the monitor begins: from the journal's files, from its own file, and from the ring."""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.model.records import JOURNAL
from engine.monitor.recount import watch as watching
from engine.monitor.recount.journal import JournalError, segments_of
from tests.engine.monitor.recount.watched import Watched

FILLS = 80


@pytest.fixture
def traded(tmp_path: Path) -> Watched:
    """A system whose journal has several segments, and fills in each."""
    watched = Watched(tmp_path)
    for _ in range(FILLS):
        watched.fill(100)
    assert len(segments(watched)) > 2
    return watched


def segments(watched: Watched) -> list[str]:
    """The journal's segments with records."""
    return [name for name, _ in segments_of(watched.directory / "journal")]


def sums(watched: Watched) -> Any:
    """Everything that a life has counted."""
    return watched.watch._dump()


def test_a_start_from_its_own_file_reads_one_segment_and_has_the_same_sums(
    traded: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Execution refuses entries while the monitor starts: a journal of years must not be read."""
    before = sums(traded)
    traded.live()  # reads the whole journal, and writes the file
    assert sums(traded) == before
    read: list[str] = []

    def noted(directory: Path, first: str = "") -> Iterator[Any]:
        for name, fills in segments_of(directory, first):
            read.append(name)
            yield name, fills

    monkeypatch.setattr(watching, "segments_of", noted)
    traded.live()
    assert (sums(traded), read) == (before, segments(traded)[-1:])
    traded.run(130)
    assert (traded.halted(), traded.view().fill_count) == ({}, FILLS)


@pytest.mark.parametrize("wrong", ["no JSON", '{"segment": 3}', "another journal", "other instruments", "another byte"])
def test_a_file_that_does_not_fit_is_not_used(traded: Watched, wrong: str) -> None:
    """A journal that was set aside, or another decimal, would make the sums wrong and halt every instrument."""
    before, file = sums(traded), traded.directory / "monitor.1.json"
    traded.live()
    checksum, _, body = file.read_bytes().partition(b"\n")
    found = json.loads(body)
    found["positions"]["sums"][0][2]["held"] += 1
    change = {"another journal": {"mark": 1}, "other instruments": {"terms": 1}, "another byte": {}}
    text = json.dumps(found | change[wrong]).encode() if wrong in change else wrong.encode()
    number = int(checksum) if wrong == "another byte" else zlib.crc32(text)
    file.write_bytes(b"%d\n%b" % (number, text))
    traded.live()
    assert sums(traded) == before


def test_a_new_ring_is_joined_to_the_journal(traded: Watched) -> None:
    """After a start of the machine FILLS begins with what is held: those records are no trades."""
    before = sums(traded)
    traded.house.kill()
    traded.house.power_on()
    traded.house.monitor = None
    traded.house.role = traded.house.live()
    traded.house.ready()
    assert traded.house.rings["fills"].rows
    traded.beats = traded.house.memory.cells["heartbeat.execution"]
    traded.live()
    assert sums(traded)["positions"] == before["positions"]
    traded.fill(100)
    assert traded.view().fill_count == FILLS + 1


def last_fill(watched: Watched) -> tuple[Path, int]:
    """Where the newest fill is: its segment and its offset."""
    found = []
    for path in sorted((watched.directory / "journal").glob("journal.0*")):
        data = path.read_bytes()
        kinds = (data[at + 16] for at in range(0, len(data), JOURNAL.size))
        found += [(path, place * JOURNAL.size) for place, kind in enumerate(kinds) if kind == 5]
    return found[-1]


def fill_count(watched: Watched) -> int:
    """How many fills the reader finds."""
    return sum(len(list(fills)) for _, fills in segments_of(watched.directory / "journal"))


def damage(path: Path, at: int, data: bytes) -> None:
    """Write bytes into a file."""
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def test_a_record_that_is_torn_ends_the_journal_and_a_damaged_one_is_refused(traded: Watched) -> None:
    """The end may be being written; a wrong fill in the middle would be a wrong sum."""
    path, at = last_fill(traded)
    assert fill_count(traded) == FILLS
    data = path.read_bytes()
    damage(path, at + 100, b"\xff")
    with pytest.raises(JournalError, match="the checksum of a fill is wrong"):
        fill_count(traded)
    damage(path, at + JOURNAL.size, bytes(len(data) - at - JOURNAL.size))
    assert fill_count(traded) == FILLS - 1
    damage(path, at, bytes(8))
    assert fill_count(traded) == FILLS - 1


def test_a_journal_of_another_format_is_refused_by_its_number(traded: Watched) -> None:
    """Its fills have other bytes."""
    path, _ = last_fill(traded)
    damage(path, 17, b"\x09")
    with pytest.raises(JournalError, match="has format 9, this program reads format"):
        fill_count(traded)

"""The recorder's directory as sessions: which rows are of which run of a system, sealed or not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.lanes import lane_of
from engine.recorder.part import Head, PartWriter
from engine.recorder.sources import row_of
from engine.recorder.store.run import run
from research.parity import ParityError, parity
from research.parity.recorded import recording as module
from research.parity.recorded.recording import Recording
from research.parity.simulated.models import read_models

BEGIN = 1_800_000_000_000_000_000
SECOND = 1_000_000_000
FIRST, SECOND_STREAM = "aa" * 16, "bb" * 16


def write(directory: Path, full: str, stream: str, times: list[int], *, first: int = 0, **fields: list[Any]) -> Path:
    """A closed part with a row for each time."""
    lane = lane_of(full.partition(".")[0])
    row = row_of(lane.record, lane.kind)
    place = directory / "parts" / full
    place.mkdir(parents=True, exist_ok=True)
    head = Head(
        lane.name, full.partition(".")[2], lane.kind, row.name, row.size, row.descr, stream, first, BEGIN + times[0], {}
    )
    rows = np.zeros(len(times), row.dtype)
    rows["now_ns" if "now_ns" in row.types else "publish_ns"] = [BEGIN + one for one in times]
    for name, values in fields.items():
        rows[name] = values
    part = PartWriter(place / f"{first:020d}-{stream[:8]}.open", head)
    part.add_rows(rows, lane.start + first, BEGIN + times[-1])
    part.finish()
    return part.path.with_suffix(".part")


@pytest.fixture
def two_sessions(tmp_path: Path) -> Recording:
    """A system that was up twice: 3 steps and 2 books, then 2 steps and 1 book."""
    write(tmp_path, "steps.maker", FIRST, [5, 6, 7 * SECOND])
    write(tmp_path, "books.feed", FIRST, [4, 5], venue_sequence=[11, 12])
    write(tmp_path, "steps.maker", SECOND_STREAM, [60 * SECOND, 61 * SECOND])
    write(tmp_path, "books.feed", SECOND_STREAM, [60 * SECOND], venue_sequence=[21])
    return Recording(tmp_path)


@pytest.mark.parametrize("sealed", [False, True])
def test_each_session_has_the_rows_of_its_own_lanes(two_sessions: Recording, *, sealed: bool) -> None:
    """Yesterday's books under today's steps would make every decision a difference."""
    if sealed:
        run(two_sessions.directory, BEGIN + 100 * SECOND, every=True, heated=[])
    earlier, later = two_sessions.sessions(["maker"])
    assert [one.last_ns - BEGIN for one in (earlier, later)] == [7 * SECOND, 61 * SECOND]
    sequences = [two_sessions.lane("books.feed", one).rows["venue_sequence"].tolist() for one in (earlier, later)]
    assert sequences == [[11, 12], [21]]
    assert len(two_sessions.lane("steps.maker", earlier).rows) == 3
    assert len(two_sessions.lane("orders.execution", later).rows) == 0


def test_a_lane_that_begins_while_the_system_goes_down_is_of_that_session(two_sessions: Recording) -> None:
    """The command that ends a session may be the first of its lane, and is read by the strategy's last step."""
    write(two_sessions.directory, "commands", FIRST, [7 * SECOND + 9])
    earlier, later = two_sessions.sessions(["maker"])
    assert [len(two_sessions.lane("commands", one).rows) for one in (earlier, later)] == [1, 0]


def test_a_lane_that_begins_before_the_first_step_is_of_the_next_session(two_sessions: Recording) -> None:
    """What an operator has set is published before a strategy runs."""
    write(two_sessions.directory, "commands", FIRST, [58 * SECOND])
    earlier, later = two_sessions.sessions(["maker"])
    assert [len(two_sessions.lane("commands", one).rows) for one in (earlier, later)] == [0, 1]


def test_rows_between_two_parts_are_known_to_be_lost(tmp_path: Path) -> None:
    """A hole that reads as zeros would be a price of 0."""
    write(tmp_path, "steps.maker", FIRST, [1, 2])
    write(tmp_path, "steps.maker", FIRST, [7, 8], first=5)
    recording = Recording(tmp_path)
    [session] = recording.sessions(["maker"])
    lane = recording.lane("steps.maker", session)
    assert [lane.lost(first, after) for first, after in ((0, 2), (1, 3), (2, 6), (5, 9))] == [0, 1, 3, 2]
    assert lane.gaps == [(2, 5)]
    assert lane.row(6).now_ns == BEGIN + 8


def test_a_part_of_another_version_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records of other fields are other bytes: each would look like a difference."""
    path = write(tmp_path, "books.feed", FIRST, [1, 2])
    write(tmp_path, "steps.maker", FIRST, [1, 2])
    recording = Recording(tmp_path)
    [session] = recording.sessions(["maker"])
    other = row_of(lane_of("ticks").record, "ring")
    monkeypatch.setattr(module, "row_of", lambda *_: other)
    with pytest.raises(ParityError, match=f"{path}: recorded by another version"):
        recording.lane("books.feed", session)


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    """A wrong directory must not pass for a session without decisions."""
    with pytest.raises(ParityError, match="expected the directory of a recorder"):
        parity(tmp_path)
    write(tmp_path, "steps.maker", FIRST, [1, 2])
    with pytest.raises(ParityError, match=r"does not describe its system.*--config FILE"):
        parity(tmp_path)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[order_latency]\n", "expected one of constant_ns, samples_ns, recorded"),
        ("[order_latency]\nconstant_ns = 5\nrecorded = true\n", "expected one of"),
        ("[order_latency]\nconstant_ns = -5\n", "found -5, expected nanoseconds"),
        ("[queue]\nfamily = 'lucky'\n", "found 'lucky', expected one of"),
        ("[fees]\nmaker = '0.0002'\n", "taker"),
        ("[fees]\nmaker = '2'\ntaker = '0'\n", "maker Decimal"),
        ("[fee]\n", "unknown field `fee`"),
        ("[", "Invalid|Expected"),
    ],
)
def test_a_wrong_file_of_models_is_refused(tmp_path: Path, text: str, error: str) -> None:
    """A misspelt model that is left at its default is a result of another model."""
    path = tmp_path / "models.toml"
    path.write_text(text)
    with pytest.raises(ParityError, match=error) as found:
        read_models(path)
    assert str(path) in str(found.value)

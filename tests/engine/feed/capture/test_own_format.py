"""Our own recordings through `capture check`: found by their first bytes, each venue for itself."""

import gzip
import json
from pathlib import Path

import pytest

from engine.feed.capture.entries import pack
from engine.feed.capture.formats import read_capture
from engine.feed.capture.writing import RecordingWriter
from engine.model.words import FrameKind
from tests.engine.feed.capture.test_capture_check import CAPTURES, KRAKEN, needs_captures, run
from tests.engine.feed.feed_fakes import SECOND, START
from tests.engine.feed.replay.test_replay import session, with_rest, write

BEGIN = '{"venue":"v","dialect":"%s","target":"/"}'


def test_a_recording_is_known_by_its_first_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A user need not name the format that our recorder wrote."""
    path = write(tmp_path / "a.dat", *with_rest(session()))
    code, reports = run(capsys, path, "--venue", "binance")
    report = reports["BTCUSDT"]
    assert code == 0
    assert [report[name] for name in ("state", "snapshots", "applied", "gaps", "malformed")] == ["good", 1, 10, 0, 0]
    assert run(capsys, path, "--venue", "binance", "--format", "steelyard")[1] == reports


def test_each_venue_of_a_recording_is_checked_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another venue's frames are no malformed frames of this one."""
    kraken = (START, 9, FrameKind.BEGIN, b'{"venue":"k","dialect":"kraken","target":"/v2"}')
    strange = (START, 9, FrameKind.RECEIVED, b'{"channel":"heartbeat"}')
    path = write(tmp_path / "a.sycap", kraken, strange, *with_rest(session()))
    _, reports = run(capsys, path, "--venue", "binance")
    assert (reports["BTCUSDT"]["frames"], reports["BTCUSDT"]["malformed"]) == (10, 0)


def test_a_closed_connection_leaves_no_good_book(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was true when the cable was pulled is not true after it."""
    closed = (START + 20 * SECOND, 1, FrameKind.CLOSED, b"reset")
    path = write(tmp_path / "a.sycap", *with_rest(session()), closed)
    code, reports = run(capsys, path, "--venue", "binance")
    assert (code, reports["BTCUSDT"]["state"]) == (1, "disconnected")


def test_a_torn_recording_is_checked_and_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """The engine was killed: the session up to that moment is what the user needs."""
    path = write(tmp_path / "a.sycap", *with_rest(session()))
    path.write_bytes(path.read_bytes() + b"SYFB\1\2\3")
    code, reports = run(capsys, path, "--venue", "binance")
    assert (code, reports["BTCUSDT"]["applied"]) == (0, 10)
    assert "torn" in caplog.text


@needs_captures
@pytest.mark.parametrize(
    ("venue", "name"), [("kraken", KRAKEN), ("binance-usdm", "binance/usdm_btcusdt_20220811.dat.zst")]
)
def test_a_capture_is_the_same_in_our_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], venue: str, name: str
) -> None:
    """A recording that loses a digit or a frame would show in a checksum or a count."""
    entries = [pack(1, 1, FrameKind.BEGIN, (BEGIN % venue).encode())]
    for piece in read_capture(CAPTURES / name):
        kind = FrameKind.SENT if piece.sent else FrameKind.RECEIVED
        entries.append(pack(piece.time_ns, 1, kind, piece.payload))
    writer = RecordingWriter(tmp_path / "a.sycap", 1)
    writer.write(b"".join(entries), len(entries), 0, 0, 1)
    writer.close()
    assert run(capsys, tmp_path / "a.sycap", "--venue", venue) == run(capsys, CAPTURES / name, "--venue", venue)


def test_local_times_are_read_in_the_unit_they_have(tmp_path: Path) -> None:
    """Microseconds that are read as nanoseconds would be replayed a thousand times too fast."""
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"1660228022484228 " + json.dumps({"result": None, "id": 1}).encode() + b"\n"))
    assert [piece.time_ns for piece in read_capture(path)] == [1660228022484228000]

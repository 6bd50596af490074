"""From the ring to the file: no record is lost silently, and a crash loses at most the last block."""

import itertools
import json
import logging
import os
import random
import resource
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

import shm
from engine.feed.capture.recorder import Recorder
from engine.feed.capture.recording import BLOCK, HEADER, Entry, read_blocks, read_recording
from engine.feed.capture.writing import Limits, RecordingWriter
from engine.lanes.create import create
from engine.model.records import FRAME
from engine.model.words import FrameKind
from tests.engine.answers import data_of, rows_of
from tests.engine.feed.capture.lanes import open_tap, tapped

ROOT = Path(__file__).resolve().parents[4]
SEED = random.randrange(1 << 32)
PIECE = FRAME.fields[-1].size


def frames_of(entries: list[Entry]) -> list[bytes]:
    """What was received."""
    return [payload for _, _, kind, payload in entries if kind == FrameKind.RECEIVED]


def lost_of(entries: list[Entry]) -> list[int]:
    """The numbers of missing frames that the gap marks contain."""
    return [json.loads(payload)["frames"] for _, _, kind, payload in entries if kind == FrameKind.LOST]


def record_all(recorder: Recorder, path: Path, limits: Limits | None = None) -> RecordingWriter:
    """Record what there is, and end."""
    writer = RecordingWriter(path, 1, limits, recorder.connections.openings)
    while recorder.step(writer, 1):
        pass
    recorder.finish(writer, 2)
    return writer


@pytest.mark.parametrize("offset", range(3))
def test_every_frame_is_written_or_counted_in_a_mark_at_its_place(tmp_path: Path, offset: int) -> None:
    """A recorder that is too slow loses; a recording that hides it makes a false book."""
    seed = SEED + offset  # not the parameter: every process of a parallel run must collect the same names
    print(f"seed {seed}")  # noqa: T201
    draw = random.Random(seed)
    with tapped(capacity=64) as lanes:
        recorder = Recorder(lanes.system)
        writer = RecordingWriter(tmp_path / "a.sycap", 1)
        number = lanes.tap.begin("main", "binance", "/stream", 1)
        recorder.step(writer, 0)
        sent = []
        for count in range(400):
            for _ in range(draw.choice((0, 1, 1, 2, 30))):
                sent.append(f"{len(sent)}:".encode() + b"x" * draw.choice((0, 5, 300, 2000)))
                lanes.tap.write(number, FrameKind.RECEIVED, sent[-1], count + 1)
            if draw.random() < 0.7:
                recorder.step(writer, count)
        lanes.tap.write(number, FrameKind.RECEIVED, b"%d:" % len(sent), 500)
        sent.append(b"%d:" % len(sent))
        recorder.finish(writer, 500)
    place = 0
    for _, _, kind, payload in read_recording(tmp_path / "a.sycap"):
        if kind == FrameKind.LOST:
            place += json.loads(payload)["frames"]
        elif kind == FrameKind.RECEIVED:
            assert payload == sent[place], f"frame {place} of seed {seed}"
            place += 1
    assert place == len(sent)
    assert recorder.assembler.lost + recorder.assembler.frames == len(sent) + 1  # and the connection's beginning


def test_records_overtaken_before_an_end_without_frames_are_marked_too(tmp_path: Path) -> None:
    """A gap is otherwise marked at the frame that follows, and here none does."""
    with tapped(capacity=64) as lanes:
        recorder = Recorder(lanes.system)
        lanes.tap.write(1, FrameKind.RECEIVED, b"x" * PIECE * 100, 1)
        record_all(recorder, tmp_path / "a.sycap")
    assert recorder.assembler.losses == 1
    assert lost_of(list(read_recording(tmp_path / "a.sycap"))) == [None]


def test_a_dead_feeds_connections_are_ended_when_its_successor_begins(tmp_path: Path) -> None:
    """A killed process closes nothing, and a replay would wait for ever for the rest of its frames."""
    with tapped() as lanes:
        recorder = Recorder(lanes.system)
        first = lanes.tap.begin("main", "binance", "/stream", 1)
        lanes.live_again()
        second = lanes.tap.begin("main", "binance", "/stream", 2)
        record_all(recorder, tmp_path / "a.sycap")
    found = [(number, kind) for _, number, kind, _ in read_recording(tmp_path / "a.sycap")]
    assert found == [(first, FrameKind.BEGIN), (first, FrameKind.CLOSED), (second, FrameKind.BEGIN), (0, FrameKind.END)]


def test_only_the_named_venue_is_recorded(tmp_path: Path) -> None:
    """By its name in the configuration or by its dialect's; numbers of others' frames are no gap."""
    with tapped() as lanes:
        one = lanes.tap.begin("main", "binance", "/stream", 1)
        other = lanes.tap.begin("second", "kraken", "/v2", 1)
        for count in range(10):
            lanes.tap.write(other if count % 2 else one, FrameKind.RECEIVED, b"%d" % count, 2)
        for name in ("second", "kraken"):
            recorder = Recorder(lanes.system, name)
            record_all(recorder, tmp_path / f"{name}.sycap")
            entries = list(read_recording(tmp_path / f"{name}.sycap"))
            assert frames_of(entries) == [b"1", b"3", b"5", b"7", b"9"]
            assert recorder.assembler.losses == 0


def recorded(tmp_path: Path, blocks: int = 3) -> Path:
    """A recording of some blocks with one frame each."""
    path = tmp_path / "a.sycap"
    with tapped() as lanes:
        recorder = Recorder(lanes.system)
        writer = RecordingWriter(path, 1)
        number = lanes.tap.begin("main", "binance", "/stream", 1)
        for count in range(blocks):
            lanes.tap.write(number, FrameKind.RECEIVED, b"frame %d" % count, count)
            recorder.step(writer, count * 10**10)
        os.close(writer._file)  # as a kill does: no end, nothing flushed
    return path


def test_a_recording_cut_off_anywhere_is_read_up_to_its_last_whole_block(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Power fails in the middle of a block; the blocks before it are still a session."""
    path = recorded(tmp_path)
    whole = path.read_bytes()
    before = frames_of(list(read_recording(path)))
    assert before == [b"frame 0", b"frame 1", b"frame 2"]
    ends = [place for place in range(HEADER.size, len(whole)) if whole[place : place + 4] == b"SYFB"] + [len(whole)]
    for cut in range(HEADER.size, len(whole)):
        path.write_bytes(whole[:cut])
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert frames_of(list(read_recording(path))) == before[: sum(end <= cut for end in ends) - 1]
        assert bool(caplog.records) == (cut not in ends), f"cut at {cut}: a torn end is logged"


def test_room_that_was_never_written_is_a_torn_end(tmp_path: Path) -> None:
    """A file system may give a file its length before its bytes."""
    path = recorded(tmp_path)
    path.write_bytes(path.read_bytes() + bytes(5000))
    assert len(frames_of(list(read_recording(path)))) == 3


def test_a_spoilt_block_before_others_is_an_error(tmp_path: Path) -> None:
    """It is no crash but a damaged disk, and a reader that skips the block hides a gap."""
    path = recorded(tmp_path)
    content = bytearray(path.read_bytes())
    content[HEADER.size + BLOCK.size + 5] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        list(read_recording(path))


@pytest.mark.parametrize(("place", "text"), [(0, "begins with"), (16, "version"), (30, "crc")])
def test_a_header_that_is_not_ours_is_refused_with_what_was_found(tmp_path: Path, place: int, text: str) -> None:
    """A recording of a later version must not be read as rubbish of this one."""
    path = recorded(tmp_path)
    content = bytearray(path.read_bytes())
    content[place] ^= 0x40
    path.write_bytes(content)
    with pytest.raises(ValueError, match=text):
        list(read_recording(path))


def test_every_part_lists_its_state_and_can_be_read_alone(tmp_path: Path) -> None:
    """Yesterday's part may be gone; today's must still name its connections."""
    with tapped() as lanes:
        recorder = Recorder(lanes.system)
        writer = RecordingWriter(tmp_path / "a.sycap", 1, Limits(size=200), recorder.connections.openings)
        number = lanes.tap.begin("main", "binance", "/stream", 1)
        for count in range(6):
            lanes.tap.write(number, FrameKind.RECEIVED, random.Random(count).randbytes(300), count)
            recorder.step(writer, count * 10**10)
        recorder.finish(writer, 10**11)
    assert len(writer.paths) > 3
    assert len(list(itertools.chain.from_iterable(frames_of(list(read_recording(p))) for p in writer.paths))) == 6
    for path in writer.paths:
        entries = list(read_recording(path, "binance"))
        assert entries[0][:3] == (1, number, FrameKind.BEGIN)


def test_parts_end_by_age_too(tmp_path: Path) -> None:
    """A file an hour is what operators archive."""
    with tapped() as lanes:
        recorder = Recorder(lanes.system)
        writer = RecordingWriter(tmp_path / "a.sycap", 0, Limits(age_ns=25 * 10**9))
        for count in range(6):
            lanes.tap.write(1, FrameKind.RECEIVED, b"x", count)
            recorder.step(writer, count * 10**10)
        recorder.finish(writer, 6 * 10**10)
    assert [path.name for path in writer.paths] == ["a.sycap", "a.0001.sycap", "a.0002.sycap"]


def test_a_full_disk_is_an_error_and_leaves_whole_blocks(tmp_path: Path) -> None:
    """Half a block at the end would look like a crash, and the operator must see the error at once."""
    path = tmp_path / "a.sycap"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with tapped() as lanes:
        recorder = Recorder(lanes.system)
        writer = RecordingWriter(path, 0)

        def fill() -> None:
            for count in range(100):
                lanes.tap.write(1, FrameKind.RECEIVED, random.Random(count).randbytes(300), count)
                recorder.step(writer, count * 10**10)

        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
            with pytest.raises(OSError, match="too large"):
                fill()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.stat().st_size == writer.size <= 2000
    frames = frames_of(list(read_recording(path)))
    assert len(frames) >= 3
    totals = recorder.totals(writer)
    assert (totals["frames"], totals["bytes"]) == (len(frames), sum(map(len, frames)))


def test_the_command_records_in_a_process_of_its_own_until_interrupted(tmp_path: Path) -> None:
    """^C is how an operator ends it: the file is whole and the totals are printed."""
    path = tmp_path / "a.sycap"
    with tapped() as lanes:
        number = lanes.tap.begin("main", "binance", "/stream", 1)
        words = ["record", "--system", lanes.system, "--output", str(path), "--json"]
        command = [sys.executable, "-m", "engine.feed.capture", *words]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            assert b"recording" in process.stderr.readline()
            for count in range(5000):
                lanes.tap.write(number, FrameKind.RECEIVED, b"frame %d" % count, count)
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=30)
    totals = data_of(out.decode())
    assert process.returncode == 0
    assert (totals["frames"], totals["lost_frames"], totals["losses"]) == (5001, 0, 0)
    entries = list(read_recording(path))
    assert frames_of(entries) == [b"frame %d" % count for count in range(5000)]
    assert json.loads(entries[-1][3])["frames"] == 5001


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Yesterday's recording is not this command's to lose."""
    from engine.feed.capture import main

    path = tmp_path / "a.sycap"
    path.write_text("mine")
    with tapped() as lanes:
        assert main(["record", "--system", lanes.system, "--output", str(path), "--seconds", "0.1"]) == 2
    assert path.read_text() == "mine"
    assert "exists" in capfd.readouterr().err


def test_a_directory_that_is_not_there_is_wrong_use(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Exit 3 would mean that there is no feed."""
    from engine.feed.capture import main

    with tapped() as lanes:
        assert main(["record", "--system", lanes.system, "--output", f"{tmp_path}/no/a.sycap", "--seconds", "0.1"]) == 2
    assert f"capture record: {tmp_path}/no/a.sycap: No such file or directory" in capfd.readouterr().err


def test_a_missing_system_is_reported(capfd: pytest.CaptureFixture[str]) -> None:
    """A name misspelt must not record nothing for a night."""
    from engine.feed.capture import main

    assert main(["record", "--system", "nobody", "--seconds", "0.1"]) == 3
    assert "nobody" in capfd.readouterr().err


def test_one_of_several_living_systems_has_to_be_named(capfd: pytest.CaptureFixture[str]) -> None:
    """`system ''` was expected, and the two that were found were its reason."""
    from engine.feed.capture import main

    with tapped() as one, tapped() as other:
        assert main(["record", "--seconds", "0.1"]) == 2
        output = capfd.readouterr().err
        assert "choose one by --system, of" in output
        assert one.system in output
        assert other.system in output


def test_the_system_of_the_environment_is_recorded_and_no_other(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator of a system that is down must not record another system in its place."""
    from engine.feed.capture import main

    with tapped():
        monkeypatch.setenv("STEELYARD_SYSTEM", "absent")
        assert main(["record", "--seconds", "0.1", "--output", "/dev/null"]) == 3
    assert "no system 'absent'" in capfd.readouterr().err


def test_a_system_without_frames_differs_from_none(capfd: pytest.CaptureFixture[str]) -> None:
    """A feed that copies nothing is a word in its file, not a name misspelt."""
    from engine.feed.capture import main

    system = f"test-tap-{uuid.uuid4().hex[:12]}"
    create(system, "ticks.feed", wake="never")
    try:
        assert main(["record", "--system", system, "--seconds", "0.1"]) == 3
        assert "copies no frames" in capfd.readouterr().err
    finally:
        shm.remove(f"{system}.ticks.feed")


def test_each_of_several_feeds_is_recorded_into_a_file_of_its_own(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The connections of two processes have the same numbers: in one file they would be one connection."""
    from engine.feed.capture import main

    system = f"test-tap-{uuid.uuid4().hex[:12]}"
    taps = {}
    for feed in ("north", "south"):
        create(system, f"frames.{feed}")
        create(system, f"connections.{feed}")
        taps[feed] = open_tap(system, feed)
        number = taps[feed].begin(feed, "binance", "/stream", 1)
        taps[feed].write(number, FrameKind.RECEIVED, feed.encode(), 2)
    try:
        words = ["record", "--system", system, "--output", str(tmp_path / "day.sycap"), "--seconds", "0.1", "--json"]
        assert main(words) == 0
        totals = rows_of(capfd.readouterr().out)
        files = {feed: tmp_path / f"day-{feed}.sycap" for feed in taps}
        assert [one["files"] for one in totals] == [[str(path)] for path in files.values()]
        for feed, path in files.items():
            assert frames_of(list(read_recording(path))) == [feed.encode()]
        assert main([*words, "--feed", "east"]) == 2
        assert "--feed 'east': expected one of north, south" in capfd.readouterr().err
        assert main([*words[:4], str(tmp_path / "one.sycap"), *words[5:], "--feed", "south"]) == 0
        assert frames_of(list(read_recording(tmp_path / "one.sycap"))) == [b"south"]
        assert main([*words[:4], str(tmp_path / "by.sycap"), *words[5:], "--venue", "north"]) == 0
        assert not (tmp_path / "by-south.sycap").exists()
        assert main([*words, "--venue", "west"]) == 2
    finally:
        for tap in taps.values():
            tap.close()
        for name in shm.names(system):
            shm.remove(name)


def test_every_block_has_its_number_of_entries(tmp_path: Path) -> None:
    """A reader of another make that trusts the head would stop before the last ones, or wait for more."""
    with tapped() as lanes:
        recorder = Recorder(lanes.system)
        writer = RecordingWriter(tmp_path / "a.sycap", 1, Limits(size=200), recorder.connections.openings)
        for life in range(2):
            for venue in ("one", "two"):
                number = lanes.tap.begin(venue, "binance", "/stream", 1)
                lanes.tap.write(number, FrameKind.RECEIVED, b"x", 2)
            recorder.step(writer, 10**10 * (life + 1))
            lanes.live_again()
        number = lanes.tap.begin("one", "binance", "/stream", 3)
        recorder.finish(writer, 10**11)
    for path in writer.paths:
        content = path.read_bytes()
        counts, place = [], HEADER.size
        while place < len(content):
            _, packed, _, count, *_ = BLOCK.unpack_from(content, place)
            counts.append(count)
            place += BLOCK.size + packed
        assert counts == [len(block) for block in read_blocks(path)]


def test_a_venue_misspelt_is_refused_with_those_there_are(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The recorder would record nothing for a night and report success."""
    from engine.feed.capture import main

    path = tmp_path / "a.sycap"
    with tapped() as lanes:
        lanes.tap.begin("main", "binance-usdm", "/stream", 1)
        words = ["record", "--system", lanes.system, "--output", str(path), "--seconds", "0.1", "--venue"]
        assert main([*words, "binance-usd"]) == 2
        assert "'binance-usd': expected one of binance-usdm, main" in capfd.readouterr().err
        assert not path.exists()
        assert main([*words, "binance-usdm"]) == 0


@pytest.mark.parametrize("seconds", ["inf", "nan", "-1"])
def test_a_duration_that_is_invalid_is_refused(capfd: pytest.CaptureFixture[str], seconds: str) -> None:
    """A trace does not help the user who typed the command, and nan would never end."""
    from engine.feed.capture import main

    assert main(["record", "--seconds", seconds]) == 2
    assert "--seconds" in capfd.readouterr().err


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_recorder_without_a_terminal_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed: str) -> None:
    """With closed streams, as a service manager starts it, it must not fail because it cannot print."""
    from engine.feed.capture import main

    path = tmp_path / "a.sycap"
    with tapped() as lanes:
        number = lanes.tap.begin("main", "binance", "/stream", 1)
        lanes.tap.write(number, FrameKind.RECEIVED, b"x", 2)
        monkeypatch.setattr(sys, closed, None)
        assert main(["record", "--system", lanes.system, "--output", str(path), "--seconds", "0.1"]) == 0
    assert frames_of(list(read_recording(path))) == [b"x"]


@pytest.mark.parametrize("dies", [False, True])
def test_a_connection_that_ends_where_a_part_begins_is_whole_in_that_part(tmp_path: Path, dies: bool) -> None:
    """Without their beginning the last frames have no connection, and a replay would wait for it for ever."""
    with tapped() as lanes:
        recorder = Recorder(lanes.system)
        writer = RecordingWriter(tmp_path / "a.sycap", 1, Limits(size=100), recorder.connections.openings)
        first = lanes.tap.begin("main", "binance", "/stream", 1)
        recorder.step(writer, 10**10)
        lanes.tap.write(first, FrameKind.RECEIVED, b"last", 2)
        if dies:
            lanes.live_again()
        else:
            lanes.tap.end(first, "main", "binance", "/stream", "gone", 1, 3)
        second = lanes.tap.begin("main", "binance", "/stream", 4)
        recorder.step(writer, 2 * 10**10)
        lanes.tap.write(second, FrameKind.RECEIVED, b"next", 5)
        recorder.finish(writer, 3 * 10**10)
    parts = [[entry[1:3] for entry in read_recording(path, "main")] for path in writer.paths]
    begin, frame, closed = FrameKind.BEGIN, FrameKind.RECEIVED, FrameKind.CLOSED
    assert parts[0] == [(first, begin)]
    opening = [(first, begin), (second, begin)]  # and the second once more, at its place
    assert parts[1] == [*opening, (first, frame), (first, closed), (second, begin)]
    assert parts[2][:2] == [(second, begin), (second, frame)]

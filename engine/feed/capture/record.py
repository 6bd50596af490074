"""The body of `engine-ctl capture record`: which system, which file, how long, and the totals."""

import argparse
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import orjson

import shm
from engine import clock
from engine.feed.capture.recorder import Recorder
from engine.feed.capture.recording import SUFFIX
from engine.feed.capture.writing import Limits, RecordingWriter
from engine.lanes import LOOKERS, open_lanes

DONE, FAILED, WRONG_USE, NOBODY = 0, 1, 2, 3
NAP_S = 0.001
LOOK_NS = 500_000_000  # how often an idle recorder looks whether its lane is still there
SECOND_NS = 1_000_000_000
MIB = 1 << 20
FOREVER_S = 1e9


class Stop:
    """Asked to end, by a signal or by time."""

    def __init__(self, seconds: float) -> None:
        """End after so many seconds, 0: never by itself."""
        self.deadline_ns = clock.now_ns() + int(seconds * SECOND_NS) if seconds else 0
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def due(self, now_ns: int) -> bool:
        """Whether to end."""
        return self.asked or bool(self.deadline_ns and now_ns >= self.deadline_ns)

    def _ask(self, *_: object) -> None:
        self.asked = True


def record(options: argparse.Namespace) -> int:
    """Record; the exit code."""
    if not 0 <= options.seconds < FOREVER_S or options.part_mib < 0 or options.part_seconds < 0:
        return _complain("--seconds, --part-mib and --part-seconds: expected none or more", WRONG_USE)
    systems = choose_systems(options.system)
    if len(systems) != 1:
        return _complain(*_which(options.system, systems))
    [system] = systems
    stop, now_ns = Stop(options.seconds), clock.now_ns()
    try:
        recorder = _attach(system, options.venue)
        _know_venue(options.venue, recorder.connections.venues())
        limits = Limits(options.part_mib * MIB, options.part_seconds * SECOND_NS)
        path = output_path(options.output, system, now_ns)
        writer = RecordingWriter(path, now_ns, limits, recorder.connections.openings)
    except Gone as error:
        return _complain(str(error), NOBODY)
    except (OSError, ValueError, shm.SegmentError) as error:
        return _complain(_text(error), WRONG_USE)
    print(f"recording {system} to {path}, ^C ends it", file=sys.stderr, flush=True)  # noqa: T201 - stderr may be closed
    try:
        follow(recorder, writer, stop)
        recorder.finish(writer, clock.now_ns())
    except OSError as error:
        _say(recorder, writer, as_json=options.json)
        return _complain(f"{writer.paths[-1]}: {error.strerror}: whole up to here, the feed goes on", FAILED)
    _say(recorder, writer, as_json=options.json)
    return DONE


def _text(error: Exception) -> str:
    """What is wrong, without the number of the error."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)


class Gone(Exception):  # noqa: N818 - one clear line for the one who typed
    """The system went down between the look for it and the attaching."""


def _attach(system: str, venue: str) -> Recorder:
    """The recorder of a system that is still there."""
    try:
        return Recorder(system, venue)
    except FileNotFoundError as error:
        raise Gone(f"{system} went down: {error}") from error


def _know_venue(named: str, venues: set[str]) -> None:
    """Refuse a name that no connection has; before the feed's first there is nothing to hold it against."""
    if named and venues and named not in venues:
        msg = f"--venue {named!r}: expected one of {', '.join(sorted(venues))}"
        raise ValueError(msg)


def follow(recorder: Recorder, writer: RecordingWriter, stop: Stop) -> None:
    """Write what comes until told to end, or until the lane is gone."""
    look_ns = 0
    while not stop.due(now_ns := clock.now_ns()):
        if recorder.step(writer, now_ns):
            continue
        if now_ns >= look_ns:
            look_ns = now_ns + LOOK_NS
            if recorder.reader.replaced():
                print("the system went down", file=sys.stderr)  # noqa: T201
                return
        time.sleep(NAP_S)


def choose_systems(named: str) -> list[str]:
    """The systems that may be meant: the one named, or all; where there are several, those whose feed lives."""
    found = [system for system in _recordable() if not named or system == named]
    return [system for system in found if _is_living(system)] or found


def _is_living(system: str) -> bool:
    """Whether the feed of a system writes; one that went down this moment does not."""
    try:
        return open_lanes(system, LOOKERS).ring_reader("frames").owner.life() == "alive"
    except (shm.SegmentError, OSError):
        return False


def _which(named: str, found: list[str]) -> tuple[str, int]:
    """Why it is not one system, and the exit code of that."""
    if found:
        return f"which system? --system is one of {', '.join(found)}", WRONG_USE
    others = ", ".join(_recordable()) or "none"
    if named in shm.systems():
        return f"system {named!r} copies no frames: it has no feed, or [feed] frames = false; found {others}", NOBODY
    return f"no system {named!r} here, found {others}" if named else "no system with a feed is here", NOBODY


def _recordable() -> list[str]:
    return [system for system in shm.systems() if f"{system}.frames" in shm.names(system)]


def output_path(text: str, system: str, now_ns: int) -> Path:
    """The file to write: named after system and time unless told."""
    path = Path(text or ".")
    if not path.is_dir():
        return path
    begun = datetime.fromtimestamp(now_ns // SECOND_NS, UTC)
    return path / f"{system}-{begun:%Y%m%dT%H%M%SZ}{SUFFIX}"


def _complain(text: str, code: int) -> int:
    print(f"capture record: {text}", file=sys.stderr)  # noqa: T201
    return code


def _say(recorder: Recorder, writer: RecordingWriter, *, as_json: bool) -> None:
    """The totals; what is missing is never left unsaid."""
    totals = recorder.totals(writer)
    if as_json:
        print(orjson.dumps(totals).decode())  # noqa: T201
        return
    print(  # noqa: T201
        f"{totals['frames']:,} frames, {totals['bytes']:,} bytes in {totals['file_bytes']:,} on disk, "
        f"{len(writer.paths)} files"
    )
    if totals["losses"]:
        print(f"{totals['losses']} gaps, {totals['lost_frames']:,} frames known to be lost, all marked")  # noqa: T201
    if recorder.connections.joined:
        print(  # noqa: T201
            f"{recorder.connections.joined} connections were there before: their books can be replayed from their next "
            "snapshot on, which engine-ctl restart feed brings"
        )

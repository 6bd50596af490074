"""The command `engine-ctl capture record`: finds the system and the file, records, and prints the totals."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import shm
from engine import clock
from engine.answer import data_line
from engine.feed.capture.errors import CaptureError
from engine.feed.capture.recorder import Recorder
from engine.feed.capture.recording import SUFFIX
from engine.feed.capture.writing import Limits, RecordingWriter
from engine.lanes import LOOKERS, lane_of, open_lanes
from engine.lanes.owners import found_owners

DONE, FAILED, WRONG_USE, NO_FEED = 0, 1, 2, 3
NAP_S = 0.001
CHECK_NS = 500_000_000  # how often an idle recorder checks that its lane still exists
SECOND_NS = 1_000_000_000
MIB = 1 << 20
SYSTEM_VARIABLE = "STEELYARD_SYSTEM"  # as for every other command of engine-ctl
FOREVER_S = 1e9


class Stop:
    """The end of a recording, by a signal or by time."""

    def __init__(self, seconds: float) -> None:
        """End after so many seconds; 0: at a signal only."""
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
    """Record; return the exit code."""
    if not 0 <= options.seconds < FOREVER_S or options.part_mib < 0 or options.part_seconds < 0:
        raise CaptureError("--seconds, --part-mib and --part-seconds: expected a number of at least 0", WRONG_USE)
    named = options.system or os.environ.get(SYSTEM_VARIABLE, "")
    systems = choose_systems(named)
    if len(systems) != 1:
        raise CaptureError(*_which(named, systems))
    [system] = systems
    stop, now_ns = Stop(options.seconds), clock.now_ns()
    try:
        recordings = _begin(options, system, now_ns)
    except Gone as error:
        raise CaptureError(str(error), NO_FEED) from error
    except (OSError, ValueError, shm.SegmentError) as error:
        raise CaptureError(_text(error), WRONG_USE) from error
    paths = ", ".join(str(one.writer.paths[-1]) for one in recordings)
    print(f"recording {system} to {paths}, press Ctrl-C to stop", file=sys.stderr, flush=True)  # noqa: T201 - stderr may be closed
    try:
        follow(recordings, stop)
        for one in recordings:
            one.recorder.finish(one.writer, clock.now_ns())
    except OSError as error:
        _print_totals(recordings, as_json=options.json)
        written = error.filename or ", ".join(str(one.writer.paths[-1]) for one in recordings)
        raise CaptureError(
            f"{written}: {error.strerror}: the file is valid up to here; the feed continues", FAILED
        ) from error
    _print_totals(recordings, as_json=options.json)
    return DONE


class Recording(NamedTuple):
    """The recording of one feed, and its files."""

    feed: str
    recorder: Recorder
    writer: RecordingWriter


def _begin(options: argparse.Namespace, system: str, now_ns: int) -> list[Recording]:
    """Begin a recording of the feed that is named, or of each feed; of several feeds each has a file of its own."""
    feeds = _frame_lanes(system)
    if options.feed and options.feed not in feeds:
        msg = f"--feed {options.feed!r}: expected one of {', '.join(feeds)}"
        raise ValueError(msg)
    found = {feed: _attach(system, options.venue, feed) for feed in ([options.feed] if options.feed else feeds)}
    venues = {feed: recorder.connections.venues() for feed, recorder in found.items()}
    _check_venue(options.venue, set().union(*venues.values()))
    limits = Limits(options.part_mib * MIB, options.part_seconds * SECOND_NS)
    recordings = []
    for feed, recorder in found.items():
        if not options.venue or not venues[feed] or options.venue in venues[feed]:
            path = output_path(options.output, system, now_ns, feed if len(found) > 1 else "")
            writer = RecordingWriter(path, now_ns, limits, recorder.connections.openings)
            recordings.append(Recording(feed, recorder, writer))
    return recordings


def _text(error: Exception) -> str:
    """Return an error's text, without its number."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)


class Gone(Exception):  # noqa: N818 - printed as one line
    """The system went down before the recorder attached."""


def _attach(system: str, venue: str, feed: str) -> Recorder:
    """Return the recorder of a feed of a system that is up."""
    try:
        return Recorder(system, venue, feed)
    except FileNotFoundError as error:
        raise Gone(f"{system} went down: {error}") from error


def _check_venue(named: str, venues: set[str]) -> None:
    """Refuse a name that no connection has; before the feed's first connection any name is accepted."""
    if named and venues and named not in venues:
        msg = f"--venue {named!r}: expected one of {', '.join(sorted(venues))}"
        raise ValueError(msg)


def follow(recordings: Sequence[Recording], stop: Stop) -> None:
    """Write until the end is requested, or a lane is gone."""
    check_ns = 0
    while not stop.due(now_ns := clock.now_ns()):
        if sum([one.recorder.step(one.writer, now_ns) for one in recordings]):
            continue
        if now_ns >= check_ns:
            check_ns = now_ns + CHECK_NS
            if any(one.recorder.reader.replaced() for one in recordings):
                print("the system went down", file=sys.stderr)  # noqa: T201
                return
        time.sleep(NAP_S)


def choose_systems(named: str) -> list[str]:
    """Return the system of this name, or all; of several, those whose feed is alive."""
    found = [system for system in _recordable() if not named or system == named]
    return [system for system in found if _is_alive(system)] or found


def _is_alive(system: str) -> bool:
    """Whether a feed of a system is alive."""
    try:
        return any(ring.owner.life() == "alive" for _, ring in open_lanes(system, LOOKERS).ring_readers("frames"))
    except (shm.SegmentError, OSError):
        return False


def _which(named: str, found: list[str]) -> tuple[str, int]:
    """Return why this is not exactly one system, and the exit code."""
    if found:
        return f"several systems are up: choose one by --system, of {', '.join(found)}", WRONG_USE
    others = ", ".join(_recordable()) or "none"
    if named in shm.systems():
        return f"system {named!r} copies no frames: it has no feed, or [feed] frames = false; found {others}", NO_FEED
    return (
        f"no system {named!r} on this machine, found {others}" if named else "no system with a feed on this machine",
        NO_FEED,
    )


def _frame_lanes(system: str) -> list[str]:
    """The feeds that copy their frames."""
    return found_owners(system, lane_of("frames"))


def _recordable() -> list[str]:
    return [system for system in shm.systems() if _frame_lanes(system)]


def output_path(text: str, system: str, now_ns: int, feed: str = "") -> Path:
    """Return the file to write; its name is made of system and time unless given. `feed` is one of several."""
    path, of = Path(text or "."), f"-{feed}" if feed else ""
    if not path.is_dir():
        return path.with_name(f"{path.stem}{of}{path.suffix}")
    begun = datetime.fromtimestamp(now_ns // SECOND_NS, UTC)
    return path / f"{system}{of}-{begun:%Y%m%dT%H%M%SZ}{SUFFIX}"


def _print_totals(recordings: Sequence[Recording], *, as_json: bool) -> None:
    """Print the totals of each feed, and always what is missing."""
    for one in recordings:
        _print_total(one.feed, one.recorder, one.writer, as_json=as_json)


def _print_total(feed: str, recorder: Recorder, writer: RecordingWriter, *, as_json: bool) -> None:
    totals = recorder.totals(writer)
    if as_json:
        print(data_line("capture record", totals))  # noqa: T201
        return
    print(  # noqa: T201
        f"{totals['frames']:,} frames, {totals['bytes']:,} bytes in {totals['file_bytes']:,} on disk, "
        f"{len(writer.paths)} files"
    )
    if totals["losses"]:
        losses, frames = totals["losses"], totals["lost_frames"]
        print(f"{losses} gaps, {frames:,} frames known to be lost; each gap is marked in the file")  # noqa: T201
    if recorder.connections.joined:
        print(  # noqa: T201
            f"{recorder.connections.joined} connections began before the recording: their books can be replayed from "
            f"their next snapshot on; engine-ctl restart {feed} makes one"
        )

"""The recorder: from the FRAMES ring of a running feed to a recording, in a process of its own.

It attaches read-only, and the feed does not wait for it. It counts the frames that it could not read in time, and
writes a mark at each gap. It begins with the oldest frame on the ring.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import orjson

import shm
from engine.feed.capture.entries import Assembler, pack
from engine.feed.capture.writing import RecordingWriter
from engine.lanes import LOOKERS, open_lanes
from engine.model.frame_id import epoch_of_connection
from engine.model.words import FrameKind

BLOCK_SIZE = 1 << 20
BLOCK_NS = 1_000_000_000  # how often a block is written at least: a crash loses no more
RECORDS_AT_ONCE = 1 << 14
UNKNOWN = {"venue": "", "dialect": "", "target": ""}  # its cell belongs to a later connection by now


@dataclass
class Connections:
    """The connections that the feed publishes, and which of them are recorded."""

    cells: shm.CellReader
    venue: str = ""
    joined: int = 0  # connections that had begun before the recording did
    open: dict[int, bytes] = field(default_factory=dict)
    dead: set[int] = field(default_factory=set)  # their ends are not written yet

    def meet(self, number: int, begins: bool) -> tuple[bool, bytes]:
        """Return whether to keep a connection's frames, and the entries to write before its first frame."""
        row = self.cells.read(number % self.cells.count)
        named, begin_ns = (_describe(row), row.begin_ns) if row is not None and row.number == number else (UNKNOWN, 0)
        ended = b"".join(self._end_lives_before(number, begin_ns))
        if self.venue and self.venue not in (named["venue"], named["dialect"]):
            return False, ended
        entry = pack(begin_ns, number, FrameKind.BEGIN, orjson.dumps({**named, "joined": not begins}))
        self.open[number] = entry
        self.joined += not begins
        return True, ended if begins else ended + entry

    def venues(self) -> set[str]:
        """Return every name that selects a venue's connections; none before the feed's first connection."""
        rows = (self.cells.read(index) for index in range(self.cells.count))
        named = [_describe(row) for row in rows if row is not None]
        return {one[name] for one in named for name in ("venue", "dialect")}

    def openings(self) -> bytes:
        """Return the beginnings of the connections that are open at the beginning of a part."""
        return b"".join(self.open.values())

    def forget(self, ended: Iterable[int], last_ns: int) -> None:
        """Forget connections whose ends are written, and those whose cell shows an end before this time."""
        for number in (*ended, *self.dead):
            self.open.pop(number, None)
        self.dead.clear()
        for number in list(self.open):
            row = self.cells.read(number % self.cells.count)
            if row is None or row.number != number or 0 < row.end_ns < last_ns:
                del self.open[number]

    def _end_lives_before(self, number: int, now_ns: int) -> Iterator[bytes]:
        """Write the ends of a dead feed's connections when its successor begins one."""
        for other in list(self.open):
            if epoch_of_connection(other) < epoch_of_connection(number) and other not in self.dead:
                self.dead.add(other)
                yield pack(now_ns, other, FrameKind.CLOSED, b"the feed's process ended")


def _describe(row: object) -> dict[str, str]:
    return {name: getattr(row, name).rstrip(b"\0").decode() for name in ("venue", "dialect", "target")}


class Recorder:
    """One recording of one feed."""

    def __init__(self, system: str, venue: str = "", feed: str = "") -> None:
        """Attach to the lanes of a feed, or of the system's only one, at the oldest frame."""
        lanes = open_lanes(system, LOOKERS)
        self.reader = lanes.ring_reader("frames", feed)
        self.reader.cursor = self.reader.oldest
        self.connections = Connections(lanes.cell_reader("connections", feed), venue)
        self.assembler = Assembler(self.connections.meet)
        self.lost_records = 0
        self._flush_ns = 0
        self._written = 0, 0  # frames and their bytes

    def step(self, writer: RecordingWriter, now_ns: int) -> int:
        """Read what is there; write a block when there is enough of it, or it is old enough."""
        lost, records = self.reader.copy(RECORDS_AT_ONCE)
        if lost:
            self.lost_records += lost
            self.assembler.add_overtaken(lost)
        if len(records):
            self.assembler.assemble(cast("bytes", records.view(np.uint8)))
        if self.assembler.size >= BLOCK_SIZE or now_ns >= self._flush_ns:
            self.flush(writer, now_ns)
        return len(records)

    def flush(self, writer: RecordingWriter, now_ns: int) -> None:
        """Write the finished entries."""
        self._flush_ns = now_ns + BLOCK_NS
        entries, count, first_ns, last_ns = self.assembler.remove_whole()
        if entries:
            writer.write(entries, count, first_ns, last_ns, now_ns)
            self._written = self.assembler.frames, self.assembler.octets
            self.connections.forget(self.assembler.ended, last_ns)
            self.assembler.ended.clear()

    def finish(self, writer: RecordingWriter, now_ns: int) -> None:
        """Read the rest, write the entry END, and close."""
        end = self.reader.end
        while self.reader.cursor < end and self.step(writer, now_ns):
            pass
        self.assembler.settle(now_ns)
        assembler = self.assembler
        whole = {**self.totals(writer), "frames": assembler.frames, "bytes": assembler.octets}
        assembler.add(pack(now_ns, 0, FrameKind.END, orjson.dumps(whole)))
        self.flush(writer, now_ns)
        writer.close()

    def totals(self, writer: RecordingWriter) -> dict[str, object]:
        """Return what is in the files, and what is missing."""
        assembler, (frames, octets) = self.assembler, self._written
        return {
            "frames": frames,
            "bytes": octets,
            "file_bytes": writer.octets,
            "lost_frames": assembler.lost,
            "losses": assembler.losses,
            "lost_records": self.lost_records,
            "connections_joined": self.connections.joined,
            "files": [str(path) for path in writer.paths],
        }

"""The recorder's directory as sessions: from the `up` of a system to its `down`, with the lanes of that time.

    parts/<lane>/…  ─┐                                  a lane is created anew at every `up`: it is another stream
    store/<kind>/…  ─┴─▶ streams of each lane ─▶ session: of each lane the stream that began in it (`streams_of`)

A session is from the first to the last STEP of its strategies. Parts that are not sealed yet are read as they are, so
a session may be compared as soon as it has ended, and also while it runs.
"""

import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from engine.lanes import lane_of
from engine.lanes.map import Lane
from engine.recorder.described import Described, description_at, descriptions
from engine.recorder.locks import PARTS, STORE
from engine.recorder.part import CLOSED, OPEN, ROWS, Head, PartError, UnfinishedError, parts_of, read_blocks, read_head
from engine.recorder.sources import row_of, time_of
from research.parity.recorded.lane import Chunk, RecordedLane, Rows
from research.parity.recorded.sealed import sealed_chunks, sealed_times

Times = dict[str, dict[str, tuple[int, int]]]  # by name and stream of a lane, of its first and its last row
SHORT = 8  # digits of a stream by which the sealed files name it
STEPS = "steps"


class ParityError(ValueError):
    """A session that cannot be compared: the text names what was found, what was expected and what to do."""


class Session(NamedTuple):
    """One run of a system."""

    number: int  # among the sessions of its recording, from 0
    first_ns: int  # of the first STEP
    last_ns: int  # of the last STEP
    strategies: tuple[str, ...]


class Recording:
    """The lanes of one directory."""

    def __init__(self, directory: Path) -> None:
        """Look at a directory of the recorder; ParityError when it is none."""
        self.directory, self.source = directory, str(directory)
        self._known: dict[str, Times] = {}
        self._sessions: list[Session] = []
        if not (directory / PARTS).is_dir() and not (directory / STORE).is_dir():
            text = "expected the directory of a recorder, with parts/ or store/"
            raise ParityError(f"{directory}: {text}: a system with the table [recorder] makes one (docs/history.md)")

    def descriptions(self) -> list[Described]:
        """The systems that were recorded here."""
        return descriptions(self.directory)

    def description_at(self, at_ns: int) -> Described | None:
        """The system that was recorded at a time; None where no description exists."""
        return description_at(self.directory, at_ns)

    def _sealed(self, kind: str) -> Times:
        """The times of the sealed streams of a kind; found once, because it reads a whole column."""
        if kind not in self._known:
            self._known[kind] = sealed_times(self.directory / STORE / kind, kind)
        return self._known[kind]

    def sessions(self, strategies: Iterable[str]) -> list[Session]:
        """Every session in which one of these strategies ran, the oldest first."""
        spans = [
            (*span, name) for name in strategies for span in self.times(f"{STEPS}.{name}", lane_of(STEPS)).values()
        ]
        found: list[Session] = []
        for first, last, name in sorted(spans):
            if found and first <= found[-1].last_ns:
                one = found.pop()
                found.append(one._replace(last_ns=max(last, one.last_ns), strategies=(*one.strategies, name)))
            else:
                found.append(Session(len(found), first, last, (name,)))
        self._sessions = found
        return found

    def times(self, full: str, lane: Lane) -> dict[str, tuple[int, int]]:
        """By stream of a lane, the times of its first and its last row."""
        found = dict(self._sealed(lane.name).get(full, {}))
        for path, head, offset in self._parts(full):
            for rows in _rows_of(path, head, offset):
                times = rows[time_field_of(lane)]
                low, high = found.get(head.stream[:SHORT], (int(times[0]), 0))
                found[head.stream[:SHORT]] = min(low, int(times.min())), max(high, int(times.max()))
        return found

    def begins(self, full: str, lane: Lane) -> dict[str, int]:
        """By stream of a lane, when its recording began."""
        sealed = self._sealed(lane.name).get(full, {})
        found = {stream: first for stream, (first, _) in sealed.items()}
        for _, head, _ in self._parts(full):
            stream = head.stream[:SHORT]
            found[stream] = min(head.begin_ns, found.get(stream, head.begin_ns))
        return found

    def chunks(self, full: str, lane: Lane, session: Session) -> Iterator[Chunk]:
        """The rows of a lane in a session; of cells each sample."""
        stream = streams_of(self._sessions, self.begins(full, lane)).get(session.number)
        if stream is None:
            return
        record = row_of(lane.record, lane.kind)
        for path, head, offset in self._parts(full):
            if head.stream[:SHORT] == stream:
                _expect_fields(path, head, record)
                yield from _chunks_of(path, head, offset)
        yield from sealed_chunks(self.directory / STORE / lane.name, full, stream, record.dtype)

    def lane(self, full: str, session: Session) -> RecordedLane:
        """A ring as it was in a session; without a record where nothing was recorded."""
        lane = lane_of(full.partition(".")[0])
        return RecordedLane(lane, self.chunks(full, lane, session), self.place)

    @property
    def place(self) -> Path | None:
        """Where large files may be: beside the recording; None where that cannot be written."""
        return self.directory if os.access(self.directory, os.W_OK) else None

    def _parts(self, full: str) -> Iterator[tuple[Path, Head, int]]:
        """The parts of a lane; one that is sealed meanwhile is in the store."""
        directory = self.directory / PARTS / full
        for path in (*parts_of(directory, CLOSED), *parts_of(directory, OPEN)):
            try:
                yield path, *read_head(path)
            except (FileNotFoundError, UnfinishedError):
                continue
            except PartError as error:
                raise ParityError(str(error)) from error


def streams_of(sessions: Sequence[Session], begins: Mapping[str, int]) -> dict[int, str]:
    """By session, the stream of a lane.

    A stream of a session begins before its last STEP, mostly before its first. A lane that is silent until then may
    begin while the system goes down: the session before has none yet, and its end is nearer than the next first STEP.
    """
    found: dict[int, str] = {}
    for stream, at in sorted(begins.items(), key=lambda one: one[1]):
        number = bisect_left([one.last_ns for one in sessions], at)
        late = at - sessions[number - 1].last_ns if number and number - 1 not in found else None
        if late is not None and (number == len(sessions) or late < sessions[number].first_ns - at):
            number -= 1
        found[number] = stream
    return found


def time_field_of(lane: Lane) -> str:
    """The field by which the rows of a lane are ordered."""
    return "read_ns" if lane.kind == "cells" else time_of(lane.record)


def _chunks_of(path: Path, head: Head, offset: int) -> Iterator[Chunk]:
    try:
        for block, _ in read_blocks(path, offset):
            if block.kind == ROWS:
                yield Chunk(np.arange(block.first, block.after), np.frombuffer(block.rows, head.dtype))
    except FileNotFoundError:
        return
    except PartError as error:
        raise ParityError(str(error)) from error


def _rows_of(path: Path, head: Head, offset: int) -> Iterator[Rows]:
    return (chunk.rows for chunk in _chunks_of(path, head, offset))


def _expect_fields(path: Path, head: Head, record: Any) -> None:
    """Refuse a part of another version: its records are other bytes than those that a replay makes."""
    if head.descr == record.descr:
        return
    ours, theirs = ({str(field) for field in descr} for descr in (record.descr, head.descr))
    differing = ", ".join(sorted(ours ^ theirs)) or "in another order"
    what = f"recorded by another version of the engine, with other fields ({differing})"
    raise ParityError(f"{path}: {what}: compare it with that version")

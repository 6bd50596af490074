"""The manifest of a kind: which files are the history, and what of each lane is in them.

    <crc> {"file": {…}}        one for each Parquet file
    <crc> {"source": {…}}      one for each creation of a lane, or each import: which numbers are sealed
    <crc> {"pruned": {…}}      one for each venue's day that was removed by retention: what it was

A file belongs to the history if and only if the manifest names it. The manifest is replaced in one step, so a change
of several files and of their sources happens whole or not at all.
"""

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from engine.recorder.store.disk import Disk

NAME = "manifest.jsonl"


class ManifestError(ValueError):
    """A manifest that cannot be trusted."""


class File(msgspec.Struct, frozen=True):
    """One Parquet file: a part of one venue's day."""

    path: str  # from the kind's directory
    venue: str
    day: str  # UTC, by the time of the rows
    rows: int
    first_ns: int
    last_ns: int
    first_sequence: int
    last_sequence: int
    gaps: int  # in the lanes of this file, on this day: how often records were lost,
    lost: int  # how many,
    lost_ns: int  # and for how long
    size: int
    crc: int
    schema: int  # crc of the columns' names and types
    source: tuple[str, ...]  # the lanes, with the creation of each
    symbols: tuple[str, ...]  # of the rows


class Source(msgspec.Struct, frozen=True):
    """A creation of a lane, or an import: of the numbers [first, after) `rows` are sealed and `lost` never came."""

    lane: str
    stream: str
    first: int
    after: int
    rows: int
    lost: int

    @property
    def name(self) -> str:
        """As files name it."""
        return f"{self.lane}/{self.stream[:8]}"


class Pruned(msgspec.Struct, frozen=True):
    """A venue's day whose files were removed by retention."""

    venue: str
    day: str
    rows: int
    first_ns: int
    last_ns: int
    first_sequence: int
    last_sequence: int
    bytes: int
    crc: int  # of the files' crcs
    files: int
    symbols: tuple[str, ...]


class Line(msgspec.Struct, omit_defaults=True):
    """One line."""

    file: File | None = None
    source: Source | None = None
    pruned: Pruned | None = None


class Manifest:
    """The manifest of one kind, as it is on the disk."""

    def __init__(
        self, directory: Path, files: Iterable[File] = (), sources: Iterable[Source] = (), pruned: Iterable[Pruned] = ()
    ) -> None:
        """Hold lines; `load` reads them."""
        self.directory, self.files, self.pruned = directory, {one.path: one for one in files}, list(pruned)
        self.sources = {(one.lane, one.stream): one for one in sources}

    @classmethod
    def load(cls, directory: Path) -> "Manifest":
        """Read the manifest of a kind; ManifestError names a line that is damaged."""
        path = directory / NAME
        lines = list(_read(path)) if path.exists() else []
        return cls(
            directory, (one.file for one in lines if one.file), (one.source for one in lines if one.source),
            (one.pruned for one in lines if one.pruned),
        )  # fmt: skip

    def save(self, disk: Disk) -> None:
        """Replace the manifest on the disk."""
        lines = [Line(file=self.files[path]) for path in sorted(self.files)]
        lines += [Line(source=self.sources[key]) for key in sorted(self.sources)]
        lines += [Line(pruned=one) for one in sorted(self.pruned, key=lambda one: (one.day, one.venue))]
        disk.replace(self.directory / NAME, b"".join(map(_packed, lines)))

    def partitions(self) -> dict[tuple[str, str], list[File]]:
        """The files of each venue and day, in the order of their times."""
        found: dict[tuple[str, str], list[File]] = {}
        for one in sorted(self.files.values(), key=lambda file: (file.first_ns, file.path)):
            found.setdefault((one.venue, one.day), []).append(one)
        return found

    def strangers(self) -> list[Path]:
        """The files that no line names: a process that was killed left them."""
        return [
            path
            for path in self.directory.glob("venue=*/day=*/*")
            if str(path.relative_to(self.directory)) not in self.files
        ]


def kinds(store: Path) -> list[str]:
    """The kinds that a history has."""
    return sorted(path.parent.name for path in store.glob(f"*/{NAME}"))


def _packed(line: Line) -> bytes:
    text = msgspec.json.encode(line)
    return b"%08x %b\n" % (zlib.crc32(text), text)


def _read(path: Path) -> Iterator[Line]:
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        crc, _, text = line.partition(b" ")
        if crc != b"%08x" % zlib.crc32(text):
            raise ManifestError(f"{path}: line {number} is damaged: its crc is wrong; restore the file from a copy")
        yield msgspec.json.decode(text, type=Line)

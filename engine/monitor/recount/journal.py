"""Reads the fills of an account from the files of its journal, for a start: the ring holds only the newest ones.

    journal.00000001  │ record │ record │ … │ zeros

Execution writes the journal; this reader shares no code with it. It ends at the first record whose number does not
follow that of the record before it, or that is being written, and refuses another fill whose checksum is wrong.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from engine.model.codec import Codec
from engine.model.journal_records import NETTED
from engine.model.netted import fills_of
from engine.model.records import FILL, JOURNAL, JOURNAL_VERSION
from engine.model.rows import FillRow
from engine.model.words import JournalKind

CHECKSUM, PAYLOAD = (field.offset for field in JOURNAL.fields if field.name in ("checksum", "payload"))
FILL_CODEC, NETTED_CODEC = Codec(FILL), Codec(NETTED)


class JournalError(Exception):
    """A journal that this program cannot read."""


def segments_of(directory: Path, first: str = "") -> Iterator[tuple[str, Iterator[FillRow]]]:
    """Each segment's name with its fills, in order, from the segment of this name on; none without a journal."""
    expected = 0
    for path in sorted(directory.glob("journal.[0-9]*")):
        data = path.read_bytes() if path.name >= first else b""
        records = np.frombuffer(data, JOURNAL.dtype, len(data) // JOURNAL.size)
        if not len(records) or not records["sequence"][0]:
            continue
        expected = expected or int(records["sequence"][0])
        follows = records["sequence"] == np.arange(expected, expected + len(records), dtype=np.uint64)
        whole = len(records) if follows.all() else int(np.argmin(follows))
        expected += whole
        if whole:
            _check_version(path, int(records["version"][0]))
            yield path.name, _fills_in(path, data, records["kind"][:whole])


def mark_of(directory: Path, name: str) -> int:
    """Distinguishes a segment from another of its name: the checksum of its first record; 0 without such a file."""
    try:
        with (directory / name).open("rb") as file:
            return zlib.crc32(file.read(JOURNAL.size))
    except OSError:
        return 0


def _fills_in(path: Path, data: bytes, kinds: Any) -> Iterator[FillRow]:
    """The fills among the whole records of a segment."""
    for place in np.flatnonzero(np.isin(kinds, (int(JournalKind.FILL), int(JournalKind.NETTED)))):
        record = data[place * JOURNAL.size : (place + 1) * JOURNAL.size]
        if _is_whole(record) and kinds[place] == int(JournalKind.NETTED):
            yield from fills_of(NETTED_CODEC.unpack(record[PAYLOAD : PAYLOAD + NETTED.size]))
        elif _is_whole(record):
            yield FILL_CODEC.unpack(record[PAYLOAD : PAYLOAD + FILL.size])
        elif place + 1 < len(kinds):
            msg = f"{path}: the checksum of a fill is wrong: compare the account's fills with the venue's own list"
            raise JournalError(msg)


def _is_whole(record: bytes) -> bool:
    """Whether a record has the checksum of its bytes."""
    found = int.from_bytes(record[CHECKSUM:PAYLOAD], "little")
    return zlib.crc32(record[:CHECKSUM] + bytes(4) + record[PAYLOAD:]) == found


def _check_version(path: Path, version: int) -> None:
    """Refuse a journal of another format: its fills would be read wrong."""
    if version != JOURNAL_VERSION:
        msg = f"{path}: the journal has format {version}, this program reads format {JOURNAL_VERSION}"
        raise JournalError(msg)

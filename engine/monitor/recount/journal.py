"""Reads the fills of an account from the files of its journal, for a start: the ring holds only the newest ones.

    journal.00000001  │ record │ record │ … │ zeros

Execution writes the journal; this reader shares no code with it. It ends at the first record whose number does not
follow that of the record before it, or that is being written, and refuses another fill whose checksum is wrong.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine.model.codec import Codec
from engine.model.records import FILL, JOURNAL, JOURNAL_VERSION
from engine.model.rows import FillRow
from engine.model.words import JournalKind

CHECKSUM, PAYLOAD = (field.offset for field in JOURNAL.fields if field.name in ("checksum", "payload"))
FILL_CODEC = Codec(FILL)


class JournalError(Exception):
    """A journal that this program cannot read."""


def fills_of(directory: Path) -> Iterator[FillRow]:
    """Every fill in a journal, in order; none where there is no journal yet."""
    expected = 0
    for path in sorted(directory.glob("journal.[0-9]*")):
        data = path.read_bytes()
        records = np.frombuffer(data, JOURNAL.dtype, len(data) // JOURNAL.size)
        if not len(records) or not records["sequence"][0]:
            continue
        expected = expected or int(records["sequence"][0])
        follows = records["sequence"] == np.arange(expected, expected + len(records), dtype=np.uint64)
        whole = len(records) if follows.all() else int(np.argmin(follows))
        expected += whole
        _check_version(path, int(records["version"][0]))
        for place in np.flatnonzero(records["kind"][:whole] == int(JournalKind.FILL)):
            record = data[place * JOURNAL.size : (place + 1) * JOURNAL.size]
            if _is_whole(record):
                yield FILL_CODEC.unpack(record[PAYLOAD : PAYLOAD + FILL.size])
            elif place + 1 < whole:
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

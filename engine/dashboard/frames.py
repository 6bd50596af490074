"""The bytes of a frame: a head, then sections. docs/dashboard.md has the layout; page/core/frames.js reads it.

    head       kind u4 · sections u4 · server_ms f8 · number u8
    section    kind u4 · size u4 · payload, filled up to a multiple of 8

A section of records holds them as they are in shared memory, so nothing is converted here; the first snapshot carries
the layout of each record. A message is one frame or several, one after the other.
"""

import struct
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import orjson

from engine.model import records

if TYPE_CHECKING:
    from shm.record import Record

HEAD, SECTION = struct.Struct("<IIdQ"), struct.Struct("<II")
POINT = struct.Struct("<Qdqq")  # instrument, time in ms, best bid and ask as the book's integers
WORTH = struct.Struct("<dd")  # time in ms, value


class FrameKind(IntEnum):
    """What a frame is."""

    SNAPSHOT = 1  # everything: what the page had is dropped
    DELTA = 2  # what has changed since the frame before


class SectionKind(IntEnum):
    """What a section holds."""

    PARTS = 1  # a JSON object: each part of it replaces the page's
    BOOKS = 2
    ORDERS = 3
    FILLS = 4
    JOURNAL = 5
    POINTS = 6  # the history of prices
    WORTH = 7  # the history of the account's worth


LAYOUTS: dict[str, "Record[Any]"] = {
    "book": records.BOOK_TOP, "order": records.ORDER, "fill": records.FILL, "journal": records.JOURNAL,
    "intent": records.INTENT, "verdict": records.VERDICT,
}  # fmt: skip


def layouts() -> dict[str, Any]:
    """The size and the fields of each record, for the page's decoder: name, type, count, offset."""
    return {
        name: {"size": one.size, "fields": [(each.name, each.code, each.count, each.offset) for each in one.fields]}
        for name, one in LAYOUTS.items()
    }


def encode(kind: FrameKind, number: int, now_ns: int, sections: Iterable[tuple[SectionKind, bytes]]) -> bytes:
    """One frame; an empty section is left out."""
    whole = [(section, payload) for section, payload in sections if payload]
    parts = [HEAD.pack(kind, len(whole), now_ns / 1e6, number)]
    for section, payload in whole:
        parts += (SECTION.pack(section, len(payload)), payload, bytes(-len(payload) % 8))
    return b"".join(parts)


def encode_parts(parts: dict[str, Any]) -> bytes:
    """The JSON of the parts; a number that is not one is null."""
    return orjson.dumps(parts, option=orjson.OPT_NON_STR_KEYS) if parts else b""


def encode_records(rows: Sequence[bytes]) -> bytes:
    """Records, one after the other."""
    return b"".join(rows)

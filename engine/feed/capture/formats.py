"""The formats of recorded traffic, read as one stream of pieces; gz and zst are unpacked.

hft      <local ns or µs> <frame>              one a line, REST answers among them
cf1      <time>: <frame>                       and `https://… -> <time>: <body>`, `wss://… <- <time>: <sent>`
cf2      {"t":"recv","ts":…,"data":"<frame>"}  and t = header, http, connect, send
dc       {"rx_ns":…,"frame":<frame>}           verbatim; the first line describes the recording
ndjson   <frame>                               one a line
init     {"init":<frame>,"updates":[<frame>,…]}  one document, with numbers as its writer serialised them
steelyard                                      our own, binary: see recording.py
"""

import gzip
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import orjson
import zstandard

from engine.feed.capture.recording import is_recording, read_recording
from engine.model.fixed import INT64_MAX
from engine.model.words import FrameKind

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

FORMATS = ("hft", "cf1", "cf2", "dc", "ndjson", "init", "steelyard")
HFT_LINE = re.compile(rb"\d+ [{\[]")
CF1_LINE = re.compile(rb"(?:wss?|https?)://|configuration: |\d+\.\d+: ")
CF1_BODY = re.compile(rb"(https?://\S+) -> ([\d.]+): (.*)")
CF1_FRAME = re.compile(rb"([\d.]+): (.*)")
INIT_DOCUMENT = re.compile(rb'\{\s*"init"\s*:')
DC_FRAME = re.compile(rb'"frame":\s*')
CHUNK = 1 << 18
PACKINGS = {b"\x1f\x8b": ".gz", b"\x28\xb5\x2f\xfd": ".zst"}
MAGIC_MAX = max(map(len, PACKINGS))
EPOCH_DIGITS = 19  # of nanoseconds in this century; fewer are a coarser unit
OK = 200
MARKS = (FrameKind.BEGIN, FrameKind.CLOSED, FrameKind.LOST)
SHOWN = 200  # letters of an error, which may hold a whole line
CUT_OFF = "the compressed file is cut off"
UNREADABLE = (
    EOFError, ValueError, LookupError, TypeError, AttributeError, zlib.error, zstandard.ZstdError, gzip.BadGzipFile,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Piece:
    """One recorded piece: a frame; with `url` the answer to a request; with `mark` a connection's beginning or end."""

    payload: bytes
    time_ns: int
    url: str = ""
    sent: bool = False
    connection: int = 0
    mark: FrameKind = FrameKind.RECEIVED  # or BEGIN, CLOSED, LOST


def open_capture(path: Path) -> BinaryIO:
    """Open a recording, unpacking it."""
    packing = packing_of(path)
    if packing == ".gz":
        return cast("BinaryIO", gzip.open(path))
    if packing == ".zst":
        return cast("BinaryIO", io.BufferedReader(Unpacked(path.open("rb")), CHUNK))
    return path.open("rb")


def packing_of(path: Path) -> str:
    """Return the ending that fits a file's first bytes, else the ending of its name."""
    with path.open("rb") as file:
        begin = file.read(MAGIC_MAX)
    return next((ending for magic, ending in PACKINGS.items() if begin.startswith(magic)), path.suffix)


class Unpacked(io.RawIOBase):
    """A zst file of one or more frames; a cut-off file is an error at its end, as with gz."""

    def __init__(self, packed: BinaryIO) -> None:
        """Read from this file, and close it with this."""
        self._packed, self._ready = packed, b""
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._begun = False

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill the buffer with the next bytes."""
        while not self._ready and self._unpack():
            pass
        target = memoryview(buffer).cast("B")
        count = min(len(target), len(self._ready))
        target[:count], self._ready = self._ready[:count], self._ready[count:]
        return count

    def close(self) -> None:
        """Close the file."""
        self._packed.close()
        super().close()

    def _unpack(self) -> bool:
        packed = self._frame.unused_data if self._frame.eof else b""
        packed = packed or self._packed.read(CHUNK)
        if not packed:
            if self._begun and not self._frame.eof:
                raise EOFError(CUT_OFF)
            return False
        if self._frame.eof:
            self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._begun = True
        self._ready = self._frame.decompress(packed)
        return True


def guess_format(line: bytes) -> str:
    """Return the format of a first line."""
    if HFT_LINE.match(line):
        return "hft"
    if CF1_LINE.match(line):
        return "cf1"
    if line.startswith(b'{"t":'):
        return "cf2"
    if INIT_DOCUMENT.match(line) or line == b"{":  # a frame is never a single brace: this is a document of many lines
        return "init"
    described = b'"captured_at"' in line and b'"bids"' not in line  # a recorder may describe a single book as well
    return "dc" if described or line.startswith(b'{"rx_ns"') else "ndjson"


def read_capture(path: Path, kind: str = "", venue: str = "") -> Iterator[Piece]:
    """Return the pieces of one file, in its order; raise ValueError if it cannot be read.

    `venue` selects one venue of our own recordings; the other formats hold one venue.
    """
    if path.exists() and not path.is_file():
        msg = f"{path}: expected a file, which is read more than once, was a directory, a pipe or a device"
        raise ValueError(msg)
    if kind == "steelyard" or (not kind and is_recording(path)):
        yield from read_steelyard(path, venue)
        return
    try:
        with open_capture(path) as lines:
            first = next((line for line in lines if line.strip()), b"")
            reader = READERS[kind or guess_format(first.strip())]
            for piece in reader(line.strip() for line in _chain(first, lines) if line.strip()):
                yield _timed(piece)
    except UNREADABLE as error:
        msg = f"{path} cannot be read as {kind or 'what its first line looks like'}: {str(error)[:SHOWN]}"
        raise ValueError(msg) from error


def _timed(piece: Piece) -> Piece:
    """Return the piece if its time is valid."""
    if type(piece.time_ns) is not int or not 0 <= piece.time_ns <= INT64_MAX:
        msg = f"a time must be 0 to 2^63-1 ns, was {piece.time_ns!r}"
        raise ValueError(msg)
    return piece


def _chain(first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def read_steelyard(path: Path, venue: str = "") -> Iterator[Piece]:
    """Read our own format: every connection, with its beginning and its end."""
    for time_ns, connection, kind, payload in read_recording(path, venue):
        if kind in (FrameKind.RECEIVED, FrameKind.SENT):
            yield Piece(payload, time_ns, sent=kind == FrameKind.SENT, connection=connection)
        elif kind == FrameKind.RESPONSE:
            status, target, body = split_response(payload)
            if status == OK:
                yield Piece(body, time_ns, target, connection=connection)
        elif kind in MARKS and (kind != FrameKind.BEGIN or orjson.loads(payload)["target"]):
            yield Piece(payload, time_ns, connection=connection, mark=FrameKind(kind))


def split_response(payload: bytes) -> tuple[int, str, bytes]:
    """Return the status, target and body of a recorded answer."""
    head, _, body = payload.partition(b"\n")
    status, _, target = head.decode().partition(" ")
    return int(status), target, body


def read_hft(lines: Iterable[bytes]) -> Iterator[Piece]:
    """Read lines of a local time, a space, the frame."""
    for line in lines:
        time, _, payload = line.partition(b" ")
        yield Piece(payload, int(time) * 10 ** max(0, EPOCH_DIGITS - len(time)))


def read_cf1(lines: Iterable[bytes]) -> Iterator[Piece]:
    """Skip sent frames; keep the addresses of answers."""
    for line in lines:
        body = CF1_BODY.match(line)
        frame = None if body else CF1_FRAME.match(line)
        if body:
            yield Piece(body[3], _seconds(body[2]), body[1].decode())
        elif frame:
            yield Piece(frame[2], _seconds(frame[1]))


def read_cf2(lines: Iterable[bytes]) -> Iterator[Piece]:
    """Read frames that are strings inside JSON lines; requests come before the frames, so sort by time."""
    pieces = []
    for line in lines:
        entry = orjson.loads(line)
        if entry["t"] in ("recv", "http"):
            time_ns = _seconds(str(entry["ts"]).encode())
            pieces.append(Piece(entry["data"].encode(), time_ns, entry.get("url", "") if entry["t"] == "http" else ""))
    yield from sorted(pieces, key=lambda piece: piece.time_ns)


def read_dc(lines: Iterable[bytes]) -> Iterator[Piece]:
    """Cut the frame out of the line unchanged: parsing it would lose digits."""
    for line in lines:
        found = DC_FRAME.search(line)
        if found:
            entry = orjson.loads(line[: found.start()].rstrip(b", ") + b"}")
            yield Piece(line[found.end() : -1], entry["rx_ns"], sent=entry.get("dir") == "tx")


def read_ndjson(lines: Iterable[bytes]) -> Iterator[Piece]:
    """Read one frame from each line; they have no times, so they are a millisecond apart."""
    for number, line in enumerate(lines, 1):
        yield Piece(line, number * 1_000_000)


def read_init(lines: Iterable[bytes]) -> Iterator[Piece]:
    """Read a snapshot and its updates, a millisecond apart; its writer used floats, which lose trailing zeros."""
    document = json.loads(b"\n".join(lines), parse_float=_number, parse_int=_number)
    for number, frame in enumerate([document["init"], *document["updates"]], 1):
        yield Piece(orjson.dumps(frame), number * 1_000_000)


def _number(text: str) -> orjson.Fragment:
    """Return a number unchanged, but without an exponent: floats have them, venues do not send them."""
    return orjson.Fragment(format(Decimal(text), "f") if "e" in text.lower() else text)


def _seconds(text: bytes) -> int:
    whole, _, fraction = text.partition(b".")
    return int(whole) * 1_000_000_000 + int(fraction[:9].ljust(9, b"0"))


READERS = {"hft": read_hft, "cf1": read_cf1, "cf2": read_cf2, "dc": read_dc, "ndjson": read_ndjson, "init": read_init}

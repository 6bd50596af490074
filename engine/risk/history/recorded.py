"""A history in the recorder's directory: the closed bars of one minute of `store/bars`, recorded live or by a backfill.

Only days that are over and sealed count: a file of today is not whole. The manifest names the files (docs/history.md).
A system whose recorder has not sealed a day yet has no bar here, and a limit that needs history refuses entries.

For closes only the last bar of each day is read out, because more would be rounded away: a year of an instrument is 365
lines. For volumes it is every minute. Where a minute was recorded twice, live and by a backfill, the first one counts.
"""

import zlib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from engine.model.words import BarFlag
from engine.risk.history.bars import Bar
from engine.risk.history.lines import Column, Line

PREFIX = "recorder:"  # of the path of a recorder's directory; a configuration has the word `recorder` alone
MANIFEST = Path("store", "bars", "manifest.jsonl")
MINUTE_NS, DAY_NS = 60_000_000_000, 86_400_000_000_000
COLUMNS = [
    "start_ns", "interval_ns", "flags", "close", "volume_high", "volume_low", "price_decimals", "size_decimals",
    "symbol",
]  # fmt: skip


class File(msgspec.Struct, frozen=True):
    """What is read of a file's line in the manifest."""

    path: str
    venue: str
    day: str


class Entry(msgspec.Struct, frozen=True):
    """A line of the manifest; others than those of files are left out."""

    file: File | None = None


class Minute(NamedTuple):
    """A bar of one minute, in fixed point."""

    start_ns: int
    venue: str
    symbol: str
    close: Decimal
    volume: Decimal


def files_before(directory: str, today: str) -> list[File]:
    """The files of the days before today, the oldest day first; ValueError names a damaged line."""
    path = Path(directory) / MANIFEST
    lines = path.read_bytes().splitlines() if path.exists() else []
    found = (_entry(path, number, line).file for number, line in enumerate(lines, 1))
    return sorted((one for one in found if one is not None and one.day < today), key=lambda one: (one.day, one.path))


def recorded_lines(directory: str, today: str, needs: Column) -> Iterator[Line]:
    """The bars, in the order of their times."""
    parquet = _parquet(directory)
    days: dict[str, list[File]] = {}
    for one in files_before(directory, today):
        days.setdefault(one.day, []).append(one)
    latest: dict[tuple[str, str], int] = {}
    held: dict[tuple[str, str], Line] = {}  # for closes: the last bar so far of each instrument
    for day, files in days.items():
        for minute in sorted(one for file in files for one in _minutes(parquet, directory, file, needs)):
            name = minute.venue, minute.symbol
            if minute.start_ns <= latest.get(name, -1):
                continue
            latest[name] = minute.start_ns
            line = _line(f"{directory}: {day}", minute, needs)
            if needs == "volume":
                yield line
                continue
            before = held.get(name)
            if before is not None and before.bar.start_ns // DAY_NS != minute.start_ns // DAY_NS:
                yield before
            held[name] = line
    yield from held.values()


def _line(place: str, minute: Minute, needs: Column) -> Line:
    bar = Bar(minute.start_ns, minute.close) if needs == "close" else Bar(minute.start_ns, volume=minute.volume)
    return Line(place, minute.symbol, bar, minute.venue)


def _minutes(parquet: Any, directory: str, file: File, needs: Column) -> Iterator[Minute]:
    """The closed bars of one minute whose prints were all seen; for closes only the last of each day."""
    path = Path(directory) / MANIFEST.parent / file.path
    try:
        table = parquet.ParquetFile(path).read(COLUMNS, use_threads=False).combine_chunks()
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read ({error}): engine-ctl data check") from error
    flags, start = table["flags"].to_numpy(), table["start_ns"].to_numpy()
    whole = flags & (BarFlag.CLOSED | BarFlag.PARTIAL) == BarFlag.CLOSED
    places = (whole & (table["interval_ns"].to_numpy() == MINUTE_NS)).nonzero()[0].tolist()
    if needs == "close" and places:
        places.sort(key=start.__getitem__)
        symbols = table["symbol"].take(places).to_pylist()  # a file has a bar of each second too
        last = {(symbol, start[at] // DAY_NS): at for symbol, at in zip(symbols, places, strict=True)}
        places = list(last.values())
    for row in table.take(places).to_pylist() if places else ():
        yield _minute(row, file.venue)


def _minute(row: Mapping[str, Any], venue: str) -> Minute:
    volume = (row["volume_high"] << 64) + row["volume_low"]
    close = Decimal(row["close"]).scaleb(-row["price_decimals"])
    return Minute(row["start_ns"], venue, row["symbol"], close, Decimal(volume).scaleb(-row["size_decimals"]))


def _entry(path: Path, number: int, line: bytes) -> Entry:
    crc, _, text = line.partition(b" ")
    if crc != b"%08x" % zlib.crc32(text):
        raise ValueError(f"{path}: line {number} is damaged: its crc is wrong; restore the file from a copy")
    return msgspec.json.decode(text, type=Entry)


def _parquet(directory: str) -> Any:
    try:
        import pyarrow.parquet as parquet  # noqa: PLC0415, PLR0402 - an extra, needed only for this source
    except ImportError as error:
        raise ValueError(f"recorder ({directory}): needs pyarrow: pip install 'steelyard[research]'") from error
    return parquet

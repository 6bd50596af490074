"""What a history has of a symbol in a range already, sealed or not: a backfill compares it and writes only the rest.

key        what a venue gives once: the number of a trade, the begin of a bar
values     price and size of a trade; of a bar its four prices and its volume
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.model.words import BarFlag, TickKind
from engine.recorder.locks import PARTS, STORE
from engine.recorder.part import CLOSED, OPEN, ROWS, Head, Rows, UnfinishedError, parts_of, read_blocks, read_head
from engine.recorder.store.columns import BATCH_ROWS, DAY_NS
from engine.recorder.store.manifest import Manifest

Array = np.ndarray[Any, np.dtype[Any]]
HOUR_NS = 3_600_000_000_000  # between the venue's time of a record and the engine's
SHOWN = 20  # differences that are named


class Form(NamedTuple):
    """How the rows of a kind are compared."""

    kind: str
    key: str
    prices: tuple[str, ...]
    size: str
    chosen: tuple[str, ...]  # further columns, by which rows are chosen


TICKS = Form("ticks", "detail", ("price",), "size", ("kind",))
BARS = Form("bars", "start_ns", ("open", "high", "low", "close"), "volume_low", ("flags", "interval_ns"))


class Compared(NamedTuple):
    """The outcome for some rows of the venue."""

    new: Array  # a mask: the rows that the history does not have
    equal: int
    different: list[str]  # a text for each
    venue_crc: int  # of key and values of the rows that both have, as the venue gives them,
    stored_crc: int  # and as they are stored


class Stored:
    """The rows of one symbol in a range."""

    def __init__(self, form: Form, keys: Array, values: Array, decimals: tuple[int, int]) -> None:
        """Hold rows in the order of their keys, each once."""
        self.form, self._decimals = form, decimals
        self.keys, places = np.unique(keys, return_index=True)
        self._values = values[places]
        self._after = -1  # the last key that was compared
        self.crcs = (0, 0)

    @classmethod
    def read(
        cls, directory: Path, form: Form, name: tuple[str, str], span: tuple[int, int], interval_ns: int = 0
    ) -> "Stored":
        """Read what there is of a venue's symbol with times in a span, an hour more on both sides."""
        around = span[0] - HOUR_NS, span[1] + HOUR_NS + (interval_ns or 0)
        found = [*_sealed(directory / STORE / form.kind, form, name, around), *_open(directory / PARTS, form, name)]
        chosen = [(_chosen(columns, form, interval_ns), decimals) for columns, decimals in found]
        most = max((one[0] for _, one in chosen), default=0), max((one[1] for _, one in chosen), default=0)
        keys = [columns[form.key].astype("i8") for columns, _ in chosen]
        values = [_values(columns, form, decimals, most) for columns, decimals in chosen]
        width = len(form.prices) + 1
        empty = np.empty((0, width), object if form is BARS else "i8")
        return cls(form, np.concatenate([np.empty(0, "i8"), *keys]), np.concatenate([empty, *values]), most)

    def compare(self, rows: Rows, decimals: tuple[int, int]) -> Compared:
        """Compare the next rows of the venue, in the order of their keys; a stored one between them is a difference."""
        most = tuple(map(max, zip(decimals, self._decimals, strict=True)))
        keys = rows[self.form.key]
        theirs = _values({name: rows[name] for name in rows.dtype.names or ()}, self.form, decimals, most)
        places = np.searchsorted(self.keys, keys)
        inside = np.minimum(places, max(0, len(self.keys) - 1))
        has = (self.keys[inside] == keys) if len(self.keys) else np.zeros(len(keys), bool)
        ours = _scaled(self._values[inside[has]], self._decimals, most)
        crcs = _crc(keys[has], theirs[has]), _crc(keys[has], ours)
        unequal = np.flatnonzero((theirs[has] != ours).any(axis=1))
        texts = [self._text(int(keys[has][at]), ours[at], theirs[has][at], most) for at in unequal]
        texts += self._unlisted(keys)
        return Compared(~has, int(has.sum()) - len(unequal), texts, *crcs)

    def _unlisted(self, keys: Array) -> list[str]:
        """What is stored between the rows before and the last of these, and the venue does not give."""
        if self.form is BARS or not len(keys):
            return []
        first = self._after if self._after >= 0 else int(keys[0])
        ours = self.keys[np.searchsorted(self.keys, first) : np.searchsorted(self.keys, keys[-1])]
        lacking = ours[~np.isin(ours, keys) & (ours > self._after)]
        self._after = int(keys[-1])
        return [f"trade {one}: stored, and the venue does not list it" for one in lacking.tolist()]

    def _text(self, key: int, ours: Array, theirs: Array, decimals: tuple[int, ...]) -> str:
        names = (*self.form.prices, "volume" if self.form is BARS else "size")
        places = [decimals[0]] * len(self.form.prices) + [decimals[1]]
        pairs = zip(names, places, ours.tolist(), theirs.tolist(), strict=True)
        said = [f"{name} {a / 10**d:.{d}f} stored, {b / 10**d:.{d}f} at the venue" for name, d, a, b in pairs if a != b]
        return f"{'trade' if self.form is TICKS else 'bar of'} {key}: {', '.join(said)}"


def _sealed(
    kind: Path, form: Form, name: tuple[str, str], span: tuple[int, int]
) -> Iterator[tuple[dict[str, Array], tuple[int, int]]]:
    """The columns of each batch of the sealed files, with the decimals of its rows."""
    venue, symbol = name
    columns = [form.key, *form.prices, form.size, *form.chosen, "symbol", "price_decimals", "size_decimals"]
    for file in Manifest.load(kind).files.values():
        if file.venue != venue or symbol not in file.symbols or file.first_ns >= span[1] or file.last_ns < span[0]:
            continue
        with pq.ParquetFile(kind / file.path) as source:
            for batch in source.iter_batches(BATCH_ROWS, columns=columns, use_threads=False):
                yield from _by_decimals(_of_symbol(batch, symbol))


def _of_symbol(batch: pa.RecordBatch, symbol: str) -> dict[str, Array]:
    """The columns of one symbol's rows."""
    words = batch.column("symbol")
    ours = np.array([one == symbol for one in words.dictionary.to_pylist()], bool)
    mask = ours[words.indices.to_numpy(zero_copy_only=False)]
    names = [name for name in batch.schema.names if name != "symbol"]
    return {name: batch.column(name).to_numpy(zero_copy_only=False)[mask] for name in names}


def _by_decimals(columns: dict[str, Array]) -> Iterator[tuple[dict[str, Array], tuple[int, int]]]:
    """The rows of a batch in groups of equal decimals; nearly always one."""
    pairs = columns["price_decimals"].astype(int) * 100 + columns["size_decimals"]
    for one in np.unique(pairs).tolist():
        yield {name: values[pairs == one] for name, values in columns.items()}, divmod(one, 100)


def _open(parts: Path, form: Form, name: tuple[str, str]) -> Iterator[tuple[dict[str, Array], tuple[int, int]]]:
    """The columns of each block of the parts that are not sealed."""
    for lane in sorted(parts.glob(f"{form.kind}.*")):
        for path in (*parts_of(lane, CLOSED), *parts_of(lane, OPEN)):
            try:
                head, offset = read_head(path)
            except (UnfinishedError, FileNotFoundError):  # not begun yet, or sealed in the meantime
                continue
            yield from _of_part(path, head, offset, name)


def _of_part(
    path: Path, head: Head, offset: int, name: tuple[str, str]
) -> Iterator[tuple[dict[str, Array], tuple[int, int]]]:
    ours = {number: known[2:] for number, known in head.instruments.items() if known[:2] == name}
    for block, _ in read_blocks(path, offset) if ours else ():
        rows = np.frombuffer(block.rows, head.dtype) if block.kind == ROWS else np.empty(0, head.dtype)
        for number, decimals in ours.items():
            mask = rows["instrument"] == number
            yield {one: rows[one][mask] for one in head.dtype.names or ()}, decimals


def _chosen(columns: dict[str, Array], form: Form, interval_ns: int) -> dict[str, Array]:
    """Of ticks the prints; of bars the closed ones of this interval that were watched whole."""
    if form is TICKS:
        mask = columns["kind"] == TickKind.PRINT
    else:
        whole = columns["flags"] & (BarFlag.CLOSED | BarFlag.PARTIAL) == BarFlag.CLOSED
        mask = whole & (columns["interval_ns"] == interval_ns)
    return {name: values[mask] for name, values in columns.items()}


def _values(columns: dict[str, Array], form: Form, have: tuple[int, ...], want: tuple[int, ...]) -> Array:
    """Prices and size as columns of one array, at these decimals."""
    kind = object if form is BARS else "i8"
    return _scaled(np.stack([columns[name].astype(kind) for name in (*form.prices, form.size)], axis=1), have, want)


def _scaled(values: Array, have: tuple[int, ...], want: tuple[int, ...]) -> Array:
    """Values at more decimals."""
    if have == want or not len(values):
        return values
    factors = [10 ** (want[0] - have[0])] * (values.shape[1] - 1) + [10 ** (want[1] - have[1])]
    scaled: Array = values * np.array(factors, values.dtype)
    return scaled


def _crc(keys: Array, values: Array) -> int:
    return zlib.crc32(np.column_stack([keys, values]).astype("i8").tobytes())


def day_span(day: int) -> tuple[int, int]:
    """The times of a day since 1970."""
    return day * DAY_NS, (day + 1) * DAY_NS

"""The history as events of a run: what a recorder wrote, what was imported, and both together.

    events = from_history([btc], "2026-11-30", "2026-12-01", system="demo")
    events = from_history([ibm], directory="/data/nyse", books="best")

An instrument's rows are found by its venue and symbol, whatever id they have, and get the instrument's id and decimals.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from engine.model.fixed import INT64_MAX
from engine.model.instrument import Instrument
from engine.model.words import BUY, SELL, Flag, TickKind
from research.history import Moment, history, place_of
from research.simulate.data.events import EVENT, Events, repaired

GAPS = ("refuse", "keep")
BOOKS = ("levels", "best", "none")
BEST, LEVEL, PRINT, STATE = (int(TickKind[name]) for name in ("BEST", "LEVEL", "PRINT", "STATE"))
LAST, KEPT, REFRESH = int(Flag.LAST), int(Flag.LAST | Flag.RESET | Flag.SNAPSHOT), int(Flag.REFRESH)
COLUMNS = (
    "venue_ns", "receive_ns", "price", "size", "detail", "kind", "side", "flags", "price_decimals", "size_decimals"
)  # fmt: skip

Rows = dict[str, "np.ndarray[Any, np.dtype[Any]]"]


class Range(NamedTuple):
    """A range of a history."""

    place: Path
    start: Moment | None
    end: Moment | None

    def has(self, kind: str, one: Instrument) -> bool:
        """Whether the history has rows of an instrument in a kind, at any time."""
        from engine.recorder.store.manifest import Manifest  # noqa: PLC0415 - needs the extra

        files = Manifest.load(self.place / "store" / kind).files.values()
        return any(file.venue == one.venue and one.symbol in file.symbols for file in files)

    def gaps(self, kind: str, one: Instrument) -> Iterator[str]:
        """The gaps of the files of an instrument, in words."""
        found = history(kind, one.symbol, one.venue, self.start, self.end, directory=self.place).gaps
        for path, (number, lost, seconds) in found.items():
            yield f"{kind}: {number} gaps, {lost} records and {seconds:.1f} s lost, in {Path(path).name}"

    def rows(self, kind: str, one: Instrument) -> Iterator[Rows]:
        """The rows of an instrument, batch by batch, at the instrument's decimals."""
        found = history(
            kind, one.symbol, one.venue, self.start, self.end, columns=COLUMNS, directory=self.place, floats=False
        )
        for batch in found:
            yield _at_decimals({name: np.array(batch.column(name)) for name in COLUMNS}, one)


def from_history(
    instruments: Sequence[Instrument], start: Moment | None = None, end: Moment | None = None,
    *, system: str = "", directory: str | Path = "", books: str = "levels", gaps: str = "refuse",
) -> Events:  # fmt: skip
    """The events of instruments with times in [start, end): their prints, and the changes of their books.

    `books`: "levels", all levels, of the kind levels; "best", a book of the best prices alone, of the kind ticks;
    "none". A venue's clock is repaired as in `from_ticks`. `gaps`: "refuse" a range whose files lack records, since a
    book is wrong after a lost change; "keep" them, and name them in the report with `missing_in`.
    """
    for name, found, expected in (("books", books, BOOKS), ("gaps", gaps, GAPS)):
        if found not in expected:
            raise ValueError(f"{name}: found {found!r}, expected one of {', '.join(expected)}")
    span = Range(place_of(system, directory), start, end)
    lost = missing_in(instruments, start, end, system=system, directory=directory, books=books)
    if lost and gaps == "refuse":
        raise ValueError(f'from_history: {"; ".join(lost)}: choose another range, or gaps="keep" with a PARTIAL report')
    parts = [part for one in instruments for part in _of(span, one, books)]
    events = repaired(np.concatenate([np.zeros(0, EVENT), *parts]))
    if not len(events):
        names = ", ".join(f"{one.venue}:{one.symbol}" for one in instruments)
        raise ValueError(f"from_history: no row of {names} in this range: engine-ctl data ls shows the days")
    events["flags"][-1] |= LAST
    return events


def missing_in(
    instruments: Sequence[Instrument], start: Moment | None = None, end: Moment | None = None,
    *, system: str = "", directory: str | Path = "", books: str = "levels",
) -> tuple[str, ...]:  # fmt: skip
    """What the files of a range lack, in words, for the report's `missing`; a file may lack it outside the range."""
    span = Range(place_of(system, directory), start, end)
    kinds = ("levels", "ticks") if books == "levels" else ("ticks",)
    found = {text for one in instruments for kind in kinds if span.has(kind, one) for text in span.gaps(kind, one)}
    return tuple(sorted(found))


def _of(span: Range, one: Instrument, books: str) -> Iterator[Events]:
    """The events of one instrument."""
    if books == "levels":
        yield from (_plain(rows, one, (LEVEL, STATE)) for rows in span.rows("levels", one))
    if books == "best" or span.has("ticks", one):
        best = _Best()
        for rows in span.rows("ticks", one):
            yield _plain(rows, one, (PRINT, STATE) if books == "best" else (PRINT,))
            if books == "best":
                yield best.levels(rows, one)


def _plain(rows: Rows, one: Instrument, kinds: Sequence[int]) -> Events:
    """Rows of these kinds as events; those that only repeat the book are left out."""
    places = np.flatnonzero(np.isin(rows["kind"], kinds) & (rows["flags"] & REFRESH == 0))
    events = np.zeros(len(places), EVENT)
    for name in ("venue_ns", "receive_ns", "price", "size", "kind", "side"):
        events[name] = rows[name][places]
    events["instrument"], events["flags"] = one.id, rows["flags"][places] & KEPT
    state = events["kind"] == STATE
    events["size"][state] = rows["detail"][places][state]
    return events


class _Best:
    """Best prices as a book of one level a side: another price removes the one before."""

    def __init__(self) -> None:
        """Begin with empty sides."""
        self._before = {BUY: 0, SELL: 0}

    def levels(self, rows: Rows, one: Instrument) -> Events:
        """The changes of the book; each ends an event."""
        found = [self._side(rows, one, side) for side in (BUY, SELL)]
        events = np.concatenate(found)
        return events[np.argsort(events["receive_ns"], kind="stable")]

    def _side(self, rows: Rows, one: Instrument, side: int) -> Events:
        places = np.flatnonzero((rows["kind"] == BEST) & (rows["side"] == side) & (rows["flags"] & REFRESH == 0))
        price = np.where(rows["size"][places] > 0, rows["price"][places], 0)
        before = np.append(self._before[side], price[:-1])[: len(price)]
        self._before[side] = int(price[-1]) if len(price) else self._before[side]
        pairs = np.zeros((len(places), 2), EVENT)
        for name in ("venue_ns", "receive_ns"):
            pairs[name] = rows[name][places][:, None]
        pairs["price"][:, 0], pairs["price"][:, 1], pairs["size"][:, 1] = before, price, rows["size"][places]
        pairs["instrument"], pairs["kind"], pairs["side"] = one.id, LEVEL, side
        shown = np.stack([(before > 0) & (before != price), price > 0], axis=1)
        pairs["flags"][:, 1], pairs["flags"][:, 0] = LAST, np.where(shown[:, 1], 0, LAST)
        changes: Events = pairs[shown]
        return changes


def _at_decimals(rows: Rows, one: Instrument) -> Rows:
    """Prices and sizes at the instrument's decimals; one that would lose a digit is refused."""
    for name, decimals in (("price", one.price_decimals), ("size", one.size_decimals)):
        for found in np.unique(rows[f"{name}_decimals"]).tolist():
            mine = rows[f"{name}_decimals"] == found
            rows[name][mine] = _scaled(rows[name][mine], decimals - found, f"{one.symbol}: {name}")
    return rows


def _scaled(values: Any, more: int, name: str) -> Any:
    """Values with so many more decimals, or fewer."""
    if more >= 0:
        if len(values) and int(np.abs(values).max()) > INT64_MAX // 10**more:
            raise ValueError(f"from_history: {name}: a value does not fit 64 bits with {more} more decimals")
        return values * 10**more
    if (values % 10**-more).any():
        raise ValueError(f"from_history: {name}: a value has {-more} decimals more than the instrument: give it those")
    return values // 10**-more

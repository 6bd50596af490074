"""Market data for a run: one numpy array of fixed-width events, which may be a file that is mapped.

    venue_ns │ receive_ns │ price │ size │ instrument │ kind │ side │ flags        40 bytes, int64 fixed point

The words are those of the engine's ticks (`engine.model.words`): a LEVEL has its new absolute size, 0: it is gone; a
PRINT has the aggressor's side; a STATE has the book's state as its size. A message of the venue is one or more events,
the last with the flag LAST; the flag RESET empties the book before its event. The array is in the order in which events
are received; neither of its times ever decreases.

    from_ticks(levels, prints)      our own records of the lanes LEVELS and TICKS
    from_hftbacktest(rows, one)     rows (event, exchange time, local time, price, quantity) as hftbacktest has them
    save(path, events), load(path)  a `.npy` file; `load` maps it
"""

from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np

from engine.model.fixed import INT64_MAX
from engine.model.instrument import Instrument
from engine.model.words import BUY, SELL, BookState, Flag, TickKind
from research.simulate.data.scan import first_wrong

Events = np.ndarray[Any, np.dtype[Any]]
EVENT = np.dtype(
    [
        ("venue_ns", "<i8"), ("receive_ns", "<i8"), ("price", "<i8"), ("size", "<i8"),
        ("instrument", "<u4"), ("kind", "u1"), ("side", "i1"), ("flags", "<u2"),
    ]
)  # fmt: skip
LEVEL, PRINT, STATE = int(TickKind.LEVEL), int(TickKind.PRINT), int(TickKind.STATE)
LAST, RESET, REFRESH = int(Flag.LAST), int(Flag.RESET), int(Flag.REFRESH)
MOST = 1 << 61  # of a price or a size: their products fit 128 bits
FLAGS = 16
ID_MOST = 1 << 20  # of an instrument
HFT_DEPTH, HFT_TRADE, HFT_CLEAR, HFT_SNAPSHOT = 1, 2, 3, 4
HFT_BUY, HFT_SELL = 1 << 29, 1 << 28


def places_of(instruments: Sequence[Instrument]) -> "np.ndarray[Any, np.dtype[np.int32]]":
    """The place of each instrument in a run, by its id; -1 for an id that the run does not have."""
    places = np.full(max(one.id for one in instruments) + 1, -1, np.int32)
    for place, one in enumerate(instruments):
        places[one.id] = place
    return places


def check(events: Events, instruments: Sequence[Instrument]) -> None:
    """Refuse an array that a run cannot use; the error names the first wrong row."""
    if not isinstance(events, np.ndarray) or events.dtype != EVENT or events.ndim != 1:
        found = f"{type(events).__name__} of {getattr(events, 'dtype', '?')}"
        raise TypeError(f"events: found {found}, expected a one-dimensional array of research.simulate.EVENT")
    if not len(events):
        raise ValueError("events: found none, expected at least one")
    wrong = first_wrong(np.ascontiguousarray(events).view(np.uint8), places_of(instruments))
    if wrong >= 0:
        raise ValueError(f"events: row {wrong} {_mistake(events, wrong, {one.id for one in instruments})}")
    if not events[-1]["flags"] & LAST:
        raise ValueError(f"events: the last row, {len(events) - 1}, is in the middle of a message: it has no flag LAST")


def _mistake(events: Events, row: int, known: set[int]) -> str:
    """What is wrong with a row, and what was expected."""
    one = {name: int(events[row][name]) for name in EVENT.names or ()}
    for name in ("venue_ns", "receive_ns"):
        if row and one[name] < events[row - 1][name]:
            before = f"the row before has {events[row - 1][name]}"
            return (
                f"has {name} {one[name]}, {before}: sort the events, or use from_ticks, which repairs a venue's clock"
            )
    if one["venue_ns"] <= 0:
        return f"has venue_ns {one['venue_ns']}, expected nanoseconds since 1970"
    if one["receive_ns"] < one["venue_ns"]:
        ahead = f"is received at {one['receive_ns']}, before its venue_ns {one['venue_ns']}"
        return f"{ahead}: the venue's clock is ahead; use from_ticks, or a feed_latency"
    return _wrong_word(one, known)


def _wrong_word(one: dict[str, int], known: set[int]) -> str:
    """Which word or number of a row no event has."""
    is_state = one["kind"] == STATE
    rules = (
        ("instrument", one["instrument"] in known, f"one of the run's, {sorted(known)}"),
        ("kind", one["kind"] in (LEVEL, PRINT, STATE), "LEVEL (2), PRINT (3) or STATE (4)"),
        ("flags", one["flags"] < FLAGS, "bits of engine.model.words.Flag"),
        ("side", is_state or one["side"] in (BUY, SELL), "1 (bid, buyer) or -1 (ask, seller)"),
        ("price", is_state or 0 < one["price"] <= MOST, "1 to 2^61"),
        ("size", not is_state, "a BookState of a STATE"),
        ("size", False, "0 to 2^61, and more than 0 of a print"),
    )
    name, expected = next((name, expected) for name, holds, expected in rules if not holds)
    return f"has {name} {one[name]}, expected {expected}"


def _first(wrong: Any, first: int) -> int | None:
    """The row of the first True."""
    return first + int(np.argmax(wrong)) if wrong.any() else None


def from_ticks(levels: Events, prints: Events | None = None) -> Events:
    """Events of records of the lane LEVELS, with the prints among records of the lane TICKS; refreshes are left out.

    A venue's clock may run ahead of ours or go back between two streams. `venue_ns` becomes the largest so far, but no
    later than `receive_ns`; a record without a venue's time has its `receive_ns`.
    """
    if (levels["kind"] == TickKind.BEST).any():
        msg = "records of TICKS, which have only best prices: record the lane LEVELS (`levels = true` of the feed)"
        raise ValueError(f"from_ticks: `levels` has {msg}")
    kept = [_of_records(levels[levels["flags"] & REFRESH == 0], "detail")]
    if prints is not None:
        kept.append(_of_records(prints[prints["kind"] == PRINT], "detail"))
        kept[0] = kept[0][kept[0]["kind"] != PRINT]
    return repaired(np.concatenate(kept))


def _of_records(records: Events, detail: str) -> Events:
    """The fields of records that an event has."""
    events = np.zeros(len(records), EVENT)
    for name in ("venue_ns", "receive_ns", "price", "size", "instrument", "kind", "side"):
        events[name] = records[name]
    events["flags"] = records["flags"] & 7
    is_state = events["kind"] == STATE
    events["size"][is_state] = records[detail][is_state]
    return events


def repaired(events: Events) -> Events:
    """The events in the order in which they were received, with a venue's clock that neither goes back nor ahead."""
    events = events[np.argsort(events["receive_ns"], kind="stable")]
    venue = np.where(events["venue_ns"] > 0, events["venue_ns"], events["receive_ns"])
    events["venue_ns"] = np.maximum.accumulate(np.minimum(venue, events["receive_ns"]))
    return events


def from_hftbacktest(rows: Any, instrument: Instrument) -> Events:
    """Events of hftbacktest's rows: `ev`, `exch_ts`, `local_ts`, `px`, `qty`, with floats on the instrument's steps."""
    missing = [name for name in ("ev", "exch_ts", "local_ts", "px", "qty") if name not in (rows.dtype.names or ())]
    if missing:
        raise ValueError(
            f"from_hftbacktest: the rows have no column {missing[0]}, expected ev, exch_ts, local_ts, px, qty"
        )
    kind = rows["ev"] & 0xFF
    bad = _first(~np.isin(kind, (HFT_DEPTH, HFT_TRADE, HFT_CLEAR, HFT_SNAPSHOT)), 0)
    if bad is not None:
        raise ValueError(f"from_hftbacktest: row {bad} is an event of kind {kind[bad]}, expected depth, trade or clear")
    events = np.zeros(len(rows), EVENT)
    events["venue_ns"], events["receive_ns"], events["instrument"] = rows["exch_ts"], rows["local_ts"], instrument.id
    events["kind"] = np.where(kind == HFT_TRADE, PRINT, np.where(kind == HFT_CLEAR, STATE, LEVEL))
    events["side"] = np.where(rows["ev"] & HFT_BUY, 1, np.where(rows["ev"] & HFT_SELL, -1, 0))
    events["price"] = _fixed(rows["px"], instrument.price_decimals, "px")
    events["size"] = np.where(kind == HFT_CLEAR, BookState.GOOD, _fixed(rows["qty"], instrument.size_decimals, "qty"))
    events["price"][kind == HFT_CLEAR] = 0
    events["flags"] = np.where(kind == HFT_CLEAR, RESET, 0)
    ends = np.append(np.diff(rows["local_ts"]) != 0, True)
    events["flags"] |= (ends * LAST).astype("u2")
    return repaired(events)


def _fixed(values: Any, decimals: int, name: str) -> Any:
    """Floats as whole numbers; one that is finer than the instrument, or no number, is refused."""
    scaled = np.asarray(values, "f8") * 10**decimals
    whole = np.rint(scaled)
    wrong = ~(np.abs(scaled - whole) <= np.maximum(1e-6, np.abs(whole) * 1e-12)) | ~(np.abs(whole) < INT64_MAX)
    bad = _first(wrong, 0)
    if bad is not None:
        raise ValueError(f"from_hftbacktest: row {bad} has {name} {values[bad]}, expected at most {decimals} decimals")
    return whole.astype("i8")


def save(path: str | PathLike[str], events: Events) -> None:
    """Write events to a `.npy` file."""
    np.save(path, events, allow_pickle=False)


def load(path: str | PathLike[str]) -> Events:
    """Map the events of a `.npy` file, read-only."""
    events: Events = np.load(path, mmap_mode="r", allow_pickle=False)
    if events.dtype != EVENT:
        raise ValueError(f"{path}: found records of {events.dtype}, expected research.simulate.EVENT")
    return events

"""A part of a tape that can be run alone: it begins with the books as they were known at that time.

events before the part ──▶ one snapshot for each instrument │ the events of the part
"""

import numpy as np

from engine.model.words import BookState
from research.simulate.data.events import LAST, LEVEL, RESET, STATE, Events


def row_at(events: Events, at_ns: int) -> int:
    """The first row that arrives at a time or later, at the begin of a message."""
    row = int(np.searchsorted(events["receive_ns"], at_ns, side="left"))
    ends = np.flatnonzero(events["flags"][max(row - 1, 0) :] & LAST)
    return 0 if row == 0 else min(row + int(ends[0]), len(events))


def part_of(events: Events, begin: int, end: int) -> Events:
    """The events from one row to another, after the snapshots of the books before them."""
    before = events[:begin]
    snapshots = [_snapshot(before[before["instrument"] == one]) for one in np.unique(before["instrument"])]
    for rows in snapshots:
        rows["venue_ns"], rows["receive_ns"] = before[-1]["venue_ns"], before[-1]["receive_ns"]
    return np.concatenate([*snapshots, events[begin:end]])


def _snapshot(before: Events) -> Events:
    """One message with the book of an instrument: its levels, and its state unless that is GOOD."""
    resets = np.flatnonzero(before["flags"] & RESET)
    known = before[resets[-1] :] if len(resets) else before
    rows, states = _last_sizes(known[known["kind"] == LEVEL]), known[known["kind"] == STATE]
    if len(states) and states[-1]["size"] != BookState.GOOD:
        rows = np.concatenate([rows, states[-1:]])
    rows["flags"] = 0
    rows["flags"][:1] |= RESET
    rows["flags"][-1:] |= LAST
    return rows


def _last_sizes(levels: Events) -> Events:
    """The last row of each price of a side that still has a size."""
    backward = levels[::-1]
    keys = np.stack([backward["side"].astype("i8"), backward["price"]])
    _, first = np.unique(keys, axis=1, return_index=True)
    found: Events = backward[np.sort(first)][::-1]
    kept: Events = found[found["size"] > 0].copy()
    return kept

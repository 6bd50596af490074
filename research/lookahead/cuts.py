"""Where the data is cut: at ends of messages, half of them at decisions, half evenly.

    received   ──e1──e2──e3──│──e4──e5──     a cut at 3: the strategy is given e1 to e3
    at venue   e1──e2──e3──e4│──e5───────    the market runs on until e4 arrives: e4 may fill an order before

All decisions before the arrival of e4 must be the same. The market's own events are not cut there: they are on their
way to the strategy, and an answer about one may arrive before it does.
"""

from typing import Any, NamedTuple

import numpy as np

from research.simulate.data.events import LAST, Events


class Cut(NamedTuple):
    """A cut; `events` are given to the strategy, `market` to the simulation, decisions before `until_ns` count."""

    events: int
    market: int
    until_ns: int


def cuts_of(events: Events, decided_ns: Any, count: int, least_ns: int) -> list[Cut]:
    """So many cuts or fewer; none with less data than `least_ns`, the longest latency."""
    possible = _possible(events, least_ns)
    if not len(possible):
        return []
    at_decisions = np.searchsorted(events["receive_ns"], decided_ns, side="right")
    decisions = np.intersect1d(at_decisions, possible)
    chosen = {*_spread(decisions, count - count // 2), *_spread(possible, count // 2)}
    return [_cut(events, int(one)) for one in sorted(chosen)]


def _possible(events: Events, least_ns: int) -> Any:
    """The rows at which a message has ended, the next one arrives later, and the data is long enough."""
    received = events["receive_ns"]
    ends = np.flatnonzero((events["flags"][:-1] & LAST != 0) & (np.diff(received) > 0)) + 1
    return ends[received[ends - 1] - events["venue_ns"][0] > least_ns]


def _spread(places: Any, count: int) -> list[int]:
    """So many of the places, evenly, with the first and the last."""
    if not len(places):
        return []
    return [int(one) for one in places[np.unique(np.linspace(0, len(places) - 1, count).astype(int))]]


def _cut(events: Events, row: int) -> Cut:
    """The cut at a row: the market runs to the end of the message in which the next event arrives."""
    until_ns = int(events[row]["receive_ns"])
    market = max(row + 1, int(np.searchsorted(events["venue_ns"], until_ns, side="left")))
    ends = np.flatnonzero(events["flags"][market - 1 :] & LAST)
    return Cut(row, market + int(ends[0]), until_ns)

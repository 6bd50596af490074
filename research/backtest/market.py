"""The events of a table, as `research.simulate` reads them.

books   the changes of each row against the row before, as levels; no prints
ticks   each print, then a bid and an ask around its price, of any size
bars    four books a bar (`research.bars.tape`)
"""

from typing import Any

import numpy as np

from engine.model.instrument import Instrument
from research.backtest.columns import Column, Frame
from research.backtest.settings import Settings
from research.bars import BAR, tape
from research.bars.bar import Bars, check
from research.bars.run import checked_half
from research.bars.source import length_of
from research.bars.tape import DEPTH
from research.simulate.data.events import EVENT, LAST, LEVEL, PRINT, RESET, Events, repaired

PRINT_AND_BOOK = 3  # events of a tick: the print, the bid, the ask


def bars_of(frame: Frame, one: Instrument, settings: Settings) -> Bars:
    """The bars of a table, checked."""
    interval_ns = length_of(settings.bars[0])
    bars = np.zeros(frame.rows, BAR)
    times = frame.unique_times("time")
    bars["start_ns"] = times - interval_ns if settings.bar_time == "end" else times
    for name in ("open", "high", "low", "close"):
        bars[name] = frame.fixed(name, one.price_decimals, one.price_step, one.price_step)
    bars["volume"] = frame.fixed("volume", one.size_decimals, 1)
    check(bars, one, interval_ns)
    return bars


def of_bars(bars: Bars, one: Instrument, settings: Settings) -> Events:
    """The events of bars."""
    half = checked_half(bars, one, settings.half_spread_steps or 0)
    return tape(bars, one, length_of(settings.bars[0]), half, settings.bar_path or "low_first")


def of_ticks(frame: Frame, one: Instrument, settings: Settings) -> Events:
    """The events of prints."""
    half = (settings.half_spread_steps or 0) * one.price_step
    prices = frame.fixed("price", one.price_decimals, one.price_step, half + one.price_step)
    sizes = frame.fixed("size", one.size_decimals, 1, 1)
    if frame.has("trade_id"):
        frame.refuse_repeated("trade_id")
    sides = frame.sides("side")
    events = np.zeros((frame.rows, PRINT_AND_BOOK), EVENT)
    events["venue_ns"] = frame.times("time")[:, None]
    events["receive_ns"], events["instrument"] = _received(frame)[:, None], one.id
    events["kind"], events["flags"] = (PRINT, LEVEL, LEVEL), (0, RESET, LAST)
    events["side"][:, 0], events["side"][:, 1:] = sides, (1, -1)
    events["price"] = prices[:, None] - half * np.array((0, 1, -1))
    events["size"][:, 0], events["size"][:, 1:] = sizes, DEPTH
    return _ordered(events.ravel())


def of_books(frame: Frame, one: Instrument) -> Events:
    """The changes between the books of two rows."""
    sides = [_changes(frame, one, side) for side in ("bid", "ask")]
    _refuse_crossed(frame, one)
    found = np.concatenate(sides)
    found = found[np.argsort(found["row"], kind="stable")]
    events, row = np.zeros(len(found), EVENT), found["row"]
    for name in ("price", "size", "side"):
        events[name] = found[name]
    events["venue_ns"], events["receive_ns"] = frame.unique_times("time")[row], _received(frame)[row]
    events["kind"], events["instrument"] = LEVEL, one.id
    events["flags"][0] = RESET
    events["flags"][np.append(np.diff(row) > 0, True)] |= LAST
    return _ordered(events)


CHANGE = np.dtype([("row", "<i8"), ("price", "<i8"), ("size", "<i8"), ("side", "i1")])


def _changes(frame: Frame, one: Instrument, side: str) -> Any:
    """The levels of one side that a row sets, changes or removes."""
    levels = _levels(frame, one, side)
    levels = levels[np.lexsort((levels["row"], levels["price"]))]
    _refuse_twice(levels, side)
    same = np.append(np.diff(levels["price"]) == 0, False)
    follows = same & np.append(np.diff(levels["row"]) == 1, False)  # the next row has the level too
    unchanged = np.append(False, (follows[:-1]) & (np.diff(levels["size"]) == 0))
    gone = levels[~follows].copy()
    gone["row"], gone["size"] = gone["row"] + 1, 0
    return np.concatenate([gone[gone["row"] < frame.rows], levels[~unchanged]])


def _levels(frame: Frame, one: Instrument, side: str) -> Any:
    """Every level of one side that has a size, by row."""
    columns = []
    for level in range(1, frame.depth + 1):
        column = np.zeros(frame.rows, CHANGE)
        column["row"], column["side"] = np.arange(frame.rows), 1 if side == "bid" else -1
        column["price"] = frame.fixed(f"{side}_price_{level}", one.price_decimals, one.price_step)
        column["size"] = frame.fixed(f"{side}_size_{level}", one.size_decimals, 1)
        columns.append(column)
    found = np.concatenate(columns)
    found = found[found["size"] > 0]
    if (found["price"] <= 0).any():
        row = found["row"][np.argmax(found["price"] <= 0)]
        raise ValueError(f"df: row {row} has a {side} at price 0 with a size, expected a price over 0")
    return found


def _refuse_twice(levels: Any, side: str) -> None:
    """Refuse a price that one row has twice."""
    twice = (np.diff(levels["price"]) == 0) & (np.diff(levels["row"]) == 0)
    if twice.any():
        row = levels["row"][int(np.argmax(twice))]
        raise ValueError(f"df: row {row} has one {side} price twice, expected each level once")


def _refuse_crossed(frame: Frame, one: Instrument) -> None:
    """Refuse a book whose best bid is not below its best ask."""
    bid, ask = (frame.fixed(f"{side}_price_1", one.price_decimals, one.price_step) for side in ("bid", "ask"))
    sized = [frame.fixed(f"{side}_size_1", one.size_decimals, 1) > 0 for side in ("bid", "ask")]
    crossed = (bid >= ask) & sized[0] & sized[1]
    if crossed.any():
        row = int(np.argmax(crossed))
        raise ValueError(f"df: row {row} has bid {bid[row]} and ask {ask[row]}, expected the bid below the ask")


def _received(frame: Frame) -> Column:
    """When each row was received; as at the venue where the table does not have it."""
    return frame.times("receive_time") if frame.has("receive_time") else frame.times("time")


def _ordered(events: Events) -> Events:
    """Events whose times the run accepts."""
    late = events["receive_ns"] < events["venue_ns"]
    if late.any():
        at = int(np.argmax(late))
        found = f"receive_time {events['receive_ns'][at]} before its time {events['venue_ns'][at]}"
        raise ValueError(f"df: a row has {found}: the venue's clock is ahead; correct it, or leave receive_time out")
    return repaired(events)

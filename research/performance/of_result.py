"""A simulated run as a `Performance`.

    of_result(result, 100_000, title="maker", events=events, facts=[("strategy", "maker.py")])

With the run's events, and its `feed_latency` if it had one, each order has its arrival price, and what the whole market
traded is known; without them these columns are empty.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.model.instrument import Instrument
from engine.model.records import FEE_DECIMALS
from engine.strategy import Strategy
from engine.strategy.accepted import parameters_of
from engine.strategy.code import name_of, source
from research.performance.arrivals import Arrivals
from research.performance.executions import UNKNOWN_NS, executions_of
from research.performance.performance import Performance, Taken, carried
from research.performance.trades import FILL, Fills
from research.simulate.data.events import PRINT, Events
from research.simulate.fast import simulate
from research.simulate.models import Constant, Fees, Latency, Models
from research.simulate.result import Assumption, Result
from research.statistics.figures import Row


def of_result(
    result: Result, capital: float, *, title: str, events: Events | None = None,
    feed_latency: Latency | None = None, facts: Sequence[tuple[str, str]] = (), missing: Sequence[str] = (),
    strategy: type[Strategy] | None = None, parameters: Mapping[str, Any] | None = None,
) -> Performance:  # fmt: skip
    """The performance of a run; `capital` is the money of all its instruments, in their quote currency.

    With the run's `strategy` and `parameters` the gate of `research.accept` knows what was tested.
    """
    instruments = tuple(result.instruments.values())
    currencies = {one.quote for one in instruments}
    if len(currencies) > 1:
        raise ValueError(f"the run has profits in {', '.join(sorted(currencies))}, expected one currency")
    at_ns, profits, values, unmarked = _marked(result, instruments)
    strategies = {name: np.sum(list(_marked(result.of(name), instruments)[1].values()), axis=0)
                  for name in result.strategies}  # fmt: skip
    fills = _fills(result, instruments)
    return Performance(
        title=title, source="simulated", currency=currencies.pop(), capital=float(capital),
        step_ns=result.mark_ns, at_ns=at_ns,
        equity=capital + np.sum(list(profits.values()), axis=0), profits=profits, values=values,
        names=_names(instruments), fills=fills,
        executions=executions_of(_orders(result, instruments, events, feed_latency), fills),
        assumptions=tuple(_taken(one) for one in result.assumptions),
        facts=(*facts, *_period(result, at_ns)), missing=tuple(missing),
        market_notional=float("nan") if events is None else _traded(events, instruments), unmarked=unmarked,
        seals=_seals(events, strategy), parameters=parameters_of(strategy, parameters or {}) if strategy else {},
        strategies=strategies, refusals=result.refusals,
    )  # fmt: skip


def _seals(events: Events | None, strategy: type[Strategy] | None) -> dict[str, str]:
    """Hashes of the data and of the strategy's code, and the strategy's name."""
    seals = {}
    if events is not None:
        seals["data"] = hashlib.sha256(np.ascontiguousarray(events).data).hexdigest()
    if strategy is not None:
        seals |= {"strategy": name_of(strategy), "code": source(strategy)}
    return seals


def _names(instruments: Sequence[Instrument]) -> tuple[str, ...]:
    """The symbol of each instrument, after its venue where several venues have this symbol."""
    symbols = [one.symbol for one in instruments]
    return tuple(f"{one.venue} {one.symbol}" if symbols.count(one.symbol) > 1 else one.symbol for one in instruments)


def _marked(result: Result, instruments: Sequence[Instrument]) -> tuple[Any, dict[str, Row], dict[str, Row], int]:
    """The ends of the steps, profit and value of each instrument at them, and how many had no middle.

    A run marks at the first event after each whole step, which is the state at its end; the last mark is the end.
    """
    times = np.unique(result.marks["at_ns"]).astype(np.int64)
    steps = np.append(times[:-1] // result.mark_ns, -(-times[-1] // result.mark_ns))
    grid = np.arange(steps[0], steps[-1] + 1, dtype=np.int64)
    rows = np.searchsorted(steps, grid, side="right") - 1
    known, unmarked, profits, values = result.at_last_middles(), 0, {}, {}
    for one, name in zip(instruments, _names(instruments), strict=True):
        table, marked = known.equity(one.id), result.equity(one.id)
        profits[name] = carried(_along(times, table["at_ns"], table["equity"])[rows])[0]
        values[name] = carried(_along(times, table["at_ns"], _value(known, one, table))[rows])[0]
        unmarked += carried(_along(times, marked["at_ns"], marked["equity"])[rows])[1]
    return grid * result.mark_ns, profits, values, unmarked


def _along(times: Any, at_ns: Any, values: Row) -> Row:
    """Values at all marks; nan at those that the instrument has not."""
    found = np.full(len(times), np.nan)
    found[np.searchsorted(times, at_ns)] = values
    return found


def _value(result: Result, one: Instrument, table: Any) -> Row:
    """What is held of an instrument at each of its marks, at its middle."""
    marks = result.marks[result.marks["instrument"] == one.id]
    middle = np.where(marks["middle2"] > 0, marks["middle2"] / (2 * 10**one.price_decimals), np.nan)
    return np.where(table["position"] == 0, 0.0, table["position"] * middle)


def _fills(result: Result, instruments: Sequence[Instrument]) -> Fills:
    """The fills as floats."""
    places = {one.id: place for place, one in enumerate(instruments)}
    table = np.zeros(len(result.fills), FILL)
    table["at_ns"], table["order"] = result.fills["venue_ns"], result.fills["order"]
    table["side"], table["maker"] = result.fills["side"], result.fills["maker"] != 0
    table["instrument"] = [places[int(one)] for one in result.fills["instrument"]]
    table["price"], table["size"] = _floats(result.fills, "price", "size", instruments)
    table["fee"] = result.fills["fee"] / 10**FEE_DECIMALS
    table["account"] = result.fills["strategy"] if result.strategies else 0  # a trade is of one strategy
    return table


def _floats(records: Any, price: str, size: str, instruments: Sequence[Instrument]) -> tuple[Row, Row]:
    """Prices and sizes in each instrument's decimals, as floats."""
    found = np.zeros((2, len(records)))
    for one in instruments:
        rows = records["instrument"] == one.id
        found[0, rows] = records[price][rows] / 10**one.price_decimals
        found[1, rows] = records[size][rows] / 10**one.size_decimals
    return found[0], found[1]


def _orders(
    result: Result, instruments: Sequence[Instrument], events: Events | None, feed_latency: Latency | None
) -> Fills:
    """The orders with what `executions_of` needs."""
    kind = [("order", "<i8"), ("decided_ns", "<i8"), ("instrument", "<i4"), ("side", "i1"), ("size", "<f8"),
            ("limit", "<f8"), ("arrival", "<f8"), ("acknowledged_ns", "<i8"), ("strategy", "<i4")]  # fmt: skip
    orders, places = np.zeros(len(result.orders), kind), {one.id: at for at, one in enumerate(instruments)}
    orders["order"], orders["decided_ns"] = np.arange(len(orders)), result.orders["submit_ns"]
    orders["instrument"] = [places[int(one)] for one in result.orders["instrument"]]
    orders["strategy"] = result.orders["strategy"] if result.strategies else 0
    orders["side"], orders["arrival"] = result.orders["side"], np.nan
    orders["limit"], orders["size"] = _floats(result.orders, "price", "size", instruments)
    arrived = result.orders["arrive_ns"] > 0
    orders["acknowledged_ns"] = np.where(arrived, result.orders["arrive_ns"] - orders["decided_ns"], UNKNOWN_NS)
    if events is not None:
        orders["arrival"] = arrivals(events, instruments, orders["instrument"], orders["decided_ns"], feed_latency)
    return orders


def arrivals(
    events: Events, instruments: Sequence[Instrument], places: Any, times: Any, feed_latency: Latency | None = None
) -> Row:
    """The middle that the strategy had received at each time, which are in order; nan without a good book."""
    found = np.zeros(len(times), np.int64)
    client = Arrivals(
        np.ascontiguousarray(times, np.int64), np.ascontiguousarray(places, np.int32), found,
        np.zeros(len(instruments), np.int64),
    )  # fmt: skip
    models = Models(Constant(0), Constant(0), Fees.flat("0", "0"), feed_latency=feed_latency)
    simulate(events, client, instruments=instruments, models=models)
    client.end()
    scale = np.array([2 * 10**one.price_decimals for one in instruments], np.float64)
    return np.where(found > 0, found / scale[np.asarray(places, np.int64)], np.nan)


def _taken(one: Assumption) -> Taken:
    """An assumption with the profit that it adds, where the run has priced it."""
    return Taken(one.name, one.favours, float("nan") if one.pnl is None else one.pnl, one.text, one.made, one.unpriced)


def _traded(events: Events, instruments: Sequence[Instrument]) -> float:
    """What the market's prints add up to, in the quote currency."""
    prints = events[events["kind"] == PRINT]
    price, size = _floats(prints, "price", "size", instruments)
    return float((price * size).sum())


def _period(result: Result, at_ns: Any) -> list[tuple[str, str]]:
    """What the run processed."""
    first, last = (str(np.datetime64(int(one), "ns"))[:19] for one in (at_ns[0], at_ns[-1]))
    return [
        ("period", f"{first} to {last} UTC"), ("events", f"{result.events:,}"), ("orders", f"{len(result.orders):,}"),
        ("fills", f"{len(result.fills):,}"), ("refused by risk", f"{result.refused:,}"),
        ("cancels and amends too late", f"{result.late_cancels:,}"),
    ]  # fmt: skip

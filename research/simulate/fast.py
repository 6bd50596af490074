"""`simulate`: one strategy over one array of events, with named models of latency, queue and fees.

    result = simulate(events, MyMaker, instruments=[btc], parameters={"size": "0.01"},
                      models=Models(Constant(2_000_000), Constant(2_000_000), Fees.flat("0.0002", "0.0005")))
    result.fills, result.positions, result.equity(btc.id), result.assumptions

The strategy is a class of `engine.strategy`, or an object of a compiled subclass of `Client`.
docs/research/simulate.md has the semantics.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.recfunctions import repack_fields

from engine.model.instrument import Instrument
from engine.strategy.api.strategy import Strategy, checked_parameters
from research.simulate import events as data
from research.simulate.caps import DeskCaps, caps_of
from research.simulate.client import Client
from research.simulate.desk import Desk
from research.simulate.engine import driven
from research.simulate.events import Events
from research.simulate.loop import Loop
from research.simulate.models import Constant, Latency, Models
from research.simulate.offline import offline
from research.simulate.result import (
    FILL,
    FILL_COLUMNS,
    MARK,
    ORDER,
    ORDER_COLUMNS,
    Records,
    Result,
    assumptions_of,
)  # fmt: skip
from research.simulate.schedule import Schedule
from research.simulate.session import Session
from research.simulate.strategy_client import StrategyClient
from research.simulate.venue import VenueMarket

if TYPE_CHECKING:
    from research.bars.source import BarSource

SPEEDS = ("fast", "engine")
CALLED = ("message", "event")
MINUTE_NS = 60_000_000_000
PLAIN_KINDS = ("spot",)


def simulate(
    events: Events,
    strategy: type[Strategy] | Client,
    *,
    instruments: Sequence[Instrument],
    models: Models,
    parameters: Mapping[str, Any] | None = None,
    caps: Mapping[str, Any] | None = None,
    called: str = "message",
    mark_ns: int = MINUTE_NS,
    intents: bytearray | None = None,
    bars: "BarSource | None" = None,
    speed: str = "fast",
) -> Result:
    """Run a strategy over events.

    With `speed` "engine" the roles of the engine themselves run: slower, and with everything that `fast` refuses.
    `caps` are keys of the configuration's `[risk]` (`caps.py`); without them no cap is checked. `called` is "message",
    as the engine does it, or "event": the hook for each level and print. `mark_ns` is how often equity is marked.
    Every intent is appended to `intents` as a record of `engine.model.records.INTENT`, with the time of its decision.
    `bars` is needed by a class with `on_bar`: PrintBars or GivenBars of `research.bars`.
    """
    caps = caps or {}
    _check(instruments, models, called, mark_ns)
    _check_speed(speed, called)
    desk_caps = caps_of(caps, instruments) if speed == "fast" else [DeskCaps()] * len(instruments)
    events = _received(events, models.feed_latency)
    data.check(events, instruments)
    events = np.ascontiguousarray(events)
    _check_latencies(models, int(events[-1]["receive_ns"] - events[0]["venue_ns"]))
    if speed == "fast":
        client = _client(strategy, instruments, parameters, bars)
    else:
        client = driven(strategy, instruments, parameters or {}, caps, bars)
    session = Session(models.order_latency.delay(), models.answer_latency.delay())
    schedule = Schedule(models.fees.table(), int(models.fees.traded_before * 10**6), int(events[0]["venue_ns"]))
    markets = [_market(one, session, schedule, models) for one in instruments]
    desks = [Desk(place, one, desk_caps[place]) for place, one in enumerate(instruments)]
    client.attach(session, desks)
    if intents is not None:
        client.log_to(intents)
    each = called == "event"
    loop = Loop(
        events.view(np.uint8), data.places_of(instruments), session, markets, desks, client, each=each, mark_ns=mark_ns
    )
    try:
        _run(loop, client)
    finally:
        client.close()
    return Result(
        {one.id: one for one in instruments},
        _table(session.fill_bytes(), FILL, FILL_COLUMNS),
        _table(session.order_bytes(), ORDER, ORDER_COLUMNS),
        np.array(loop.marks, MARK),
        len(events),
        client.refused,
        session.late_cancels,
        session.in_flight(),
        assumptions_of(models, caps, each=each),
    )


def _check(instruments: Sequence[Instrument], models: Models, called: str, mark_ns: int) -> None:
    """Refuse options that the run cannot follow."""
    if called not in CALLED:
        raise ValueError(f"called: found {called!r}, expected one of {', '.join(CALLED)}")
    if not isinstance(mark_ns, int) or mark_ns <= 0:
        raise ValueError(f"mark_ns: found {mark_ns!r}, expected whole nanoseconds over 0")
    ids = [one.id for one in instruments]
    if not ids or len(set(ids)) != len(ids) or not all(0 < one < data.ID_MOST for one in ids):
        raise ValueError(f"instruments: found ids {ids}, expected at least one, each once, under {data.ID_MOST}")
    for one in instruments:
        if one.kind not in PLAIN_KINDS:
            msg = f"{one.symbol} is a {one.kind}: `fast` has no margin, funding or liquidation"
            raise ValueError(f"instruments: {msg}. It runs {', '.join(PLAIN_KINDS)} instruments")
    quotes = {one.quote for one in instruments}
    if len(models.fees.tiers) > 1 and len(quotes) > 1:
        msg = f"volumes in {', '.join(sorted(quotes))} cannot be added"
        raise ValueError(f"fees: several tiers need instruments of one quote currency: {msg}")


def _check_speed(speed: str, called: str) -> None:
    """Refuse a speed that does not exist, and what the chosen one does not have."""
    if speed not in SPEEDS:
        raise ValueError(f"speed: found {speed!r}, expected one of {', '.join(SPEEDS)}")
    if speed == "engine" and called == "event":
        msg = "the engine shows the strategy whole messages"
        raise ValueError(f'called: found "event" at speed "engine": {msg}: use called="message", or speed="fast"')


def _check_latencies(models: Models, span_ns: int) -> None:
    """Refuse a latency that is as long as the data: no answer would ever arrive."""
    for name in ("feed_latency", "order_latency", "answer_latency"):
        latency = getattr(models, name)
        if latency is not None and latency.most_ns >= max(span_ns, 1):
            msg = f"{name}: {latency.most_ns} ns is not shorter than the data, which has {span_ns} ns"
            raise ValueError(f"{msg}: use a shorter latency or more data")


def _received(events: Events, latency: Latency | None) -> Events:
    """The events with the times at which this latency brings them; the events of a message arrive together."""
    if latency is None or not isinstance(events, np.ndarray) or events.dtype != data.EVENT or not len(events):
        return events
    _check_latencies_of_feed(latency, events)
    moved = events.copy()
    if isinstance(latency, Constant):
        moved["receive_ns"] = events["venue_ns"] + latency.ns
        return moved
    delay, venue_ns = latency.delay(), events["venue_ns"]
    ends = np.flatnonzero(events["flags"] & data.LAST)
    arrivals = np.array([venue_ns[end] + delay.draw(int(venue_ns[end])) for end in ends], np.int64)
    message = np.minimum(np.searchsorted(ends, np.arange(len(events))), len(ends) - 1)
    moved["receive_ns"] = np.maximum.accumulate(arrivals)[message]
    return moved


def _check_latencies_of_feed(latency: Latency, events: Events) -> None:
    """Refuse a feed's latency that is as long as the data, before it moves the events."""
    span_ns = int(events[-1]["venue_ns"] - events[0]["venue_ns"])
    if latency.most_ns >= max(span_ns, 1):
        msg = f"feed_latency: {latency.most_ns} ns is not shorter than the data, which has {span_ns} ns"
        raise ValueError(f"{msg}: use a shorter latency or more data")


def _client(
    strategy: object,
    instruments: Sequence[Instrument],
    parameters: Mapping[str, Any] | None,
    bars: "BarSource | None",
) -> Client:
    """The client that drives a strategy."""
    if isinstance(strategy, type) and issubclass(strategy, Strategy):
        return StrategyClient(strategy(tuple(instruments), checked_parameters(strategy, parameters or {})), bars)
    if not isinstance(strategy, Client):
        msg = "expected a class of engine.strategy.Strategy, or an object of a compiled subclass of Client"
        raise TypeError(f"strategy: found {strategy!r}, {msg}")
    if parameters:
        raise ValueError("parameters: a compiled strategy has them in its constructor: pass them there")
    return strategy


def _market(one: Instrument, session: Session, schedule: Schedule, models: Models) -> VenueMarket:
    """An instrument at its venue."""
    scale = 10 ** (one.price_decimals + one.size_decimals)
    queue = models.queue
    return VenueMarket(
        session, schedule, queue.number, queue.exponent, one.size_step, scale,
        models.liquidity_returns, models.through_fills_whole,
    )  # fmt: skip


def _run(loop: Loop, client: Client) -> None:
    """Run; an error of the strategy has the event and the time beside it."""
    try:
        with offline():
            loop.run()
    except Exception as error:
        error.add_note(f"in event {loop.event} of the data, at {client.now_ns}")
        raise


def _table(records: bytes, kind: "np.dtype[Any]", columns: list[str]) -> Records:
    """The public columns of a run's table."""
    table: Records = repack_fields(np.frombuffer(records, kind)[columns])
    return table

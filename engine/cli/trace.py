"""`engine-ctl trace`: the journey of one order or intent, stage by stage, with the record that each time is from.

The lanes are searched from their oldest record on. `ORDER` is our client id (32 hexadecimal digits), the venue's id, or
the number of an intent, which may have been refused and so has no order.
"""

import argparse
from collections.abc import Callable, Iterator
from typing import Any

import shm
from engine.cli import NOT_FOUND, WRONG_USE, CommandError
from engine.cli.output import attach, choose_system, iso, print_json, print_line, print_table, segments_of
from engine.model.text import shown
from engine.monitor.journey import Placed, Point, Trail, durations, journey

INTENT_LANES = ("intents", "routed", "routes")
NEAR = 8  # ticks before a cursor: one message may have several
MICRO = 1000


def trace(options: argparse.Namespace) -> int:
    """Print every stage of the order."""
    system = choose_system(options.system)
    trail = _trail(system, options.order)
    points = journey(trail)
    if options.otlp:
        return _send(options.otlp, system, trail.intent_id, points)
    rows = list(zip(points, durations(points), strict=True))
    if options.json:
        print_json(options, *(_tree(*row) for row in rows))
        return 0
    print_table(("stage", "time", "since the first", "since before", "record", ""), (_row(*row) for row in rows))
    if any(one.is_of_venue and one.at_ns for one in points):
        print_line("a stage at the venue has the time of the venue's clock; the stages around it have ours")
    return 0


def _send(url: str, system: str, intent_id: int, points: list[Point]) -> int:
    """Send the stages as spans to a collector."""
    try:
        from engine.monitor import otlp  # noqa: PLC0415 - an extra
    except ImportError:
        raise CommandError("--otlp needs opentelemetry-proto: pip install 'steelyard[otlp]'") from None
    try:
        otlp.send(url, otlp.request_of(system, intent_id, points))
    except otlp.SendError as error:
        raise CommandError(f"--otlp: {error}") from error
    print_line(f"sent: trace {otlp.trace_id(system, intent_id).hex()}")
    return 0


def _tree(point: Point, since: tuple[int | None, int | None]) -> dict[str, Any]:
    """A stage as JSON."""
    return {
        "stage": point.stage, "at_ns": point.at_ns or None, "at": iso(point.at_ns) or None,
        "since_first_ns": since[0], "since_previous_ns": since[1], "lane": point.lane or None,
        "sequence": point.sequence if point.lane else None, "of_venue": point.is_of_venue, "text": point.text,
    }  # fmt: skip


def _row(point: Point, since: tuple[int | None, int | None]) -> tuple[str, ...]:
    """A stage as a line."""
    record = f"{point.lane} {point.sequence}" if point.lane else "-"
    return (point.stage, iso(point.at_ns)[11:-1] or "-", *map(_micro, since), record, point.text)


def _micro(duration_ns: int | None) -> str:
    return "-" if duration_ns is None else f"{duration_ns / MICRO:.1f} µs"


def _trail(system: str, given: str) -> Trail:
    """Everything that the lanes hold of the intent that is meant."""
    every = list(_placed(system, "orders"))
    number = _intent_of(system, given, every)
    orders = [one for one in every if one.row.intent_id == number]
    intents = [one for lane in INTENT_LANES for one in _placed(system, lane, lambda row: row.intent_id == number)]
    clients = {one.row.client_id for one in orders}
    head = intents[0].row if intents else orders[0].row
    decided_ns = head.now_ns if intents else head.intent_ns
    return Trail(
        number,
        intents=intents,
        causes=list(_causes(system, head)) if intents else (),
        steps=list(_placed(system, "steps", lambda row: row.now_ns == decided_ns and row.role == head.strategy)),
        verdicts=list(_placed(system, "verdicts", lambda row: row.intent_id == number)),
        journal=list(_placed(system, "journal", lambda row: row.payload[:16] in clients)),
        orders=orders,
        fills=list(_placed(system, "fills", lambda row: row.intent_id == number)),
        positions=list(_cells(system, head.strategy, head.instrument)),
    )


def _intent_of(system: str, given: str, orders: list[Placed]) -> int:
    """The intent of the order that is meant; the number itself where an intent has it."""
    wanted = given.strip().lower()
    if not wanted:
        raise CommandError("ORDER is empty: expected a client id, an id of the venue or an intent's number", WRONG_USE)
    found = {one.row.intent_id: _client(one) for one in orders if wanted in _ids(one)}
    if len(found) > 1:
        msg = f"{given}: {len(found)} orders have this id, their client ids are {', '.join(found.values())}: name one"
        raise CommandError(msg, WRONG_USE)
    for number in found:
        return int(number)
    for lane in INTENT_LANES:
        for one in _placed(system, lane, lambda row: str(row.intent_id) == wanted):
            return int(one.row.intent_id)
    since = f", the oldest of {iso(orders[0].row.now_ns)}" if orders else ""
    msg = (
        f"{given}: the lanes hold no such order{since}: expected a client id, an id of the venue or an intent's number,"
        " as `engine-ctl orders --all --json` lists them; older ones are in the recorder's history"
    )
    raise CommandError(msg, NOT_FOUND)


def _client(order: Placed) -> str:
    return str(order.row.client_id.ljust(16, b"\0").hex())


def _ids(order: Placed) -> tuple[str, str, str]:
    """Every id by which an order can be meant; the venue's is empty until the venue has named it."""
    return _client(order), shown(order.row.venue_order_id).lower(), str(order.row.intent_id)


def _placed(system: str, lane: str, matches: Callable[[Any], bool] = lambda _: True) -> Iterator[Placed]:
    """The records of a lane that match, owner by owner."""
    for name in segments_of(system, lane):
        ring = attach(name)
        assert isinstance(ring, shm.RingReader)
        yield from _from(ring, name.partition(".")[2], ring.oldest, ring.end, matches)


def _causes(system: str, intent: Any) -> Iterator[Placed]:
    """The books of the intent's instrument that were published at its cursor of TICKS, then the ticks before that."""
    at = intent.tick_sequence, intent.instrument
    yield from _placed(system, "books", lambda row: (row.tick_sequence, row.instrument) == at)
    yield from _ticks(system, intent.tick_sequence)


def _ticks(system: str, after: int) -> Iterator[Placed]:
    """The ticks before a cursor, of every feed."""
    for name in segments_of(system, "ticks"):
        ring = attach(name)
        assert isinstance(ring, shm.RingReader)
        first, end = max(after - NEAR, ring.oldest), min(after, ring.end)
        yield from reversed(list(_from(ring, name.partition(".")[2], first, end, lambda _: True)))


def _from(ring: shm.RingReader, lane: str, first: int, end: int, matches: Callable[[Any], bool]) -> Iterator[Placed]:
    """The records from `first` to `end` that match and were not lost."""
    ring.cursor = first
    while (at := ring.cursor) < end and (row := ring.read()) is not None:
        if not isinstance(row, shm.Lapped) and matches(row):
            yield Placed(lane, at, row)


def _cells(system: str, strategy: int, instrument: int) -> Iterator[Placed]:
    """The strategy's position in the instrument, with the place of its cell."""
    for name in segments_of(system, "positions"):
        cells = attach(name)
        assert isinstance(cells, shm.CellReader)
        for index in range(cells.count):
            row = cells.read(index)
            if row is not None and (row.strategy, row.instrument) == (strategy, instrument):
                yield Placed(name.partition(".")[2], index, row)

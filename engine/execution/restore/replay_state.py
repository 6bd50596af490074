"""The whole state of a replay as bytes, and back: what a checkpoint holds.

The state is everything that `Replay.feed` can change: the blotter's tables, the ledger's positions and the replay's own
fields. Orders are one array, and every reference to an order is its place in the array, so that two references to one
order are two references to one order again. Tables keep their order, because execution acts in that order.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from engine.execution.orders import codec
from engine.execution.orders.blotter import Blotter
from engine.execution.orders.fills import KnownFills, Trade
from engine.execution.orders.ledger import Position
from engine.execution.orders.order import Order
from engine.execution.orders.parent import Parent, parent_of
from engine.execution.restore.replay import Placed, Replay, order_of
from engine.execution.trips import place_of
from engine.execution.venue.alarm import Cause, Standstill
from engine.model.codec import Codec
from engine.model.rows import OrderRow
from engine.model.scope import Held, Scope
from engine.model.text import bare

NONE = -1
PLACES = ("instrument", "strategy", "terms")  # which position it is; everything else changes
NUMBERS = tuple(name for name in Position.__slots__ if name not in (*PLACES, "fees_other"))


class Number(NamedTuple):
    """A number with its name, as text, because a sum may need more than 64 bits."""

    name: str
    value: str


class PositionState(msgspec.Struct, array_like=True):
    """One position."""

    strategy: int
    instrument: int
    numbers: list[Number]
    fees_other: list[tuple[bytes, str]]


class FillsState(msgspec.Struct, array_like=True):
    """The known fills of one instrument."""

    instrument: int
    floor: bytes
    floor_ns: int
    trades: list[tuple[bytes, Trade]]


class OrdersState(msgspec.Struct, array_like=True):
    """Orders as an array: their records, and what their records do not have."""

    rows: bytes
    venue_filled: list[int]
    exposure: list[int]
    amends: list[tuple[int, int]]  # from which size, to which
    predecessors: list[int]
    successors: list[int]


class ParentState(msgspec.Struct, array_like=True):
    """One parent: its record, and its children by their places."""

    row: bytes
    newest: int
    children: list[int]


class ReplayState(msgspec.Struct):
    """All of it."""

    sequence: int
    records: int
    halted: bool
    scopes: list[tuple[Scope, Held]]
    alarmed: bool
    settled: list[Cause]
    stopped: list[tuple[int, bytes]]  # since when, and the ALARM record
    agreed_ns: int
    agreed: list[Number]
    moved: list[Number]
    slack: list[Number]
    ours: list[str]
    others: list[str]
    command_life: int
    commands_followed: int
    placed: list[Placed]
    parents: list[ParentState]
    last_parents: list[bytes]
    replaces: bytes
    recent_fills: bytes
    last_orders: list[int]
    orders: OrdersState
    table: int  # how many of the orders, from the first, are in the blotter's table
    newest: list[tuple[int, int]]
    by_venue: list[tuple[int, bytes, int]]
    live: list[int]
    done: list[int]
    fills: list[FillsState]
    watermarks: list[tuple[int, bytes]]
    terms: list[tuple[int, bytes]]
    last_intent: list[tuple[int, int]]
    touched: list[int]
    exposed: list[int]
    positions: list[PositionState]
    breakers: list[bytes] = []  # the newest record of each


def dump(replay: Replay) -> bytes:
    """The state after the last entry that was applied, as bytes."""
    blotter = replay.blotter
    orders = _reachable(replay)
    at = {id(order): place for place, order in enumerate(orders)}
    state = ReplayState(
        sequence=replay.sequence,
        records=replay.records,
        halted=replay.halted,
        scopes=list(replay.scopes.items()),
        alarmed=replay.alarmed,
        settled=list(replay.settled),
        stopped=[(one.since_ns, codec.ALARM.pack_row(one.alarm)) for one in replay.stopped.values()],
        agreed_ns=replay.agreed_ns,
        agreed=_numbers(replay.baseline.agreed),
        moved=_numbers(replay.baseline.moved),
        slack=_numbers(replay.baseline.slack),
        ours=sorted(replay.baseline.ours),
        others=sorted(replay.baseline.others),
        command_life=replay.command_life,
        commands_followed=replay.commands_followed,
        placed=list(replay.placed),
        parents=[_dump_parent(parent, blotter, at) for parent in blotter.parents.values()],
        last_parents=list(replay.last_parents),
        replaces=b"".join(codec.INTENT.pack_row(row) for row in replay.replaces.values()),
        recent_fills=b"".join(codec.FILL.pack_row(row) for row in replay.fills),
        last_orders=[at[id(order)] for order in replay.last_orders],
        orders=_dump_orders(orders, at, blotter.account),
        table=len(blotter.orders),
        newest=[(intent, at[id(order)]) for intent, order in blotter.newest.items()],
        by_venue=[(*key, at[id(order)]) for key, order in blotter.by_venue.items()],
        live=[at[id(order)] for order in blotter.live.values()],
        done=[at[id(order)] for order in blotter.done],
        fills=[_dump_fills(instrument, known) for instrument, known in blotter.fills.items()],
        watermarks=list(blotter.watermarks.items()),
        terms=list(replay.terms.items()),
        last_intent=list(blotter.last_intent.items()),
        touched=sorted(blotter.touched),
        exposed=sorted(blotter.exposed),
        positions=[_dump_position(one) for one in blotter.ledger.positions],
        breakers=[codec.BREAKER.pack_row(row) for row in replay.breakers.values()],
    )
    return msgspec.msgpack.encode(state)


def load(data: bytes, replay: Replay) -> None:
    """Set the state of a new replay."""
    state, blotter = msgspec.msgpack.decode(data, type=ReplayState), replay.blotter
    replay.sequence, replay.records = state.sequence, state.records
    replay.halted, replay.alarmed = state.halted, state.alarmed
    replay.command_life, replay.commands_followed = state.command_life, state.commands_followed
    replay.scopes.update(state.scopes)
    replay.settled.extend(state.settled)
    rows = [codec.BREAKER.unpack(one) for one in state.breakers]
    replay.breakers.update((place_of(row), row) for row in rows)
    halts = [Standstill(since_ns, codec.ALARM.unpack(alarm), "") for since_ns, alarm in state.stopped]
    replay.stopped.update((one.alarm.instrument, one) for one in halts)
    replay.agreed_ns, since = state.agreed_ns, replay.baseline
    since.ours.update(state.ours)
    since.others.update(state.others)
    for amounts, named in ((since.agreed, state.agreed), (since.moved, state.moved), (since.slack, state.slack)):
        amounts.update((name, int(value)) for name, value in named)
    replay.placed.extend(state.placed)
    replay.terms.update(state.terms)
    orders = _load_orders(state.orders)
    for one in state.parents:
        blotter.enter_parent(_load_parent(one, orders))
    replay.last_parents.extend(state.last_parents)
    replay.replaces.update((row.intent_id, row) for row in _rows(codec.INTENT, state.replaces))
    replay.fills.extend(_rows(codec.FILL, state.recent_fills))
    replay.last_orders.extend(orders[place] for place in state.last_orders)
    _load_tables(state, orders, blotter)
    for position in state.positions:
        cell = blotter.ledger.cells(position.strategy, position.instrument)[-1]
        _load_position(blotter.ledger.positions[cell], position)


def _load_tables(state: ReplayState, orders: list[Order], blotter: Blotter) -> None:
    """Set the blotter's tables."""
    blotter.orders.update((order.client_id, order) for order in orders[: state.table])
    blotter.newest.update((intent, orders[place]) for intent, place in state.newest)
    blotter.by_venue.update(((instrument, number), orders[place]) for instrument, number, place in state.by_venue)
    blotter.live.update((orders[place].client_id, orders[place]) for place in state.live)
    blotter.done.extend(orders[place] for place in state.done)
    blotter.watermarks.update(state.watermarks)
    blotter.last_intent.update(state.last_intent)
    blotter.touched.update(state.touched)
    blotter.exposed.update(state.exposed)
    for known in state.fills:
        _load_fills(known, blotter.fills[known.instrument])
    blotter.overdue.update(instrument for instrument, fills in blotter.fills.items() if fills.overdue)


def _reachable(replay: Replay) -> list[Order]:
    """Every order that a table, a parent or another order refers to; those of the blotter's table first."""
    blotter = replay.blotter
    found = {id(order): order for order in blotter.orders.values()}
    waiting = [*blotter.done, *blotter.by_venue.values(), *blotter.newest.values(), *replay.last_orders]
    waiting += [*blotter.live.values(), *found.values()]
    waiting += [order for one in blotter.parents.values() for order in (one.newest, *one.children) if order is not None]
    seen: set[int] = set()
    while waiting:
        order = waiting.pop()
        if id(order) not in seen:
            seen.add(id(order))
            found.setdefault(id(order), order)
            waiting += [one for one in (order.predecessor, order.successor) if one is not None]
    return list(found.values())


def _dump_parent(parent: Parent, blotter: Blotter, at: dict[int, int]) -> ParentState:
    newest = NONE if parent.newest is None else at[id(parent.newest)]
    return ParentState(blotter.parent_bytes(parent, 0), newest, [at[id(child)] for child in parent.children])


def _load_parent(state: ParentState, orders: list[Order]) -> Parent:
    parent = parent_of(codec.read_parent(state.row))
    parent.children = [orders[place] for place in state.children]
    parent.newest = None if state.newest == NONE else orders[state.newest]
    return parent


def _dump_orders(orders: list[Order], at: dict[int, int], account: int) -> OrdersState:
    def place(order: Order | None) -> int:
        return NONE if order is None else at[id(order)]

    return OrdersState(
        b"".join(codec.ORDER.pack(*order.row(account)) for order in orders),
        [order.venue_filled for order in orders],
        [order.exposure for order in orders],
        [(order.amend_from, order.amend_to) for order in orders],
        [place(order.predecessor) for order in orders],
        [place(order.successor) for order in orders],
    )


def _load_orders(state: OrdersState) -> list[Order]:
    orders = [_load_order(row) for row in _rows(codec.ORDER, state.rows)]
    links = zip(state.venue_filled, state.exposure, state.amends, state.predecessors, state.successors, strict=True)
    for order, (filled, exposure, amend, before, after) in zip(orders, links, strict=True):
        order.venue_filled, order.exposure = filled, exposure
        order.amend_from, order.amend_to = amend
        order.predecessor = None if before == NONE else orders[before]
        order.successor = None if after == NONE else orders[after]
    return orders


def _load_order(row: OrderRow) -> Order:
    """An order from its record."""
    order = order_of(row)
    order.state, order.flags, order.error, order.filled = row.state, row.flags, bare(row.error), row.filled
    order.error_text = row.error_text.rstrip(b"\0")
    order.venue_order_id, order.expires_ns = bare(row.venue_order_id), row.expires_ns
    order.sent_ns, order.answer_ns, order.now_ns = row.sent_ns, row.answer_ns, row.now_ns
    return order


def _dump_fills(instrument: int, known: KnownFills) -> FillsState:
    return FillsState(instrument, known.floor, known.floor_ns, list(known.trades.items()))


def _load_fills(state: FillsState, known: KnownFills) -> None:
    known.floor, known.floor_ns = state.floor, state.floor_ns
    known.trades.update(state.trades)


def _dump_position(position: Position) -> PositionState:
    numbers = [Number(name, str(getattr(position, name))) for name in NUMBERS]
    fees_other = [(asset, str(value)) for asset, value in position.fees_other.items()]
    return PositionState(position.strategy, position.instrument.id, numbers, fees_other)


def _load_position(position: Position, state: PositionState) -> None:
    for name, value in state.numbers:
        setattr(position, name, int(value))
    position.fees_other = {asset: int(value) for asset, value in state.fees_other}


def _numbers(amounts: dict[str, int]) -> list[Number]:
    return [Number(name, str(value)) for name, value in amounts.items()]


def _rows(one: Codec, data: bytes) -> Iterator[Any]:
    """The records in these bytes."""
    size = one.record.size
    for at in range(0, len(data), size):
        yield one.unpack(data[at : at + size])

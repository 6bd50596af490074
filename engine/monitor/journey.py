"""The journey of an order: every record that it left on the lanes, from the data that caused it to its position.

    data ──▶ step of the strategy ──▶ intent ──▶ verdict ──▶ journal ──▶ sent ──▶ answers ──▶ fills ──▶ position

`journey` puts in order what the lanes still hold of one intent and its orders. A stage whose record is gone has no time
and says why: left out, it would read as a stage that did not happen.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.model.words import IntentKind, JournalKind, OrderState, Reason

if TYPE_CHECKING:
    from engine.model.rows import FillRow, IntentRow, OrderRow, VerdictRow

GONE = "the lane does not hold it any more"


class Placed(NamedTuple):
    """A record with its place."""

    lane: str
    sequence: int
    row: Any


class Point(NamedTuple):
    """One stage; `at_ns` 0: its time is not known, and `text` has the reason."""

    stage: str
    at_ns: int
    lane: str
    sequence: int
    text: str
    is_of_venue: bool = False  # by the venue's clock: it cannot be compared with ours to the microsecond


@dataclass(frozen=True)
class Trail:
    """What the lanes hold of one intent: each kind in the order of its lane."""

    intent_id: int
    intents: Sequence[Placed] = ()
    causes: Sequence[Placed] = ()  # the books and ticks that may have caused the intent, the likely ones first
    steps: Sequence[Placed] = ()  # of its strategy, at the intent's time
    verdicts: Sequence[Placed] = ()
    journal: Sequence[Placed] = ()  # the records that hold one of its orders
    orders: Sequence[Placed] = ()
    fills: Sequence[Placed] = ()
    positions: Sequence[Placed] = ()  # of its strategy and instrument: the newest


def journey(trail: Trail) -> list[Point]:
    """Every stage, in the order in which one causes the next."""
    return [*_cause(trail), *_decision(trail), *_orders(trail), *_fills(trail)]


def _cause(trail: Trail) -> Iterator[Point]:
    """The market data, and the step that read it."""
    receive_ns, now_ns = _begun(trail)
    cause = next((one for one in trail.causes if one.row.receive_ns == receive_ns), None)
    if cause is not None:
        row, place = cause.row, (cause.lane, cause.sequence)
        yield Point("data at the venue", row.venue_ns, *place, _unless(row.venue_ns), is_of_venue=True)
        yield Point("data received", receive_ns, *place, "")
        yield Point("data published", row.publish_ns, *place, "")
    elif receive_ns:
        yield Point("data received", receive_ns, "", -1, f"the time is of the intent; the book or tick: {GONE}")
    else:
        yield Point("data received", 0, "", -1, "no data caused it: a timer, a command, or the answer to an order")
    step = next((one for one in trail.steps if one.row.now_ns == now_ns), None)
    where = ("", -1, GONE) if step is None else (step.lane, step.sequence, f"step {step.row.step}")
    yield Point("strategy's step began", now_ns, *where)


def _begun(trail: Trail) -> tuple[int, int]:
    """When its tick was received, and when it was decided."""
    if trail.intents:
        intent: IntentRow = trail.intents[0].row
        return intent.receive_ns, intent.now_ns
    order: OrderRow | None = trail.orders[0].row if trail.orders else None
    return (order.receive_ns, order.intent_ns) if order is not None else (0, 0)


def _decision(trail: Trail) -> Iterator[Point]:
    """The intent, and what risk decided."""
    _, now_ns = _begun(trail)
    for one in trail.intents:
        yield Point("intent", one.row.now_ns, one.lane, one.sequence, IntentKind(one.row.kind).name.lower())
    if not trail.intents:
        yield Point("intent", now_ns, "", -1, f"the time is of the order; the intent: {GONE}")
    for one in trail.verdicts:
        verdict: VerdictRow = one.row
        text = "approved" if verdict.reason == Reason.APPROVED else f"refused: {Reason(verdict.reason).name}"
        yield Point("verdict of risk", verdict.now_ns, one.lane, one.sequence, text)
    if not trail.verdicts:
        yield Point("verdict of risk", 0, "", -1, GONE)


def _orders(trail: Trail) -> Iterator[Point]:
    """Each order: in the journal before it is sent, sent, and every change after that."""
    clients = dict.fromkeys(one.row.client_id for one in trail.orders)
    for client in clients:
        changes = [one for one in trail.orders if one.row.client_id == client]
        mark = f"child {changes[0].row.child}: " if len(clients) > 1 else ""
        kept = next((one for one in trail.journal if _holds(one, client)), None)
        where = ("", -1, f"{mark}{GONE}") if kept is None else (kept.lane, kept.sequence, mark + "before it was sent")
        yield Point("journal", kept.row.now_ns if kept else 0, *where)
        yield from _changes(changes, mark)


def _changes(changes: Sequence[Placed], mark: str) -> Iterator[Point]:
    """What happened to one order."""
    sent = next((one for one in changes if one.row.sent_ns), None)
    if sent is not None:
        yield Point("sent to the venue", sent.row.sent_ns, sent.lane, sent.sequence, mark.rstrip(": "))
    for one in changes:
        if one.row.state not in (OrderState.CREATED, OrderState.SENT):
            name = OrderState(one.row.state).name.lower()
            filled = f", {one.row.filled} of {one.row.size}" if one.row.filled else ""
            yield Point("answer", one.row.now_ns, one.lane, one.sequence, f"{mark}{name}{filled}")


def _holds(one: Placed, client_id: bytes) -> bool:
    """Whether a journal record holds this order."""
    return bool(one.row.kind == JournalKind.ORDER and one.row.payload.startswith(client_id))


def _fills(trail: Trail) -> Iterator[Point]:
    """Each fill, and the position that has the last one in it."""
    for one in trail.fills:
        fill: FillRow = one.row
        yield Point(
            "fill at the venue", fill.venue_ns, one.lane, one.sequence, _unless(fill.venue_ns), is_of_venue=True
        )
        yield Point("fill received", fill.receive_ns, one.lane, one.sequence, f"{fill.size} at {fill.price}")
    if not trail.fills:
        return
    last = trail.fills[-1]
    for one in trail.positions:
        if one.row.fill_sequence == last.sequence + 1:
            yield Point("position published", one.row.update_ns, one.lane, one.sequence, f"held {one.row.size}")
            return
    yield Point("position published", 0, "", -1, "a cell keeps the newest record: later fills have replaced it")


def _unless(at_ns: int) -> str:
    """Why a time of the venue is not known."""
    return "" if at_ns else "the venue gives no time"


def durations(points: Iterable[Point]) -> list[tuple[int | None, int | None]]:
    """Nanoseconds since our first stage, and since our stage before this one; None where one is not known."""
    first: int | None = None
    before: int | None = None
    found: list[tuple[int | None, int | None]] = []
    for one in points:
        if not one.is_of_venue and one.at_ns and first is None:
            first = one.at_ns
        if not one.at_ns:
            found.append((None, None))
            continue
        found.append((None if first is None else one.at_ns - first, None if before is None else one.at_ns - before))
        before = before if one.is_of_venue else one.at_ns
    return found

"""The journey of an order, from the records that are there and those that are gone."""

from types import SimpleNamespace

from engine.model.words import IntentKind, JournalKind, OrderState, Reason
from engine.monitor.journey import Placed, Point, Trail, durations, journey

CLIENT = b"\1" * 16


def placed(lane: str, sequence: int, **values: object) -> Placed:
    """A record with these fields."""
    return Placed(lane, sequence, SimpleNamespace(**values))


def order(sequence: int, now_ns: int, state: OrderState, filled: int = 0, client: bytes = CLIENT) -> Placed:
    """A change of an order that was decided at 30 and sent at 60."""
    return placed(
        "orders.x", sequence, client_id=client, intent_id=7, receive_ns=10, intent_ns=30, state=state, filled=filled,
        sent_ns=60 if state != OrderState.CREATED else 0, now_ns=now_ns, size=5, child=0,
    )  # fmt: skip


WHOLE = Trail(
    7,
    intents=[placed("intents.s.x", 3, receive_ns=10, now_ns=30, kind=IntentKind.PLACE)],
    causes=[
        placed("ticks.f", 8, receive_ns=9, publish_ns=9, venue_ns=1),
        placed("ticks.f", 9, receive_ns=10, publish_ns=20, venue_ns=5),
    ],
    steps=[placed("steps.s", 4, now_ns=30, step=77)],
    verdicts=[placed("verdicts.x", 2, now_ns=40, reason=Reason.APPROVED)],
    journal=[placed("journal.x", 11, now_ns=50, kind=JournalKind.ORDER, payload=CLIENT + b"rest")],
    orders=[order(1, 50, OrderState.CREATED), order(2, 60, OrderState.SENT), order(3, 90, OrderState.FILLED, 5)],
    fills=[placed("fills.x", 6, venue_ns=80, receive_ns=90, size=5, price=100)],
    positions=[placed("positions.x", 0, update_ns=95, fill_sequence=7, size=5)],
)


def test_every_stage_has_its_time_and_its_record() -> None:
    """Causes before effects, each with the record that says so."""
    assert [(one.stage, one.at_ns, one.lane, one.sequence) for one in journey(WHOLE)] == [
        ("data at the venue", 5, "ticks.f", 9),
        ("data received", 10, "ticks.f", 9),
        ("data published", 20, "ticks.f", 9),
        ("strategy's step began", 30, "steps.s", 4),
        ("intent", 30, "intents.s.x", 3),
        ("verdict of risk", 40, "verdicts.x", 2),
        ("journal", 50, "journal.x", 11),
        ("sent to the venue", 60, "orders.x", 2),
        ("answer", 90, "orders.x", 3),
        ("fill at the venue", 80, "fills.x", 6),
        ("fill received", 90, "fills.x", 6),
        ("position published", 95, "positions.x", 0),
    ]


def test_durations_are_between_our_own_times() -> None:
    """The venue's clock may be wrong by more than a stage takes: nothing is measured from it."""
    stages = (("venue", 5, True), ("ours", 10, False), ("gone", 0, False), ("venue", 8, True), ("ours", 25, False))
    points = [Point(stage, at, "", 0, "", is_of_venue) for stage, at, is_of_venue in stages]
    assert durations(points) == [(None, None), (0, None), (None, None), (-2, -2), (15, 15)]


def test_a_record_that_is_gone_is_named_and_its_stage_stays() -> None:
    """Left out, the stage would read as one that did not happen."""
    points = {one.stage: one for one in journey(Trail(7, orders=WHOLE.orders, fills=WHOLE.fills))}
    assert (points["data received"].at_ns, points["strategy's step began"].at_ns) == (10, 30)
    for stage in ("data received", "strategy's step began", "intent", "verdict of risk", "journal"):
        assert "the lane does not hold it any more" in points[stage].text, stage
        assert points[stage].sequence == -1
    assert "later fills have replaced it" in points["position published"].text


def test_a_refused_intent_has_no_order() -> None:
    """Its journey ends at the verdict, with the reason."""
    refused = [placed("verdicts.x", 2, now_ns=40, reason=Reason.HALTED)]
    last = journey(Trail(7, intents=WHOLE.intents, causes=WHOLE.causes, steps=WHOLE.steps, verdicts=refused))[-1]
    assert (last.stage, last.text) == ("verdict of risk", "refused: HALTED")


def test_an_order_of_a_timer_has_no_tick() -> None:
    """It must not get the tick that happened to be the newest."""
    timer = [placed("intents.s.x", 3, receive_ns=0, now_ns=30, kind=IntentKind.PLACE)]
    first = journey(Trail(7, intents=timer, causes=WHOLE.causes))[0]
    assert (first.at_ns, first.lane) == (0, "")
    assert "no data caused it" in first.text


def test_each_child_of_a_parent_is_named() -> None:
    """Two children that share an intent would otherwise be one order with two answers."""
    other = b"\2" * 16
    points = journey(Trail(7, orders=[*WHOLE.orders, order(4, 99, OrderState.OPEN, client=other)]))
    assert [one.text for one in points if one.stage == "answer"] == ["child 0: filled, 5 of 5", "child 0: open"]

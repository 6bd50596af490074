"""Which instruments a strategy may trade, on every way of an order."""

from pathlib import Path

from engine.model.words import BUY, INTENT_TYPES, SELL, IntentKind, OrderState, Reason
from tests.engine.execution.memory import CHASE, OTHER, STRATEGY, House

ONLY_ETH = {STRATEGY: frozenset({2})}


def house_of(tmp_path: Path) -> House:
    """A strategy that may trade instrument 2 and no other, and one that may trade both."""
    house = House(tmp_path, strategies=(STRATEGY, OTHER), permits=ONLY_ETH)
    house.ready()
    house.book(300_000, 300_010, instrument=2)
    house.run()
    return house


def test_an_order_of_any_type_for_another_instrument_is_refused(tmp_path: Path) -> None:
    """A strategy configured for one instrument must not buy another."""
    house = house_of(tmp_path)
    for order_type in sorted(INTENT_TYPES):
        refused = house.intent(order_type=order_type)
        house.run(2)
        row = [row for row in house.rings["verdicts"].rows if row.intent_id == refused][-1]
        assert (row.reason, row.value, row.limit) == (Reason.INSTRUMENT_NOT_PERMITTED, 1, STRATEGY)
    assert not house.role.blotter.orders
    assert house.place(instrument=2, price=299_000, size=1_000).state == OrderState.OPEN
    assert house.place(strategy=OTHER).state == OrderState.OPEN


def test_the_short_way_gives_no_yes_for_it(tmp_path: Path) -> None:
    """The compiled way must not know less than the long one."""
    house = house_of(tmp_path)
    gate, now_ns = house.role.gate, house.now_ns
    assert not gate.approves(now_ns, STRATEGY, 1, BUY, 5_999_000, 1_000, now_ns, 0)
    assert gate.approves(now_ns, OTHER, 1, BUY, 5_999_000, 1_000, now_ns, 0)
    assert gate.approves(now_ns, STRATEGY, 2, BUY, 299_000, 1_000, now_ns, 0)


def test_a_chase_and_a_replacement_end_when_the_permit_is_gone(tmp_path: Path) -> None:
    """A life with a shorter list inherits the orders of the one before: they may be cancelled and not moved."""
    house = House(tmp_path)
    house.ready()
    chase = house.place(algorithm=CHASE, price=0)
    standing = house.place()
    house.kill()
    house.config.strategies[STRATEGY] = frozenset({2})
    house.role = house.live()
    house.ready()
    house.book(6_000_500, 6_000_600)
    house.run(200)
    replacement = house.intent(kind=IntentKind.REPLACE, target_id=standing.intent_id, price=5_998_000)
    house.run(3)
    assert house.verdict(chase.intent_id) == Reason.INSTRUMENT_NOT_PERMITTED
    assert house.verdict(replacement) == Reason.INSTRUMENT_NOT_PERMITTED
    cancel = house.cancel(standing.intent_id)
    house.run(3)
    assert house.verdict(cancel) == Reason.APPROVED
    assert not house.role.blotter.newest[standing.intent_id].live


def test_what_is_held_of_it_may_be_sold(tmp_path: Path) -> None:
    """The list restricts what may be opened; an exit is never restricted by it."""
    house = House(tmp_path)
    house.ready()
    house.venue.fill(house.place().client_id.hex(), 1_000)
    house.run(3)
    house.kill()
    house.config.strategies[STRATEGY] = frozenset({2})
    house.role = house.live()
    house.ready()
    assert house.place(side=SELL, price=6_001_000).state == OrderState.OPEN
    more = house.intent(side=SELL, price=6_001_000, size=1)
    house.run(3)
    assert house.verdict(more) == Reason.INSTRUMENT_NOT_PERMITTED

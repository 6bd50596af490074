"""How many intents execution reads in one step, and what waits for that."""

from pathlib import Path

from engine.model.step import Step, steps_of
from engine.model.words import CommandKind, IntentKind, OrderState, Reason
from tests.engine.execution.memory import MS, OTHER, STRATEGY, House, requests

MOST = 64  # INTENTS_MOST of intake.pyx


def house_of(directory: Path) -> House:
    """Two strategies; nothing is asked of the venue but what a test asks."""
    directory.mkdir(exist_ok=True)
    house = House(directory, strategies=(STRATEGY, OTHER))
    house.ready()
    return house


def steps(house: House) -> list[Step]:
    """Every step that execution has published."""
    return list(steps_of(house.rings["steps"].rows))


def test_a_cancel_waits_for_at_most_one_steps_intents_of_another_strategy(tmp_path: Path) -> None:
    """A strategy that submits without end must not keep the others' cancels from the venue."""
    house = house_of(tmp_path)
    order = house.place(strategy=OTHER)
    before = len(house.rings["verdicts"].rows)
    for _ in range(10 * MOST):
        house.intent(size=0)
    cancel = house.intent(strategy=OTHER, kind=IntentKind.CANCEL, target_id=order.intent_id)
    house.run()
    assert [row.intent_id for row in house.rings["verdicts"].rows[before:]].index(cancel) == MOST
    assert len(requests(house, "order.cancel")) == 1


def test_the_venues_answer_after_a_halt_waits_for_at_most_one_steps_intents(tmp_path: Path) -> None:
    """An order in flight is cancelled when its answer is read: hundreds of refusals before it are time at risk."""
    house = house_of(tmp_path)
    intent_id = house.intent()
    house.run(2)
    for _ in range(10 * MOST):
        house.intent()
    house.command(CommandKind.HALT)
    house.run()
    refused = [row for row in house.rings["verdicts"].rows if row.reason == Reason.HALTED]
    assert house.role.blotter.newest[intent_id].state == OrderState.CANCELLING
    assert len(requests(house, "order.cancel")) == 1
    assert len(refused) == MOST


def test_every_intent_is_followed_once_and_the_steps_say_in_which_step(tmp_path: Path) -> None:
    """A lane that is read in parts is read whole, and the steps let a second life decide the same to the byte."""
    first, second = house_of(tmp_path / "first"), house_of(tmp_path / "second")
    begun, at_ns = len(steps(first)), first.now_ns
    for number in range(3 * MOST + 10):
        first.intent(size=number % 3, strategy=(STRATEGY, OTHER)[number % 7 == 0])
    first.run(6)
    for step in steps(first)[begun:]:
        second.run((step.now_ns - second.now_ns) // MS - 1)
        for lane, cursor in zip((STRATEGY, OTHER), step.cursors[2:4], strict=True):
            ring = second.intents[lane]
            for record in first.intents[lane].records()[ring.cursor : cursor]:
                ring.publish_bytes(record)
        second.run()
    second.run((first.now_ns - second.now_ns) // MS)
    assert len({row.intent_id for row in first.rings["verdicts"].rows if row.now_ns > at_ns}) == 3 * MOST + 10
    assert [step.cursors for step in steps(second)] == [step.cursors for step in steps(first)]
    assert second.rings["journal"].log == first.rings["journal"].log

"""An algorithm is one file and one line: one that the tests bring along runs through the whole of execution."""

import sys
from pathlib import Path
from typing import Any

import pytest

import shm
from engine.cli import main
from engine.execution.orders import codec
from engine.execution.restore import checkpoint
from engine.lanes import lane_of
from engine.model import algorithms
from engine.model.refusals import refusal_text
from engine.model.words import CommandKind, IntentKind, JournalKind, OrderState, ParentStatus, Reason
from engine.supervisor import segments
from tests.engine.answers import data_of
from tests.engine.conftest import Write
from tests.engine.execution.algorithms.halves import HALVES, NUMBER, Halves
from tests.engine.execution.memory import CHASE, MS, STRATEGY, House

SMALL_SEGMENT = 4096


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one line."""
    monkeypatch.setattr(algorithms, "REGISTRY", [*algorithms.REGISTRY, HALVES])


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A system that may trade."""
    house = House(tmp_path)
    house.ready()
    return house


def halves(house: House, **more: Any) -> int:
    """An intent in two halves; its id."""
    intent_id = house.intent(algorithm=NUMBER, parameters=(500, 0, 0, 0), **more)
    house.run(3)
    return intent_id


def algorithm(house: House, intent_id: int) -> Halves:
    """The object that works an intent."""
    found = house.role.parents._working[intent_id]
    assert isinstance(found, Halves)
    return found


def test_two_children_live_at_once_and_both_are_their_parents(house: House) -> None:
    """Slices, icebergs and ladders need it: an intent has as many living orders as its algorithm asks for."""
    intent_id = halves(house)
    parent = house.role.blotter.parents[intent_id]
    assert [(one.child, one.size, one.price, one.state) for one in parent.children] == [
        (0, 500, 5_999_000, OrderState.OPEN), (1, 500, 5_998_500, OrderState.OPEN),
    ]  # fmt: skip
    assert {row.intent_id for row in house.rings["orders"].rows} == {intent_id}
    assert house.role.blotter.children(intent_id) == parent.children[::-1]
    house.check_truth()


def test_a_parent_is_done_when_its_last_child_has_ended(house: House) -> None:
    """Its filled children alone do not end it, and no child remains."""
    intent_id = halves(house)
    first, second = house.role.blotter.parents[intent_id].children
    house.venue.fill(first.client_id.hex(), 500)
    house.run(3)
    assert house.rings["parents"].rows[-1].status == ParentStatus.WORKING
    house.venue.fill(second.client_id.hex(), 500)
    house.run(3)
    assert house.role.blotter.parents == {}
    assert house.rings["parents"].rows[-1].status == ParentStatus.DONE
    house.check_truth()


@pytest.mark.parametrize("word", ["cancel", "cancel all", "time"])
def test_whatever_ends_an_intent_cancels_all_its_children(house: House, word: str) -> None:
    """One left at the venue is an order that its strategy believes gone."""
    intent_id = halves(house, timeout_ns=100 * MS if word == "time" else 0)
    if word == "cancel":
        house.cancel(intent_id)
    elif word == "cancel all":
        house.command(CommandKind.CANCEL_ALL)
    house.run(120)
    assert not any(one.open for one in house.venue.orders.values())
    assert house.role.blotter.parents == {}
    house.check_truth()


def test_a_killed_execution_continues_with_the_same_state_and_children(house: House) -> None:
    """What an algorithm counts and when it is due are not to be had from the venue."""
    intent_id = halves(house)
    first = house.role.blotter.parents[intent_id].children[0]
    house.venue.fill(first.client_id.hex(), 200)
    house.run(2)
    before = house.role.blotter.parents[intent_id]
    assert (algorithm(house, intent_id).dump(), algorithm(house, intent_id).due_ns > house.now_ns) == ((1,), True)
    house.restart()
    after = house.role.blotter.parents[intent_id]
    assert after is not before
    assert after.row(0, 2) == before.row(0, 2)
    assert [one.row(1) for one in after.children] == [one.row(1) for one in before.children]
    assert algorithm(house, intent_id).dump() == (1,)
    assert algorithm(house, intent_id).due_ns == before.due_ns
    house.ready()
    house.cancel(intent_id)
    house.settle(2)
    house.check_truth()


def test_a_checkpoint_holds_parents_and_children(tmp_path: Path) -> None:
    """A start reads no journal before its checkpoint, so what that lacks is lost."""
    house = House(tmp_path, segment_size=SMALL_SEGMENT)
    house.ready()
    intent_id = halves(house)
    while house.role.journal.closed < 3:
        house.cancel(house.intent(price=5_990_000))
        house.run(5)
    config = house.config
    strategies, fill_order = tuple(config.strategies), house.role.blotter.fill_order.name
    request = checkpoint.Request(str(tmp_path), house.role.journal.closed, config.instruments, strategies, fill_order)
    checkpoint.advance(request)
    found = checkpoint.blank(request)
    assert checkpoint.restore(request, found, sys.maxsize)
    parent = found.blotter.parents[intent_id]
    assert [one.child for one in parent.children] == [0, 1]
    assert parent.row(0, 2) == house.role.blotter.parents[intent_id].row(0, 2)


def test_the_children_of_a_parent_never_exceed_its_size(house: House) -> None:
    """A fault in an algorithm must not trade more than the strategy asked for: execution stops at it."""
    house.intent(algorithm=NUMBER, parameters=(500, 1, 0, 0))
    with pytest.raises(AssertionError, match="would pass its size: 501 of 500"):
        house.run(3)
    assert sum(one.size for one in house.venue.orders.values()) == 500


@pytest.mark.parametrize(
    ("wrong", "reason", "text"),
    [
        ({"algorithm": 99}, Reason.UNKNOWN_ALGORITHM, "found algorithm 99, expected one of: 1 chase, 2 twap,"),
        ({"algorithm": NUMBER, "parameters": (-5, 0, 0, 0)}, Reason.ALGORITHM_PARAMETER, "halves: apart is -5"),
        ({"algorithm": NUMBER, "parameters": (0, 0, 0, 7)}, Reason.ALGORITHM_PARAMETER, "halves: parameter 3 is 7"),
        ({"algorithm": CHASE, "parameters": (0, 0, -1, 0)}, Reason.ALGORITHM_PARAMETER, "chase: hold_imbalance_ppm"),
    ],
)
def test_a_wrong_algorithm_or_parameter_is_refused_by_its_name(
    house: House, wrong: dict[str, Any], reason: Reason, text: str
) -> None:
    """A strategy that asks for a slower algorithm must not get a plain order instead."""
    intent_id = house.intent(**wrong)
    house.run(3)
    verdict = [row for row in house.rings["verdicts"].rows if row.intent_id == intent_id][-1]
    assert verdict.reason == reason
    assert text in refusal_text(verdict.reason, verdict.value, verdict.limit)
    assert not house.venue.orders


def test_a_parent_of_an_algorithm_that_is_gone_is_cancelled(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that went back a version cannot work it, and must not leave its orders alone at the venue."""
    halves(house)
    monkeypatch.setattr(algorithms, "REGISTRY", [one for one in algorithms.REGISTRY if one is not HALVES])
    house.restart()
    house.ready()
    house.settle(2)
    assert not any(one.open for one in house.venue.orders.values())
    assert house.role.blotter.parents == {}


def test_a_child_is_in_the_journal_with_the_state_that_made_it(house: House) -> None:
    """A death between the two would let an algorithm repeat a request that left."""
    intent_id = house.intent(algorithm=CHASE, price=0)
    house.run(120)
    house.book(6_000_300, 6_000_400)
    house.run(3)
    rows = [(row.kind, row.payload[: codec.ORDER.record.size]) for row in house.rings["journal"].rows]
    made = [
        place for place, (kind, payload) in enumerate(rows)
        if kind == JournalKind.ORDER and codec.ORDER.unpack(payload).state == OrderState.CREATED
    ]  # fmt: skip
    assert [[kind for kind, _ in rows[place - 2 : place]] for place in made] == [
        [JournalKind.PARENT, JournalKind.VERDICT]
    ] * 2
    parents = [row for row in house.rings["parents"].rows if row.intent_id == intent_id]
    assert [(row.children, row.algorithm, row.status) for row in parents][-1] == (2, CHASE, ParentStatus.WORKING)


def test_a_replace_of_a_parent_is_refused(house: House) -> None:
    """Its orders are the algorithm's: another price for one of them means nothing to it."""
    intent_id = halves(house)
    replace = house.intent(kind=IntentKind.REPLACE, target_id=intent_id, price=5_999_100)
    house.run(3)
    assert house.verdict(replace) == Reason.MALFORMED
    assert house.role.blotter.parents[intent_id].strategy == STRATEGY


def test_orders_lists_children_under_their_parent(
    house: House, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """An operator sees which algorithm sends an order, and how much of its intent is done, also after a restart."""
    intent_id = halves(house)
    first = house.role.blotter.parents[intent_id].children[0]
    house.venue.fill(first.client_id.hex(), 200)
    house.run(3)
    house.restart()
    house.ready()
    config = write()
    segments.create(config)
    for lane in ("orders", "parents"):
        ring = shm.RingWriter(config.lane(lane, "execution"), lane_of(lane).record)
        ring.publish_bytes(bytes(house.rings[lane].log))
        ring.close()
    assert main(["orders", "--system", config.system.name, "--json"]) == 0
    tree = data_of(capsys.readouterr().out)
    assert (tree["intent_id"], tree["algorithm_name"], tree["status"]) == (intent_id, "halves", "WORKING")
    assert (tree["size"], tree["filled"]) == (1000, 200)
    assert [(one["child"], one["state"]) for one in tree["children"]] == [(0, "PARTLY_FILLED"), (1, "OPEN")]
    assert main(["orders", "--system", config.system.name]) == 0
    text = capsys.readouterr().out
    assert "halves" in text
    assert f"  {first.client_id.hex()}" in text
    assert "2 orders" in text

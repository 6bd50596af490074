"""The router killed at every effect: no size is traded twice, no child is an orphan, the rest is traded on."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from engine.model.intent_id import is_routed
from engine.model.words import CommandKind, OrderState, Reason
from engine.router.journal import HEAD
from tests.engine.router.house import ACCOUNTS, SECOND, WRITE, House, KilledError, write_whole

WHOLE = 10**5
WAYS = ("before", "torn", "after")


def lived_through(house: House, at: int, how: str, random: Random) -> int:
    """Three parents over three venues, with a death of the router at its effect `at`; the traded size."""
    house.mortality.arm(at, how)
    sizes = [random.randrange(20, 4_000) * 10 * 10 for _ in range(3)]
    placed: list[int] = []
    for turn in range(120):
        try:
            if turn % 10 == 0:
                house.books(size=random.uniform(0.5, 3.0))
            if turn in (1, 5, 9):
                placed.append(house.place(sizes[len(placed)]))
            house.step()
        except KilledError:
            house.step_desks()
            house.revive()
        check(house)
    assert house.traded() == sum(sizes), "the end state is that of the uninterrupted run"
    assert [house.order_of(one).state for one in placed] == [OrderState.FILLED] * 3
    assert not house.router.parents.children
    return house.traded()


def check(house: House) -> None:
    """What holds at any moment: every order at a venue is a child of a parent, which it never lets exceed its size."""
    for parent in house.router.parents.living.values():
        assert parent.free >= 0
        assert parent.seen <= parent.size
    for desk in house.desks.values():
        assert all(map(is_routed, desk.placed))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A router with books."""
    house = House(tmp_path)
    house.books()
    house.step()
    yield house
    house.bury()


@pytest.fixture
def mortal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A house whose journal's writes are effects too."""
    monkeypatch.setattr(WRITE, write_whole)
    house = House(tmp_path)
    yield house
    house.bury()


@pytest.mark.parametrize("how", WAYS)
def test_a_death_at_each_effect_of_a_run_leaves_the_same_end(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL knows no good moment: each write of the journal and each publish is one."""
    monkeypatch.setattr(WRITE, write_whole)
    at, count = 0, 1
    while count >= at:
        at += 1
        house = House(tmp_path / str(at))
        house.step()
        lived_through(house, at, how, Random(5))
        house.bury()
        count = house.mortality.count
    assert at > 20, "the run has effects"


def random_histories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seeds: range) -> int:
    """Parents, deaths of the router and of executions, refusals, cancels and commands at random; the deaths."""
    monkeypatch.setattr(WRITE, write_whole)
    deaths = 0
    for seed in seeds:
        random = Random(seed)
        house = House(tmp_path / str(seed), seed)
        deaths += wild(house, random, seed)
        house.bury()
    return deaths


def wild(house: House, random: Random, seed: int) -> int:
    """One random history; the deaths of the router."""
    placed: dict[int, int] = {}
    house.step()
    for desk in house.desks.values():
        desk.fill_least = random.choice((0.0, 0.5, 1.0))
    deaths = 0
    for turn in range(300):
        try:
            event(house, random, placed, turn)
            house.step()
        except KilledError:
            deaths += 1
            house.step_desks()
            house.revive()
        check(house)
    for desk in house.desks.values():
        desk.dead, desk.refusing = False, None
    house.mortality.arm(0, "")
    house.now += 61 * SECOND
    house.step(5)
    assert not house.router.parents.living, seed
    for intent, size in placed.items():
        verdict = house.verdict_of(intent)
        if verdict.reason not in (Reason.APPROVED, Reason.DUPLICATE_INTENT):  # read again after its parent had ended
            assert verdict.reason == Reason.HALTED, (seed, verdict)
            continue
        order = house.order_of(intent)
        assert order.filled <= size, seed
    begun = [one for one in placed if house.verdict_of(one).reason != Reason.HALTED]
    assert sum(house.order_of(one).filled for one in begun) == house.traded(), seed
    return deaths


def event(house: House, random: Random, placed: dict[int, int], turn: int) -> None:
    """One event of the world."""
    if turn % 7 == 0:
        house.books(size=random.uniform(0.1, 2.0))
    chance = random.random()
    desk = house.desks[random.choice(ACCOUNTS)]
    if chance < 0.05:
        size = random.randrange(20, 3_000) * 10
        placed[house.place(size)] = size
    elif chance < 0.10:
        house.mortality.arm(random.randrange(1, 9), random.choice(WAYS))
    elif chance < 0.13:
        desk.dead = not desk.dead
    elif chance < 0.15:
        desk.refusing = random.choice((None, Reason.ORDER_RATE, Reason.POSITION_TOO_LARGE))
    elif chance < 0.16 and placed:
        house.cancel(random.choice(list(placed)))
    elif chance < 0.165:
        house.command(CommandKind.CANCEL_ALL)


def test_random_histories_trade_what_the_parents_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a strategy sees filled is what the venues filled, after any deaths: not a lot more, not a lot less."""
    assert random_histories(tmp_path, monkeypatch, range(6)) > 10


@pytest.mark.soak
def test_a_thousand_deaths_at_random_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rare order of events is found by number alone."""
    assert random_histories(tmp_path, monkeypatch, range(100, 260)) > 1_000


def test_a_child_on_its_lane_is_not_submitted_again(mortal: House) -> None:
    """Execution would recognise it, but the repeat would cost the account's rate a refusal."""
    mortal.step()
    mortal.books()
    for desk in mortal.desks.values():
        desk.dead = True
    mortal.place(WHOLE)
    mortal.step(3)
    mortal.revive()
    mortal.step(3)
    for desk in mortal.desks.values():
        desk.dead = False
    mortal.step(3)
    assert mortal.traded() == WHOLE
    assert [desk.repeats for desk in mortal.desks.values()] == [0, 0, 0]


def test_a_cancel_that_was_given_while_the_router_was_dead_comes_before_its_children(mortal: House) -> None:
    """The next life must not submit for the first time what an operator has cancelled meanwhile."""
    mortal.step()
    mortal.books()
    intent = mortal.place(2 * WHOLE)
    mortal.mortality.arm(5, "before")  # verdict, parent and its order are there, and the record of the child
    with pytest.raises(KilledError):
        mortal.step()
    mortal.command(CommandKind.CANCEL_ALL)
    mortal.revive()
    assert len(mortal.router.parents.children) == 1, "recorded, not submitted"
    mortal.step(3)
    assert (mortal.traded(), mortal.router.parents.living) == (0, {})
    assert (mortal.order_of(intent).state, mortal.order_of(intent).filled) == (OrderState.CANCELLED, 0)


def test_lost_records_of_a_child_count_as_filled(mortal: House) -> None:
    """A router that cannot know whether a child was filled must not buy its size again."""
    mortal.step()
    mortal.books()
    for desk in mortal.desks.values():
        desk.dead = True
    intent = mortal.place(WHOLE)
    mortal.step(3)
    north = mortal.desks["north"]
    north.dead = False
    north.step(mortal.now)
    for name in ("orders.north", "verdicts.north"):
        ring = mortal.system.rings[name]
        other = bytes(ring.codec.record.size)
        for _ in range(1 << 14):
            ring.publish_bytes(other)
    mortal.revive()
    mortal.step(5)
    order = mortal.order_of(intent)
    assert (order.state, order.filled, mortal.traded()) == (OrderState.FILLED, WHOLE, WHOLE)


def test_a_loss_of_power_that_took_the_record_of_a_child_buys_nothing_twice(house: House) -> None:
    """With `sync = "batch"` the disk may have the parent and not its child, whose order the venue has filled."""
    begun = house.path.stat().st_size
    intent = house.place(WHOLE // 2)
    house.step()
    kept = begun + record_size(house.path, begun)
    house.step(3)
    assert house.traded() == WHOLE // 2
    house.lose_power(kept)
    house.step(2)
    house.books()
    house.step(5)
    assert house.traded() == WHOLE // 2
    assert house.order_of(intent).state == OrderState.CANCELLED
    assert not house.router.parents.living


def test_a_start_of_the_whole_system_ends_a_parent_and_the_child_that_no_execution_read(house: House) -> None:
    """What is traded after a start is what a strategy of that start asked for."""
    for desk in house.desks.values():
        desk.dead = True
    intent = house.place(WHOLE // 2)
    house.step(2)
    house.lose_power(house.path.stat().st_size)
    for desk in house.desks.values():
        desk.dead = False
    house.step(3)
    assert (house.order_of(intent).state, house.order_of(intent).filled) == (OrderState.CANCELLED, 0)
    assert (house.traded(), house.router.parents.living, house.router.parents.children) == (0, {}, {})
    house.books()
    again = house.place(WHOLE // 2)
    house.step(3)
    assert house.order_of(again).state == OrderState.FILLED


def record_size(path: Path, at: int) -> int:
    """The size of the journal's record at this place."""
    size, _ = HEAD.unpack_from(path.read_bytes(), at)
    return HEAD.size + int(size)

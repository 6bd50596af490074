"""Stops, pairs and brackets, killed after any record of the journal: the same end, nothing doubled, nothing left."""

import random
from pathlib import Path

import pytest

from engine.model.words import BUY, SELL, IntentFlag, ParentStatus, Reason
from tests.engine.execution.algorithms.market import ASK, BID, DeathError, MarketHouse, die_after, meet, move, native
from tests.engine.execution.memory import ETH, MS

SHARE, WHOLE = 3, 150
soak = (pytest.mark.soak, pytest.mark.timeout(3600))
COUNTS = [SHARE, pytest.param(WHOLE, marks=soak)]
SIZE, LEAST = 1_000, 9
PATH = (0, 40, 90, 60, -20, -90, -160, -240, -120, 0, 130, 260, 180, 0)  # how far the market is from its start
LEGS_MOST = 2_000
NAMES = (
    "stop", "stop_limit", "trailing_stop", "take_profit", "oco", "bracket", "native stop", "native stop_limit",
    "native trailing_stop", "native take_profit", "native oco", "native bracket",
)  # fmt: skip
INSTRUMENTS = (native(), ETH)
SIDES = (BUY, SELL)


def ask(house: MarketHouse, name: str, side: int, size: int = SIZE, **more: int) -> int:
    """An intent whose prices are within the path; its id."""
    near = ASK if side == BUY else BID
    kind, name = name.split(maxsplit=1)[0], name.rsplit(maxsplit=1)[-1]
    more |= {"trigger": 2} if kind == "native" else {}
    prices = {
        "stop": (0, {"stop_price": near + 100 * side}), "stop_limit": (near, {"stop_price": near + 100 * side}),
        "trailing_stop": (0, {"distance_bps": 1} if kind == "native" else {"distance_steps": 100}),
        "take_profit": (0, {"target_price": near - 100 * side}),
        "oco": (near - 100 * side, {"stop_price": near + 150 * side}),
        "bracket": (near - 10 * side, {"target_price": near + 120 * side, "stop_price": near - 150 * side}),
    }  # fmt: skip
    price, terms = prices[name]
    return house.parent(name, size, price, side, **terms, **more)


def legs(house: MarketHouse, intent_id: int, draw: random.Random | None, stretch: int = 1) -> None:
    """Run through deaths until the parent is done; the market follows the path, or is drawn."""
    for number in range(LEGS_MOST):
        moved = PATH[number // 20 % len(PATH)] * stretch
        if draw is not None:
            move(house, draw)
        elif house.venue.bid != BID + moved:
            house.venue.sweep(BID + moved, ASK + moved)
            meet(house, 90)
        house.trade(50)
        try:
            house.turn(1, 5 * MS)
        except DeathError:
            del house.rings["journal"].publish_bytes
            house.restart()
            house.ready()
        if house.status(intent_id) == ParentStatus.DONE or refused(house, intent_id):
            return
    raise AssertionError(f"intent {intent_id:#x} has not ended: {house.role.blotter.parents}")


def refused(house: MarketHouse, intent_id: int) -> bool:
    """Whether risk refused the intent itself."""
    return house.status(intent_id) is None and house.verdict(intent_id) != Reason.APPROVED


def traded(house: MarketHouse, intent_id: int, side: int) -> tuple[int, int]:
    """What an intent filled on its side and on the other one."""
    mine = "BUY" if side == BUY else "SELL"
    done = [(one.side == mine, one.executed) for one in house.children(intent_id)]
    return sum(size for own, size in done if own), sum(size for own, size in done if not own)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", NAMES)
def test_a_death_after_any_record_changes_nothing_of_the_end(tmp_path: Path, name: str, side: int, count: int) -> None:
    """The journal is cut at every record in turn (here: a share of them), and the next life continues."""
    whole = MarketHouse(tmp_path / "whole", instruments=INSTRUMENTS)
    stretch = 3 if name == "native trailing_stop" else 1  # its distance is a hundredth of a percent at least
    before = whole.rings["journal"].cursor
    intent_id = ask(whole, name, side)
    whole.turn(2)
    legs(whole, intent_id, None, stretch)
    expected, records = traded(whole, intent_id, side), whole.rings["journal"].cursor - before
    whole.check_ended(intent_id)
    assert expected == (SIZE, SIZE if name.endswith("bracket") else 0)
    for at in range(1, records, max(1, records // count)):
        house = MarketHouse(tmp_path / str(at), instruments=INSTRUMENTS)
        die_after(house, at)
        assert ask(house, name, side) == intent_id
        try:
            house.turn(2)
        except DeathError:
            del house.rings["journal"].publish_bytes
            house.restart()
            house.ready()
        legs(house, intent_id, None, stretch)
        assert traded(house, intent_id, side) == expected, f"record {at}"
        house.check_ended(intent_id)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", NAMES)
def test_drawn_sizes_markets_and_deaths_end_in_the_truth(tmp_path: Path, name: str, count: int) -> None:
    """Whatever the market does and whenever execution dies: never more than the size, exits of exactly the entry."""
    for seed in range(count):
        print(f"seed {seed}")  # noqa: T201 - to repeat it
        draw = random.Random(f"{name} {seed}")
        house = MarketHouse(tmp_path / str(seed), instruments=INSTRUMENTS)
        side, size = draw.choice(SIDES), draw.randrange(20, 3 * SIZE)
        flags = IntentFlag.REDUCE_ONLY if draw.random() < 0.3 and not name.endswith("bracket") else 0
        if draw.random() < 0.5 and not name.endswith("bracket"):  # its exits are cut to the position: it begins flat
            house.parent("protected", draw.randrange(20, 3 * SIZE), 0, -side)
            house.turn(5)
        held = house.role.ledger.account[1].size
        intent_id = ask(house, name, side, size, timeout_ns=3_000 * MS, flags=flags)
        house.turn(2)
        die_after(house, draw.randrange(60))
        legs(house, intent_id, draw)
        if refused(house, intent_id):
            continue
        entered, left = traded(house, intent_id, side)
        if flags:
            assert entered <= max(0, -held * side), f"seed {seed}"
        assert (entered - left < LEAST) if name.endswith("bracket") else not left, f"seed {seed}: {entered} and {left}"
        house.check_ended(intent_id)


@pytest.mark.parametrize("commits", range(7))
def test_a_death_before_the_entry_s_fill_is_known_loses_no_exit(tmp_path: Path, commits: int) -> None:
    """The journal has the entry as ended and without a fill: the venue's figure is not in it, and comes first."""
    house = MarketHouse(tmp_path)
    intent_id = house.parent("bracket", SIZE, BID, target_price=BID + 200, stop_price=BID - 200)
    house.turn(5)
    house.venue.event_latency_ns = 50 * MS
    house.venue.fill(house.venue.resting[0].client_id, 300)
    house.venue.bid, house.venue.ask = BID - 200, ASK - 200
    die_after(house, commits)
    with pytest.raises(DeathError):
        house.turn(100)
    del house.rings["journal"].publish_bytes
    house.restart()
    house.ready()
    house.turn(1_000)
    assert traded(house, intent_id, BUY) == (300, 300)
    house.check_ended(intent_id)

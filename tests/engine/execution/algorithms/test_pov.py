"""POV: its share of the market's volume, counted once, also through a death."""

import random
from pathlib import Path

import pytest

from engine.model.fixed import INT64_MAX
from engine.model.words import ParentStatus, TickKind
from tests.engine.execution.algorithms.market import MarketHouse
from tests.engine.execution.memory import MS

MINUTE_STEPS = 300


@pytest.fixture
def house(tmp_path: Path) -> MarketHouse:
    """A system that may trade."""
    return MarketHouse(tmp_path)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 20))])
def test_the_share_of_every_minute_is_within_one_point_of_the_target(house: MarketHouse, seed: int) -> None:
    """Our own fills count as volume: a share of the others' volume alone would be a smaller one."""
    draw = random.Random(seed)
    intent_id = house.parent("pov", 10**7, participation_pct=20)
    minutes = []
    for _ in range(2 if seed else 1):
        ours, volume = house.filled(intent_id), 0
        for _ in range(MINUTE_STEPS):
            if draw.random() < 0.5:
                volume += (size := draw.randrange(1, 2_000))
                house.trade(size)
            house.turn(1, 200 * MS)
        ours = house.filled(intent_id) - ours
        minutes.append(100 * ours / (ours + volume))
    assert all(abs(share - 20) <= 1 for share in minutes), minutes


def test_only_prints_of_the_instrument_count(house: MarketHouse) -> None:
    """Changes of levels and other instruments are no volume."""
    intent_id = house.parent("pov", 10_000, participation_pct=20)
    house.turn(10)
    house.trade(50_000, instrument=2)
    house.trade(50_000, kind=TickKind.LEVEL)
    house.turn(300)
    assert house.filled(intent_id) == 9  # the smallest order at the start


def test_prints_during_a_death_are_counted_once(house: MarketHouse) -> None:
    """The deficit of a dead time is made up, and nothing that was counted before is counted again."""
    intent_id = house.parent("pov", 10_000, participation_pct=20)
    house.turn(10)
    house.trade(1_000)
    house.turn(300)
    before = house.filled(intent_id)
    house.trade(2_000)
    house.restart()
    house.ready()
    house.turn(300)
    assert 240 <= before <= 250, before  # less than the smallest order behind
    assert 750 - 9 < house.filled(intent_id) <= 750, house.filled(intent_id)


def test_volume_beyond_the_limit_is_not_made_up_for(house: MarketHouse) -> None:
    """A burst when the price returns would be many times the share."""
    intent_id = house.parent("pov", 10_000, 6_000_100, participation_pct=20)
    house.turn(10)
    house.venue.bid, house.venue.ask = 6_000_500, 6_000_600
    house.turn(5)
    house.trade(20_000)
    house.turn(200)
    house.venue.bid, house.venue.ask = 6_000_000, 6_000_100
    house.turn(200)
    assert house.filled(intent_id) == 9
    house.cancel(intent_id)
    house.check_ended(intent_id)


def test_a_pov_ends_at_its_time(house: MarketHouse) -> None:
    """Also in a market that trades nothing."""
    intent_id = house.parent("pov", 10_000, participation_pct=20, duration_ms=500)
    house.turn(510)
    house.check_ended(intent_id)


def test_a_volume_beyond_64_bits_is_counted_as_the_most_that_fits(house: MarketHouse) -> None:
    """The state must fit its record: execution would die on it, and again on the same prints in each further life."""
    intent_id = house.parent("pov", 10_000, 5_900_000, participation_pct=1)
    house.turn(10)
    house.venue.bid, house.venue.ask = 5_899_900, 5_900_000
    house.venue.trading = False
    house.turn(5)
    for _ in range(3):
        house.trade(INT64_MAX)
    house.turn(300)
    house.restart()
    house.ready()
    assert house.status(intent_id) == ParentStatus.WORKING

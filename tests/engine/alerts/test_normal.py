"""A planted anomaly is found once and within its limit; quiet days stay quiet; what is no number changes nothing."""

import math
import os
import random
from collections.abc import Iterator

import pytest

from engine.alerts.normal import ENTER_AFTER, LEAVE_AFTER, MEMORY, Normal

ENTER, FLOOR, WARM = 6.0, 0.25, 300
DAY = 86_400
SOAK_DAYS = 20


def quiet_day(seed: int) -> Iterator[float]:
    """The logarithm of a made spread: three times wider at night, a slow walk, noise, and a spike once an hour."""
    draw = random.Random(seed)
    level = noise = 0.0
    for second in range(DAY):
        level = 0.9999 * level + draw.gauss(0, 0.003)
        noise = 0.8 * noise + draw.gauss(0, 0.12)
        spike = draw.uniform(1, 3) if draw.random() < 1 / 3600 else 0.0
        yield 0.55 * math.sin(2 * math.pi * second / DAY) + level + noise + spike


def alarms(series: Iterator[float]) -> list[int]:
    """Where an alarm begins."""
    normal, found, was = Normal(ENTER, FLOOR, WARM), [], False
    for place, value in enumerate(series):
        now = normal.add(value)
        if now and not was:
            found.append(place)
        was = now
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_a_quiet_day_has_no_alarm(seed: int) -> None:
    """An alarm a day is an alarm that is not read."""
    assert alarms(quiet_day(seed)) == []


@pytest.mark.soak
def test_many_quiet_days_have_no_alarm() -> None:
    """The same over other days."""
    first = int(os.environ.get("STEELYARD_SEED", "100"))
    found = {seed: alarms(quiet_day(seed)) for seed in range(first, first + SOAK_DAYS)}
    assert not any(found.values()), found


@pytest.mark.parametrize("seed", range(20))
def test_a_planted_anomaly_is_found_once_within_three_values(seed: int) -> None:
    """Eight times the usual for twenty seconds, at a random second of the day."""
    draw = random.Random(seed)
    at = draw.randrange(WARM + 10, 5_000)
    series = list(quiet_day(seed))[: at + 600]
    planted = [value + (math.log(20) if at <= place < at + 20 else 0.0) for place, value in enumerate(series)]
    (begun,) = alarms(iter(planted))
    assert at + ENTER_AFTER - 1 <= begun <= at + ENTER_AFTER + 3, (seed, at, begun)


def test_a_new_level_becomes_normal_and_its_alarm_ends() -> None:
    """A market that stays wide is no anomaly after some minutes; the alarm would hide the next one."""
    normal = Normal(ENTER, FLOOR, WARM)
    for _ in range(1_000):
        normal.add(0.0)
    states = [normal.add(3.0) for _ in range(5 * MEMORY)]
    assert states[ENTER_AFTER - 1]
    assert not states[ENTER_AFTER - 2]
    assert not states[-1]
    assert abs(normal.mean - 3.0) < 1.5


@pytest.mark.parametrize("value", [0.0, -3.5, 1e9])
def test_a_constant_series_is_normal_and_so_is_a_small_move(value: float) -> None:
    """Without the floor the first move of a quiet series would be infinitely unusual."""
    normal = Normal(ENTER, FLOOR, WARM)
    assert not any(normal.add(value) for _ in range(2_000))
    assert not any(normal.add(value + 0.99 * ENTER * FLOOR) for _ in range(10))
    assert any(normal.add(value + 2 * ENTER * FLOOR) for _ in range(ENTER_AFTER))


def test_nothing_is_judged_before_it_is_learned() -> None:
    """A role that restarts into a wide market must not call it unusual, and must not call it usual either."""
    normal = Normal(ENTER, FLOOR, WARM)
    assert not any(normal.add(0.0 if place % 2 else 50.0) for place in range(WARM))
    assert normal.score == 0.0


def test_what_is_no_number_changes_nothing() -> None:
    """A book without a price gives nan: neither an alarm nor the end of one."""
    normal = Normal(ENTER, FLOOR, WARM)
    for _ in range(1_000):
        normal.add(0.0)
    before = normal.mean, normal.deviation
    assert not any(normal.add(bad) for bad in (math.nan, math.inf, -math.inf) * 5)
    assert (normal.mean, normal.deviation) == before
    for _ in range(ENTER_AFTER):
        normal.add(9.0)
    assert all(normal.add(math.nan) for _ in range(2 * LEAVE_AFTER))


def test_the_score_is_the_formula() -> None:
    """Written again from the document, over random values."""
    draw = random.Random(5)
    normal, mean, deviation = Normal(ENTER, FLOOR, WARM), 0.0, 0.0
    for count in range(3_000):
        value = draw.gauss(2.0, 1.0) * (10 if draw.random() < 0.01 else 1)
        scale = max(math.sqrt(math.pi / 2) * deviation, FLOOR)
        expected = (value - mean) / scale if count >= WARM else 0.0
        normal.add(value)
        assert math.isclose(normal.score, expected, rel_tol=1e-12, abs_tol=1e-12)
        cut = value if count < WARM else mean + max(-3.0, min(3.0, (value - mean) / scale)) * scale
        away, share = abs(cut - mean), 1 / min(count + 1, MEMORY)
        deviation += share * (away - deviation) if count else 0.0
        mean += share * (cut - mean)

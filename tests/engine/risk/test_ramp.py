"""The rise of the ramp against its text in docs/risk.md, written a second time over whole histories."""

import random
from decimal import Decimal
from typing import NamedTuple

import pytest

from engine.risk.ramp import DAY_NS, Climb, Rise

NOW_NS = 19_000 * DAY_NS
HOUR_NS = DAY_NS // 24


class Moment(NamedTuple):
    """What is true at one valuation."""

    now_ns: int
    fills: int
    tripped: bool


def history(draw: random.Random) -> list[Moment]:
    """Some days with fills and trips."""
    now_ns, fills, tripped, moments = NOW_NS, draw.randrange(100), draw.random() < 0.1, []
    for _ in range(draw.randrange(1, 80)):
        now_ns += draw.choice((HOUR_NS, 5 * HOUR_NS, 24 * HOUR_NS))
        fills += draw.choice((0, 0, 1, 7))
        tripped = draw.random() < (0.5 if tripped else 0.04)
        moments.append(Moment(now_ns, fills, tripped))
    return moments


def reached(rise: Rise, moments: list[Moment]) -> Decimal:
    """The share after these moments: each step is found in the stretches without a trip."""
    steps, stretch = 0, []
    for one in moments:
        if one.tripped:
            stretch = []
            continue
        stretch.append(one)
        days = (one.now_ns - stretch[0].now_ns) / DAY_NS
        fills = one.fills - stretch[0].fills
        if (days >= rise.days if rise.days else fills >= rise.fills) and steps < len(rise.to):
            steps, stretch = steps + 1, [one]
    return rise.to[steps - 1] if steps else Decimal(0)


@pytest.mark.parametrize("trials", [300, pytest.param(100_000, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
def test_the_rise_is_its_text_and_never_falls(trials: int) -> None:
    """A share that rises too early is more risk than its owner chose."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - to repeat it
    draw, shares = random.Random(seed), set()
    for _ in range(trials):
        to = tuple(map(Decimal, draw.choice((("0.5",), ("0.2", "0.5", "1")))))
        rise = draw.choice((Rise(to, days=draw.randrange(1, 6)), Rise(to, fills=draw.randrange(1, 40))))
        moments, climb = history(draw), Climb()
        for count, one in enumerate(moments, 1):
            before, climb = climb, climb.next(rise, one.now_ns, one.fills, tripped=one.tripped)
            assert climb.share(rise) == reached(rise, moments[:count]), (seed, rise, moments[:count])
            assert climb.share(rise) >= before.share(rise)
        shares.add(climb.share(rise))
    assert len(shares) == 4


@pytest.mark.parametrize("wrong", [
    {"to": ()}, {"to": ("0.5", "0.5"), "days": 1}, {"to": ("0.5",)}, {"to": ("0.5",), "days": 1, "fills": 1},
    {"to": ("1.1",), "days": 1}, {"to": ("0",), "days": 1}, {"to": ("nan",), "days": 1}, {"to": ("0.5",), "days": -1},
])  # fmt: skip
def test_a_rise_that_bounds_nothing_is_refused(wrong: dict[str, object]) -> None:
    """At the start, not at the loss."""
    values = {**wrong, "to": tuple(map(Decimal, wrong["to"]))}  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="ramp_rise"):
        Rise(**values)

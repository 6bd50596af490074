"""The ramp that rises by itself, in the real Execution: by fills and by days, over a death, after a breach."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.model.words import SELL, CommandKind, Reason
from engine.risk.limits import RiskLimits
from engine.risk.table import read_risk
from tests.engine.execution.memory import SECOND, House
from tests.engine.execution.test_breakers import books, buy, made, verdict

BY_FILLS: dict[str, Any] = {"to": ["0.2", "1"], "fills": 2}
SMALL, LARGER, FULL = 1_000, 2_000, 10_000  # sizes at a tenth and a fifth of the largest order, and its own


def risen(directory: Path, **more: Any) -> House:
    """A system at a tenth of its sizes."""
    return made(directory, ramp="0.1", max_order_size_usd="6000", **{"ramp_rise": BY_FILLS, **more})


def passes(house: House, size: int) -> bool:
    """Whether risk lets an order of this size leave."""
    return verdict(house, size=size, price=5_990_000) == Reason.APPROVED


def test_the_ramp_rises_with_fills_and_stays_over_a_death(tmp_path: Path) -> None:
    """A restart must not send a strategy back to its first sizes, nor forward."""
    house = risen(tmp_path)
    books(house)
    assert (passes(house, SMALL), passes(house, LARGER)) == (True, False)
    for count in (1, 2):
        buy(house, 10)
        assert passes(house, LARGER) is (count == 2)
        house.restart()
        house.ready()
    assert (passes(house, LARGER), passes(house, FULL)) == (True, False)
    buy(house, 10)
    buy(house, 10)
    assert passes(house, FULL)


def test_other_steps_begin_at_the_first_one(tmp_path: Path) -> None:
    """A step that was reached on other conditions is no reason to trade larger now; the journal keeps the new climb."""
    house = risen(tmp_path)
    books(house)
    buy(house, 10)
    buy(house, 10)
    assert passes(house, LARGER)
    edited = {**BY_FILLS, "to": ["0.5", "1"]}
    for _ in range(2):
        limits, _ = read_risk({**house.config.risk, "ramp_rise": edited})
        house.config = msgspec.structs.replace(
            house.config, limits=msgspec.structs.replace(house.config.limits, ramp_rise=limits.ramp_rise)
        )
        house.restart()
        house.ready()
        books(house)
        assert not passes(house, LARGER)
        buy(house, 10)
    assert passes(house, LARGER), "two fills after the change"


def test_a_day_passes_without_an_order(tmp_path: Path) -> None:
    """A step by days counts the time, not the steps of the process."""
    house = risen(tmp_path, ramp_rise={"to": ["0.2"], "days": 1})
    books(house)
    house.now_ns += 86_399 * SECOND
    house.ready()
    assert not passes(house, LARGER)
    house.now_ns += SECOND
    house.ready()
    books(house)
    assert passes(house, LARGER)


def test_a_tripped_breaker_stops_the_count(tmp_path: Path) -> None:
    """A strategy that loses has shown that it is too large, not that it is too small."""
    house = risen(tmp_path, max_loss_streak=1)
    books(house)
    for bid in (6_000_000, 5_900_000):  # two round trips that lose, and so four fills
        house.book(bid=bid, ask=bid + 100)
        order = house.place(size=80, price=bid)
        house.venue.fill(order.client_id.hex(), 80)
        house.run(3)
        order = house.place(side=SELL, size=80, price=bid - 10_000)
        house.venue.fill(order.client_id.hex(), 80)
        house.run(3)
        if bid == 6_000_000:
            books(house)
    books(house)
    assert verdict(house) == Reason.LOSS_STREAK
    share = house.role.gate.limits.ramp
    house.restart()
    house.ready()
    house.command(CommandKind.RESUME, strategy=3)
    books(house)
    buy(house, 10)
    books(house)
    assert house.role.gate.limits.ramp == share
    buy(house, 10)
    books(house)
    assert house.role.gate.limits.ramp > share


def test_an_operator_sets_the_share_in_force(tmp_path: Path) -> None:
    """The way down must be open in every state."""
    house = risen(tmp_path)
    books(house)
    buy(house, 10)
    buy(house, 10)
    assert passes(house, LARGER)
    house.set_values(1, ramp="0.05")
    assert not passes(house, SMALL)
    house.restart()
    house.ready()
    assert not passes(house, SMALL)
    house.set_values(2)
    assert passes(house, LARGER)


def test_a_rise_that_begins_below_the_ramp_is_refused() -> None:
    """Its owner believes that the sizes are small."""
    limits, _ = read_risk({"ramp_rise": BY_FILLS})
    with pytest.raises(ValueError, match=r"ramp_rise.to must begin above ramp, which is 1, was 0.2"):
        limits.check_rise()
    RiskLimits().check_rise()

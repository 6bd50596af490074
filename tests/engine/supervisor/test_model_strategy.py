"""BTC Momentum in a whole system: regime, probability, entry and exit on the embedded venue."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.floor import Floor, until
from tests.engine.strategy.momentum_model import put_model

pytest.importorskip("xgboost", reason="needs the extra learning")
MORE = """
[[strategies]]
name = "momentum"
id = 3
class = "engine.strategy.samples:ModelMomentum"
instruments = [1]
parameters = {{ file = "{file}", capital = "10000", bars = "1s" }}
[[processes]]
name = "momentum"
roles = ["momentum"]
"""


def of_strategy(house: Floor, what: str) -> list[Any]:
    """The venue's own lines of the orders that the model placed: a tenth of the capital is as no other order's size."""
    return [one for one in house.truth() if one["what"] == what and abs(notional(one) - 1_000) < 50]


def notional(one: dict[str, Any]) -> float:
    """Size times price of an order."""
    return float(one.get("size") or 0) * float(one.get("price") or 0)


@pytest.mark.timeout(300)
def test_the_model_buys_and_sells_at_the_venue_and_goes_on_after_sigkill(
    floor: Callable[..., Floor], tmp_path: Path
) -> None:
    """By the venue's truth log: the sizes of the file, both sides, also from the life after a death."""
    # the volume of a bar over its mean: low in one bar and high in the next, on any market
    house = floor(MORE.format(file=put_model(tmp_path / "momentum", low=(2, 1.0))))
    house.up()
    assert until(lambda: {one["side"] for one in of_strategy(house, "accepted")} == {1, -1}, 120)
    pid, count = house.pid("momentum"), len(of_strategy(house, "accepted"))
    os.kill(pid, signal.SIGKILL)
    until(lambda: house.pid("momentum") not in (0, pid))
    assert until(lambda: len(of_strategy(house, "accepted")) > count, 120)
    assert "its saved state is loaded" in house.log("momentum")
    assert house.type("down", "--timeout", "60") == 0

"""A breaker that a test adds: one class and one key, and nothing of the product is touched."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

from engine.cli import main as engine_ctl
from engine.model.text import shown
from engine.model.words import SELL, BreakerPolicy, CommandKind, Reason
from engine.risk.breakers import BREAKERS, Seen, breaker
from engine.risk.gate import Refusal
from tests.engine.execution.memory import STRATEGY
from tests.engine.execution.test_breakers import books, buy, made, verdict

DEMO = Path(__file__).resolve().parents[3] / "configs" / "demo.toml"
KEY = "max_held_units"


class Most(msgspec.Struct, frozen=True):
    """The largest position so far; None: it counts from the next valuation on."""

    size: int | None = 0


class HeldUnits:
    """A breaker as a user would write it: it trips once a strategy has held more units than this."""

    per_strategy = True
    fast = False
    first: ClassVar[Most] = Most()
    anew: ClassVar[Most] = Most(None)

    def __init__(self, most: int) -> None:
        """Keep the key's value."""
        self._most = most

    def judge(self, state: Most, seen: Seen) -> tuple[Most, Refusal | None]:
        """Compare the largest position with the key's value."""
        size = max([state.size or 0, *(abs(one.size) for _, one in seen.positions)])
        return Most(size), Refusal(Reason.POSITION_TOO_LARGE, size, self._most) if size > self._most else None


@pytest.fixture(autouse=True)
def _added() -> Iterator[None]:
    """The breaker under a key of its own, for one test."""
    breaker(KEY, int, BreakerPolicy.REDUCE)(HeldUnits)
    yield
    del BREAKERS[KEY]


def test_it_trips_holds_over_a_restart_and_is_resumed(tmp_path: Path) -> None:
    """Journal, policy, status and resume are the product's: an author of a breaker writes none of them."""
    house = made(tmp_path, max_order_size_usd="900", **{KEY: 999})
    buy(house, 500)
    assert verdict(house, size=100) == Reason.APPROVED
    buy(house, 500)
    entry = house.place(size=100, price=5_990_000)
    books(house)
    assert not entry.live, "reduce cancels what is no exit"
    assert shown(house.cells["scope_halts"].read(0).text).startswith(f"{KEY} (reduce): POSITION_TOO_LARGE")
    house.restart()
    house.ready()
    assert verdict(house, size=100) == Reason.POSITION_TOO_LARGE
    order = house.place(side=SELL, size=500, price=6_000_000)
    house.venue.fill(order.client_id.hex(), 500)
    assert verdict(house, size=100) == Reason.POSITION_TOO_LARGE, "until an operator resumes"
    house.command(CommandKind.RESUME, strategy=STRATEGY)
    assert verdict(house, size=100) == Reason.APPROVED


@pytest.mark.parametrize(("line", "code"), [(f"{KEY} = 5", 0), (f"{KEY} = 'many'", 2), ("max_held_unit = 5", 2)])
def test_the_check_of_up_knows_its_key(tmp_path: Path, capfd: pytest.CaptureFixture[str], line: str, code: int) -> None:
    """A misspelt breaker would be one that is not there."""
    file = tmp_path / "system.toml"
    file.write_text(DEMO.read_text().replace("[risk]\n", f"[risk]\n{line}\n"))
    assert engine_ctl(["check", str(file)]) == code
    assert code == 0 or KEY in capfd.readouterr().err

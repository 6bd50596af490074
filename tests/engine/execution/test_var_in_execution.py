"""The value at risk in the real Execution: its history from a file, over deaths and changes of the file."""

import os
from pathlib import Path
from typing import Any

import pytest

from engine.model.words import SELL, Reason
from engine.risk.history.followed import LOOK_NS
from engine.risk.history.returns import DAY_NS
from tests.engine.execution.memory import MS, START_NS, House
from tests.engine.execution.test_caps_in_execution import made, verdict

TODAY, DAY_MS = START_NS // DAY_NS, DAY_NS // MS


def history(directory: Path, days: int = 21) -> str:
    """A file in which the price falls by a tenth on every second day, up to yesterday."""
    lines = [f"{(TODAY - days + day) * DAY_MS},BTCUSDT,{100 - 10 * (day % 2)}\n" for day in range(days)]
    made_file = directory / "next.csv"
    made_file.write_text("time_ms,symbol,close\n" + "".join(lines))
    os.replace(made_file, directory / "history.csv")
    return str(directory / "history.csv")


def house_of(directory: Path, limit: str, days: int = 21, **more: Any) -> House:
    """A system with the limit."""
    path = history(directory, days)
    return made(directory / "journal", var_limit_1d_95=limit, var_history=path, var_window_days=20, **more)


def test_the_limit_holds_over_a_death_of_execution(tmp_path: Path) -> None:
    """600.01 dollars of BTC lose 60.001 on a bad day; two such orders are twice that, in each life of execution."""
    house = house_of(tmp_path, "100")
    assert verdict(house, size=1000, price=6_000_100) == Reason.APPROVED
    assert verdict(house, size=1000, price=6_000_100) == Reason.VAR_TOO_HIGH
    house.restart()
    house.ready()
    assert verdict(house, size=1000, price=6_000_100) == Reason.VAR_TOO_HIGH
    house.set_values(1, var_limit_1d_95="121")
    assert verdict(house, size=1000, price=6_000_100) == Reason.APPROVED


def test_without_history_a_position_can_be_closed_and_not_opened(tmp_path: Path) -> None:
    """A file that ends too early must not keep an account in its position."""
    house = made(tmp_path / "journal", var_history=history(tmp_path, days=3))
    house.venue.fill(house.place(size=1000, price=6_000_000).client_id.hex(), 1000)
    house.run(5)
    house.set_values(1, var_limit_1d_95="1000000", var_window_days=20)
    assert verdict(house) == Reason.NO_HISTORY
    assert verdict(house, side=SELL, size=1001, price=6_000_000) == Reason.NO_HISTORY
    assert verdict(house, side=SELL, size=1000, price=6_000_000) == Reason.APPROVED


def test_a_file_that_is_replaced_is_read_while_execution_runs(tmp_path: Path) -> None:
    """A job renews the history each day; nothing has to be started again."""
    house = house_of(tmp_path, "1000000", days=3)
    assert verdict(house) == Reason.NO_HISTORY
    history(tmp_path)
    house.run(6, LOOK_NS // 4)
    house.ready()
    assert verdict(house) == Reason.APPROVED


def test_a_wrong_file_keeps_execution_from_starting(tmp_path: Path) -> None:
    """The start is the earliest moment at which the mistake can be seen."""
    Path(history(tmp_path)).write_text("time_ms,symbol,close\n1,BTCUSDT,0\n")
    with pytest.raises(ValueError, match=r"history.csv: line 2 is '1,BTCUSDT,0', expected"):
        made(tmp_path / "journal", var_limit_1d_95="1", var_history=str(tmp_path / "history.csv"))

"""Positions with their profit and loss."""

import json
import math

from engine.config import Config
from engine.lanes import EXECUTION, open_lanes
from engine.model.words import (
    PositionFlag,
)
from tests.engine.typed import Typed, zeros


def test_positions_come_from_the_cells(typed: Typed, market: Config) -> None:
    """Exact numbers as text."""
    cells = open_lanes(market.system.name, EXECUTION).cell_writer("positions")
    cells.write(
        0, *zeros("positions", instrument=7, size=-150_000, average_price=100_00, price_decimals=2, size_decimals=5)
    )
    cells.close()
    rows = typed.rows("positions", "--system", market.system.name)
    assert [(row["symbol"], row["size"], row["average_price"]) for row in rows] == [("BTCUSDT", "-1.50000", "100.00")]
    assert "-1.50000" in typed("positions", "--system", market.system.name)


def test_positions_end_with_the_net_of_the_account(typed: Typed, market: Config) -> None:
    """A list of positions is no answer to how much was earned; what has no price is not shown as zero."""
    cells = open_lanes(market.system.name, EXECUTION).cell_writer("positions")
    common = {"instrument": 7, "fill_count": 1, "price_decimals": 2, "size_decimals": 5, "holding_decimals": 8}
    cells.write(0, *zeros("positions", net=-1.5, realised=0.5, unrealised=-1.0, fees=1.0, dust=340, **common))
    assert "0.00000 + dust 0.00000340" in (text := typed("positions", "--system", market.system.name))
    assert text.splitlines()[-1].startswith("account: net -1.50 USDT (today ")
    unknown = {"net": math.nan, "net_day": math.nan, "unrealised": math.nan, "flags": PositionFlag.MARK_MISSING}
    cells.write(0, *zeros("positions", size=5, **unknown, **common))
    cells.close()
    assert typed("positions", "--system", market.system.name).splitlines()[-1].endswith("; no price for BTCUSDT")


def test_dust_is_decimal_text_in_json(typed: Typed, market: Config) -> None:
    """A JSON reader that reads 340 as an amount is wrong by eight digits, whichever command it asked."""
    cells = open_lanes(market.system.name, EXECUTION).cell_writer("positions")
    common = {"instrument": 7, "price_decimals": 2, "size_decimals": 5, "holding_decimals": 8}
    cells.write(0, *zeros("positions", dust=-340, **common))
    cells.close()
    assert [row["dust"] for row in typed.rows("positions", "--system", market.system.name)] == ["-0.00000340"]
    name = f"{market.system.name}.positions.execution"
    assert [row["dust"] for row in map(json.loads, typed("shm", "tail", name).splitlines())] == ["-0.00000340"]

"""The monitor's view and the reports of comparisons, as an operator reads them."""

import io
import math
import re
import time

import pytest
from rich.console import Console

from engine.config import Config
from engine.lanes import EXECUTION, MONITOR, open_lanes
from engine.model.words import Agreement, ReconciledKind
from engine.monitor.figures import Figures
from engine.view.screen import screen
from tests.engine.typed import Typed, zeros

ACCOUNT = {"account": 1, "fill_count": 3, "worth": 100_000.0, "net": -1.5, "position": 600.0, "position_limit": 500.0,
           "drawdown": 0.01, "drawdown_limit": math.nan, "free": 0.9, "free_limit": 0.05, "liquidation": 0.1,
           "liquidation_limit": 0.2}  # fmt: skip
POSITION = {"instrument": 7, "held_low": 150_000_000, "average": 60_000.0, "net": -1.5, "fill_count": 3,
            "liquidation_price": 48_123.4, "price_decimals": 2, "size_decimals": 5, "holding_decimals": 8}  # fmt: skip


def test_without_a_monitor_the_command_names_the_table(typed: Typed, market: Config) -> None:
    """An empty table would read as agreement."""
    assert "add the table [monitor]" in typed("monitor", "--system", market.system.name, code=3)


@pytest.mark.parametrize(("differences", "state", "code"), [(0, Agreement.AGREES, 0), (2, Agreement.DIFFERS, 1)])
def test_the_view_shows_both_sides_and_the_exit_code_a_difference(
    typed: Typed, market: Config, differences: int, state: Agreement, code: int
) -> None:
    """A script watches the exit code; a person must see which position it is, and which limit is exceeded."""
    lanes, system = open_lanes(market.system.name, MONITOR), market.system.name
    lanes.cell_writer("monitored").write(0, *zeros("monitored", state=state, **POSITION))
    lanes.cell_writer("monitored_account").write(0, *zeros("monitored_account", differences=differences, **ACCOUNT))
    lanes.close()
    rows = typed.rows("monitor", "--system", system, code=code)
    assert (rows[1]["held"], rows[1]["state"], rows[0]["drawdown_limit"]) == ("1.50000000", state.name, None)
    text = typed("monitor", "--system", system, code=code)
    assert "account   BTCUSDT     1.50000000  60000.00  -1.5000" in text
    assert f"{differences} DIFFERENCES" in text if differences else "no difference; 3 fills" in text
    assert "position 600.00 (max_position_usd 500.00)" in text
    assert "drawdown 0.0100;" in text
    assert "liquidation 0.1000 (liquidation_buffer 0.2000)" in text
    assert "48123.40" in text
    assert "EXCEEDED: max_position_usd, liquidation_buffer" in text


def view(system: str) -> str:
    """The live view, on a wide terminal."""
    figures, console = Figures(system), Console(width=250, record=True, file=io.StringIO())
    figures.poll()
    console.print(screen(figures, 250))
    return console.export_text()


def test_the_live_view_has_a_line_of_the_monitor(market: Config) -> None:
    """Who looks at the system must see a difference and an exceeded limit without asking for them."""
    system, now_ns = market.system.name, time.time_ns()
    lanes = open_lanes(system, MONITOR)
    cells = lanes.cell_writer("monitored_account")
    cells.write(0, *zeros("monitored_account", **ACCOUNT, now_ns=now_ns))
    expected = "not compared yet, no difference; drawdown 0.0100; free 0.9000 (margin_call_threshold 0.0500)"
    assert f"monitor: {expected}; EXCEEDED: max_position_usd" in view(system)
    found = {**ACCOUNT, "position": 1.0, "liquidation": 0.5, "differences": 2}
    cells.write(0, *zeros("monitored_account", **found, now_ns=now_ns, compared_ns=now_ns - 4_000_000_000))
    line = r"monitor: compared 4\.\d s ago, 2 DIFFERENCES \(engine-ctl monitor\); [^E]*$"
    assert re.search(line, view(system), re.MULTILINE)
    lanes.close()


@pytest.mark.parametrize("differences", [0, 3])
def test_the_last_report_is_printed_with_its_differences(typed: Typed, market: Config, differences: int) -> None:
    """What the venue has must be readable after the fact, without another question to the venue."""
    system = market.system.name
    assert "no report yet" in typed("reconcile", "--last", "--system", system, code=1)
    lanes = open_lanes(system, EXECUTION)
    ring = lanes.ring_writer("reconciliations")
    common = {"run": 4, "began_ns": 5, "now_ns": 6, "account": 1, "differences": differences}
    ring.publish(*zeros("reconciliations", **{**common, "run": 3, "differences": 9}))
    if differences:
        ring.publish(*zeros("reconciliations", kind=ReconciledKind.ORDER, text=b"BTCUSDT: order 7", **common))
    ring.publish(*zeros("reconciliations", orders_listed=2, fills_listed=1, assets=2, balances_ns=5, **common))
    lanes.close()
    code = int(differences > 0)
    text = typed("reconcile", "--last", "--system", system, code=code)
    assert "2 of ours and 0 of others" in text
    assert ("DIFFERS BTCUSDT: order 7" in text, "and 2 more" in text) == (differences > 0,) * 2
    [row] = typed.rows("reconcile", "--last", "--system", system, code=code)
    assert (row["run"], row["differences"], len(row["found"])) == (4, differences, code)

"""What `check` prints about a file with a router and budgets: which key is wrong, and what to do."""

from pathlib import Path

import pytest

from engine.cli import WRONG_USE
from tests.engine import edited

FEES = "taker_fee_bps = { east = 3, west = 2.5, north = 2 }"
ROUTE = '[[router.routes]]\nname = "BTCUSDT"\ninstruments = [1, 2, 3]'
ACCOUNT = '[[accounts]]\nname = "north_main"\nnumber = 3\nvenue = "north"\n'


pytestmark = pytest.mark.usefixtures("places")


def checked(tmp_path: Path, old: str, new: str) -> int:
    """The exit code for the file with a change."""
    return edited.checked(tmp_path, "routed.toml", old, new)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (FEES, FEES.replace(", north = 2", ""), "router.taker_fee_bps.north: missing: a route uses this venue"),
        (FEES, FEES.replace("north", "nort"), "router.taker_fee_bps.nort: expected one of the venues"),
        (ROUTE, ROUTE.replace("2, 3", "2, 9"), "router.routes.instruments = 9: expected an instrument's id"),
        (ROUTE, f"{ROUTE}\n{ROUTE}", "router.routes.name = 'BTCUSDT': expected a unique value"),
        (ROUTE, ROUTE.replace("[1, 2, 3]", "[1, 1]"), "router.routes.instruments = 1: expected a unique value"),
        (ROUTE, ROUTE.replace("[1, 2, 3]", "[1]"), "router.routes[0].instruments"),
        ("latency_bps_per_ms = 0.05", "latency_bps_per_ms = -1", "router.latency_bps_per_ms"),
        ("latency_bps_per_ms = 0.05", "latency_bps = 0.05", "router.latency_bps"),
        ("max_gross_usd = 100000.0", "max_gros_usd = 100000.0", "budgets.max_gros_usd"),
        ("max_gross_usd = 100000.0", "max_net_usd = 100000.0", "budgets.max_net_usd"),
        ("max_gross_usd = 100000.0", "max_gross_usd = 0.0", "budgets.max_gross_usd"),
        ('roles = ["router"]', 'roles = ["feed2"]', "processes.roles"),
    ],
)
def test_a_router_that_could_not_run_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, expected: str
) -> None:
    """One line before anything starts, instead of a role that dies again and again."""
    assert checked(tmp_path, old, new) == WRONG_USE
    assert expected in capsys.readouterr().err


def test_budgets_without_a_router_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the role that gives them out no account would ever send an entry."""
    text = (edited.CONFIGS / "routed.toml").read_text()
    start, end = text.index("[router]"), text.index("[budgets]")
    assert checked(tmp_path, text[start:end], "") == WRONG_USE
    assert "budgets: expected the tables [router] and [[accounts]] too" in capsys.readouterr().err

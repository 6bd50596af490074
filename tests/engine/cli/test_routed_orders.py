"""An order over several accounts as an operator sees it: one parent, and what each account has of it."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from engine import instruments
from engine.cli import CommandError
from engine.cli.stopping.cancel import _intent_of
from engine.config import Config
from engine.lanes import EXECUTION, FEED, ROUTER, open_lanes
from engine.model.instrument import Instrument
from engine.model.intent_id import routed_id
from engine.model.words import BUY, IntentKind, OrderState, TimeInForce
from engine.monitor.figures import Figures
from engine.supervisor import segments
from engine.view.screen import screen
from tests.engine.conftest import remove_segments
from tests.engine.floor import Floor
from tests.engine.typed import Typed, zeros

PARENT, BEGUN_NS = 1 << 40 | 5, 1_700_000_000_000_000_000
CHILDREN = {"east": routed_id(1, 1), "west": routed_id(1, 2)}
ACCOUNTS = {"east": 1, "west": 2}

pytestmark = pytest.mark.usefixtures("places")


@pytest.fixture
def routed(tmp_path: Path, system: str) -> Iterator[Config]:
    """A system with three accounts and a router, and no running process."""
    config = Floor(tmp_path, system, config="routed").config
    config.paths.make()
    segments.create(config)
    cells = open_lanes(system, FEED).cell_writer("instruments", "feed")
    for place, venue in enumerate(("east", "west", "north")):
        one = Instrument(place + 1, venue, "BTCUSDT", "BTC", "USDT", 2, 5, 1, 1, 1, 10**12, 10**7)
        instruments.write(cells, place, one, 1)
    cells.close()
    yield config
    remove_segments(system)


def publish(config: Config, role: str, lane: str, of: str = "", **values: Any) -> None:
    """A record of the router or of an execution."""
    lanes = open_lanes(config.system.name, role, of if role == EXECUTION else "router")
    ring = lanes.ring_writer(lane, of)
    if lane == "routed":
        accepted = open_lanes(config.system.name, EXECUTION, of).cell_writer("accepted")
        accepted.write(1, 0, 0, 0, (0,) * 5)
        accepted.close()
        ring.follow(lanes.cell_reader("accepted", of), 1)
    assert ring.publish(*zeros(lane, strategy=1, side=BUY, **values))
    ring.close()


def parent(config: Config, state: OrderState, filled: int, **values: Any) -> None:
    """The parent's newest record."""
    publish(
        config, ROUTER, "route_orders", intent_id=PARENT, instrument=1, state=state, size=300_000, filled=filled,
        limit_price=60_000_00, intent_ns=BEGUN_NS, expires_ns=BEGUN_NS + 5 * 10**9, **values,
    )  # fmt: skip


def child(config: Config, venue: str, state: OrderState, filled: int) -> None:
    """A child, and its order at its account."""
    intent = {"intent_id": CHILDREN[venue], "instrument": ACCOUNTS[venue], "size": 150_000}
    publish(config, ROUTER, "routed", f"{venue}_main", kind=IntentKind.PLACE, target_id=PARENT, **intent)
    publish(
        config, EXECUTION, "orders", f"{venue}_main", client_id=venue.encode(), state=state, filled=filled,
        account=ACCOUNTS[venue], time_in_force=TimeInForce.IOC, intent_ns=BEGUN_NS, **intent,
    )  # fmt: skip


def test_orders_shows_a_routed_order_as_one_parent_with_what_each_account_has(typed: Typed, routed: Config) -> None:
    """An operator who sees IOC orders of three accounts alone cannot know what is still to come."""
    parent(routed, OrderState.OPEN, 0)
    child(routed, "east", OrderState.EXPIRED, 100_000)
    child(routed, "west", OrderState.SENT, 0)
    parent(routed, OrderState.PARTLY_FILLED, 100_000)
    words = ["orders", "--system", routed.system.name]
    [tree] = typed.rows(*words)
    assert (tree["intent_id"], tree["algorithm_name"], tree["status"]) == (PARENT, "route", "PARTLY_FILLED")
    assert (tree["filled"], tree["size"], tree["expires_ns"]) == ("1.00000", "3.00000", BEGUN_NS + 5 * 10**9)
    found = [(one["account"], one["state"], one["filled"]) for one in tree["children"]]
    assert sorted(found) == [(1, "EXPIRED", "1.00000"), (2, "SENT", "0.00000")]
    assert "route until" in typed(*words)
    parent(routed, OrderState.CANCELLED, 100_000, error_text=b"its time is over")
    child(routed, "west", OrderState.EXPIRED, 0)
    assert typed.rows(*words) == []
    [ended] = typed.rows(*words, "--all")
    assert (ended["status"], ended["why"], len(ended["children"])) == ("CANCELLED", "its time is over", 2)


def test_the_view_shows_a_routed_order_with_its_deadline_above_its_accounts(routed: Config) -> None:
    """The screen that an operator watches must not show it as strangers' orders without a parent."""
    parent(routed, OrderState.OPEN, 0)
    child(routed, "west", OrderState.SENT, 0)
    figures = Figures(routed.system.name)
    figures.poll()
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(screen(figures, 120, 60))
    lines = [line.split() for line in console.export_text().splitlines()]
    [head] = [place for place, line in enumerate(lines) if "until" in line]
    assert lines[head + 1][0] == str(ACCOUNTS["west"])
    assert "1" in lines[head - 1], "only the order is counted"


def test_cancel_names_a_routed_order_that_has_ended(routed: Config) -> None:
    """An operator who is late must not believe that he has cancelled something."""
    parent(routed, OrderState.OPEN, 0)
    assert _intent_of(routed.system.name, str(PARENT)) == PARENT
    parent(routed, OrderState.FILLED, 300_000)
    with pytest.raises(CommandError, match=r"is filled: nothing to cancel"):
        _intent_of(routed.system.name, str(PARENT))

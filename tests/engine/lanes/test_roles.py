"""The map of lanes, held against what each role opens when it is built as its process builds it."""

import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine import aggregation, strategy
from engine.canceller import build as build_canceller
from engine.cli import halting
from engine.clock import now_ns
from engine.config import Config
from engine.execution import build as build_execution
from engine.feed import build as build_feed
from engine.feed.replay.audience import audience_of
from engine.instruments import write as write_instrument
from engine.lanes import (
    AGGREGATION,
    CANCELLER,
    EXECUTION,
    FEED,
    LANES,
    LOOKERS,
    MONITOR,
    OPERATOR,
    ROUTER,
    STRATEGY,
    SUPERVISOR,
)
from engine.lanes.map import ROLE
from engine.lanes.open import Door, RoleLanes, open_lanes
from engine.model.instrument import Instrument
from engine.model.words import CancellerState
from engine.monitor.recount import build as build_monitor
from engine.router import build as build_router
from engine.runtime import Pulse
from engine.strategy import Bar, GlobalBook, Opportunity
from engine.strategy.samples import MomentumTaker
from engine.supervisor import guard, leftovers, operator, segments
from engine.supervisor.cover import Cover
from engine.supervisor.keeper import Keeper
from engine.supervisor.mode import publish_mode
from engine.supervisor.service.outside import supervision
from tests.engine.cli.test_check import market
from tests.engine.execution.venue_double import KEY_PEM
from tests.engine.supervisor.test_leftovers import Table, cancelling

if TYPE_CHECKING:
    from engine.role import Role

BTC = Instrument(7, "binance", "BTCUSDT", "BTC", "USDT", 2, 5, 1, 1, 1, 10**12, 5 * 10**7)
KINDS = (FEED, AGGREGATION, STRATEGY, EXECUTION, CANCELLER, MONITOR, ROUTER, SUPERVISOR, OPERATOR)
ROUTED = Path(__file__).resolve().parents[3] / "configs" / "routed.toml"
TABLES = """
[aggregation]
bars = ["1s"]
[monitor]
[feed]
levels = true
"""

Opened = dict[str, set[str]]


class Listener(MomentumTaker):
    """A strategy that reads every lane a strategy may read."""

    def on_bar(self, bar: Bar) -> None:
        """Read bars."""

    def on_global_book(self, book: GlobalBook) -> None:
        """Read global books."""

    def on_opportunity(self, opportunity: Opportunity) -> None:
        """Read opportunities."""


@pytest.fixture
def opened(write: Callable[..., Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Opened, Opened]:
    """The lanes that each kind of role opened for writing and for reading, in one whole system."""
    written: Opened = defaultdict(set)
    read: Opened = defaultdict(set)
    key = tmp_path / "key.pem"
    key.write_bytes(KEY_PEM)
    os.chmod(key, 0o600)
    text = market(key=str(key), roles=', "aggregation"', tables=TABLES)
    config = write(text.replace("engine.strategy.samples:MomentumTaker", f"{__name__}:Listener"))
    monkeypatch.setenv("SOME_KEY", "x")
    segments.create(config)
    show_instruments(config)
    doors: list[RoleLanes] = []
    record(monkeypatch, "expect_writer", written, doors)
    record(monkeypatch, "expect_reader", read, doors)
    live(config)
    close(doors)
    live_beside_router(write, key)
    close(doors)
    return written, read


def close(doors: list[RoleLanes]) -> None:
    """Close every lane that was opened for writing."""
    for door in doors:
        door.close()
    doors.clear()


def live_beside_router(write: Callable[..., Config], key: Path) -> None:
    """The lanes of the router, and those between it and its neighbours, in a system that has one."""
    _, _, text = ROUTED.read_text().partition("[[venues]]")
    for venue in ("east", "west", "north"):
        text = text.replace(f"{{state}}/{venue}.pem", str(key)).replace(f"STEELYARD_{venue.upper()}_KEY", "SOME_KEY")
    config = write(
        "[[venues]]"
        + text.replace("[monitor]", "").replace('roles = ["router"]', 'roles = ["alpha", "beta", "router"]')
    )
    segments.create(config)
    feed = open_lanes(config.system.name, FEED)
    cells = feed.cell_writer("instruments")
    for place, venue in enumerate(("east", "west", "north")):
        write_instrument(cells, place, replace(BTC, id=place + 1, venue=venue), now_ns())
    publish_mode(config, now_ns())
    for part in (
        Keeper(config, Table(), now_ns()),
        build_router(config, "router"),
        strategy.build(config, "round_trip"),
        build_execution(config, "east_main"),
    ):
        part.close()
    feed.close()


def show_instruments(config: Config) -> None:
    """The records that a venue would cause: the roles wait for them."""
    feed = open_lanes(config.system.name, FEED)
    write_instrument(feed.cell_writer("instruments"), 0, BTC, now_ns())
    feed.close()


def show_open_order(config: Config) -> None:
    """What a canceller publishes that could not finish: the supervisor then reads the orders too."""
    canceller = open_lanes(config.system.name, CANCELLER)
    canceller.cell_writer("cancels", "execution").write(0, *cancelling(1, CancellerState.GAVE_UP, count=1))
    canceller.close()


def record(monkeypatch: pytest.MonkeyPatch, name: str, into: Opened, doors: list[RoleLanes]) -> None:
    """Note every lane that the door lets through."""
    through = getattr(Door, name)

    def noted(self: RoleLanes, lane: str, *of: str) -> object:
        found = through(self, lane, *of)
        doors.append(self)
        into[self.kind].add(lane)
        return found

    monkeypatch.setattr(Door, name, noted)


def live(config: Config) -> None:
    """Everything that opens lanes, once: each in its turn, as the processes of a system do."""
    publish_mode(config, now_ns())
    keeper = Keeper(config, Table(), now_ns())
    leftovers.unfinished(config, "execution")
    show_open_order(config)
    Cover(config, "execution").left_at_the_end(ended_clean=True)
    guard.attach(config)
    supervision(config)
    operator.halt(config.system.name, config.paths.halt, now_ns())
    for role in config.role_names:
        Pulse(config, role)
    audience_of(config, "feed")
    roles: list[Role] = [
        build_feed(config, "feed"),
        aggregation.build(config, "aggregation"),
        strategy.build(config, "taker"),
    ]
    roles += [build_execution(config, "execution"), build_canceller(config, "canceller")]
    roles.append(build_monitor(config, "monitor"))
    halting._await_executions(config.system.name, 0, 0.0)
    for part in (*roles, keeper):
        part.close()


def test_the_map_lists_the_lanes_that_each_role_opens(opened: tuple[Opened, Opened]) -> None:
    """A map that lists a lane too many or too few stops the wrong processes when a segment is lost."""
    written, read = opened
    for kind in KINDS:
        assert read[kind] == {lane.name for lane in LANES if kind in lane.readers}, f"read by {kind}"
        assert written[kind] - roles_own() == {lane.name for lane in LANES if lane.writer == kind}, f"written by {kind}"
    assert set.union(*written.values()) >= roles_own()


def roles_own() -> set[str]:
    """The lanes that every role writes for itself."""
    return {lane.name for lane in LANES if lane.writer == ROLE}


def test_lookers_may_read_every_lane() -> None:
    """Who finds a cause must see all there is; a look changes nothing."""
    assert all(LOOKERS in lane.readers for lane in LANES)

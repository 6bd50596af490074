"""A reading of a system in which roles are missing or dead: their last words are not repeated."""

import math
import re
import time
from collections.abc import Iterator

import pytest

import shm
from engine.config import Config
from engine.lanes import EXECUTION, FEED, MONITOR, lane_of, open_lanes
from engine.metrics.reading import Reading
from engine.model import records
from engine.model.words import BookState, OrderState, RoleState, SessionState
from engine.runtime import Pulse
from engine.supervisor import segments
from tests.engine.conftest import Write


@pytest.fixture
def config(write: Write) -> Iterator[Config]:
    """A system whose feed and execution have published a good book, a connection and a ready session."""
    made = write(
        '[[venues]]\nname = "east"\nkind = "binance"\n[[instruments]]\nid = 7\nvenue = "east"\nsymbol = "BTCUSDT"\n'
        '[[strategies]]\nname = "maker"\nid = 1\nclass = "engine.strategy.samples:ImbalanceMaker"\ninstruments = [7]\n'
    )
    segments.create(made)
    rows = (
        (FEED, "book_tops", {"instrument": 7, "state": BookState.GOOD}),
        (FEED, "connections", {"venue": b"east", "target": b"wss://east"}),
        (EXECUTION, "sessions", {"state": SessionState.READY}),
    )
    writers = []
    for role, lane, values in rows:
        record = lane_of(lane).record
        empty = [b"" if at.code == "S" else (0,) * at.count if at.count > 1 else 0 for at in record.fields]
        writers.append(open_lanes(made.system.name, role).cell_writer(lane))
        writers[-1].write(0, *record.row(*empty)._replace(**values))
    yield made
    for one in writers:
        one.close()


def samples(config: Config) -> dict[str, float]:
    """What is exported, by name; of several samples the smallest."""
    found: dict[str, float] = {}
    for line in Reading(config).read(time.time_ns()).text.decode().splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            key = name.partition("{")[0]
            found[key] = min(found.get(key, float("inf")), float(value))
    return found


def test_what_a_dead_role_said_last_is_not_exported_as_true(config: Config) -> None:
    """A dead feed whose book stays good on the wall is worse than no wall."""
    pulses = [Pulse(config, role) for role in (FEED, EXECUTION)]
    for one in pulses:
        one.beat(time.time_ns(), 1, RoleState.RUNNING)
    names = ("steelyard_book_good", "steelyard_connections", "steelyard_session_ready")
    found = samples(config)
    assert [found[name] for name in names] == [1, 1, 1]
    for one in pulses:
        one.beat(time.time_ns(), 1, RoleState.STOPPED)
    found = samples(config)
    assert [found[name] for name in names] == [0, 0, 0]
    for one in pulses:
        one.close()


def test_a_role_of_the_file_without_a_heartbeat_is_down(config: Config) -> None:
    """An absent series raises no alert."""
    text = Reading(config).read(time.time_ns()).text.decode()
    for role in ("supervisor", *config.role_names):
        assert f'steelyard_role_up{{role="{role}"}} 0.0' in text


def test_a_reading_lists_the_segments_once(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory is shared by all systems of the machine: thirty lists a reading cost more than the rest of it."""
    reading, listed = Reading(config), []
    reading.read(time.time_ns())
    names = shm.names
    monkeypatch.setattr(shm, "names", lambda *of, **more: listed.append(of) or names(*of, **more))  # type: ignore[func-returns-value]
    reading.read(time.time_ns())
    assert len(listed) <= 3


def test_the_monitors_figures_are_exported_with_the_limits_that_they_exceed(config: Config) -> None:
    """A drawdown, a difference and a lost answer are found on the wall, and not only by the command that asks."""
    now_ns = time.time_ns()
    record = lane_of("monitored_account").record
    figures = {at.name: math.nan for at in record.fields if at.code == "f8"}
    figures |= {"equity": 90.0, "drawdown": 0.1, "drawdown_limit": 0.05, "leverage": 1.0, "leverage_limit": 2.0}
    row = {at.name: 0 for at in record.fields} | figures | {"differences": 2, "now_ns": now_ns}
    account = open_lanes(config.system.name, MONITOR).cell_writer("monitored_account", EXECUTION)
    account.write(0, *record.row(**row))
    orders = open_lanes(config.system.name, EXECUTION).ring_writer("orders")
    for client, state in ((b"1", OrderState.UNKNOWN), (b"2", OrderState.OPEN)):
        one = {at.name: b"" if at.code == "S" else 0 for at in records.ORDER.fields}
        orders.publish(*records.ORDER.row(**one | {"client_id": client, "instrument": 7, "state": state}))
    text = Reading(config).read(time.time_ns()).text.decode()
    ours = re.compile("steelyard_(account|orders_unknown|clock)")
    found = dict(line.rsplit(" ", 1) for line in text.splitlines() if ours.match(line))
    values = {name: value for name, value in found.items() if "limit_exceeded" not in name}
    assert values.pop('steelyard_account_equity_usd{account="0"}') == "90.0"
    assert values.pop('steelyard_account_drawdown_ratio{account="0"}') == "0.1"
    assert values.pop('steelyard_account_differences{account="0"}') == "2.0"
    assert values.pop("steelyard_orders_unknown") == "1.0"
    assert float(values.pop('steelyard_account_age_seconds{account="0"}')) >= 0
    assert set(values) == {"steelyard_clock_offset_seconds"}
    over = [name for name, value in found.items() if "limit_exceeded" in name and value == "1.0"]
    assert over == ['steelyard_account_limit_exceeded{account="0",limit="max_drawdown_pct"}']
    account.close()
    orders.close()

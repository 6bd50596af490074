"""`engine-ctl across`, over lanes that an aggregation writes."""

import time
from collections.abc import Iterator

import pytest

import shm
from engine.cli import main
from engine.lanes import lane_of, open_lanes
from engine.model.words import RoleState
from tests.engine.aggregation.hands import BTC, ELSEWHERE, SECOND, System
from tests.engine.answers import data_of


@pytest.fixture
def system() -> Iterator[System]:
    """Two venues' books of one thing, crossed, and the aggregation's beat."""
    made = System(instruments=(BTC, ELSEWHERE))
    name, record = f"{made.name}.heartbeat.aggregation", lane_of("heartbeat").record
    shm.create(name, record, "cells", count=1)
    made.publish_book(BTC.id, [(100_000, 5)], [(100_010, 5)])
    made.publish_book(ELSEWHERE.id, [(200_000, 5)], [(200_010, 5)])
    made.step(SECOND)
    yield made
    made.close()
    shm.remove(name)


def beat(system: System, age_ns: int) -> None:
    """The aggregation beat that long ago."""
    cell = open_lanes(system.name, "aggregation").cell_writer("heartbeat")
    cell.write(0, time.monotonic_ns() - age_ns, 0, 0, 1, 1, 1, RoleState.RUNNING, 0, 0, 0)
    cell.close()


def test_the_venues_global_book_is_shown(system: System, capsys: pytest.CaptureFixture[str]) -> None:
    """Every group with its best and its venues."""
    beat(system, 0)
    assert main(["across", "--system", system.name, "--json"]) == 0
    shown = data_of(capsys.readouterr().out)
    assert [group["state"] for group in shown["groups"]] == ["CROSSED"]
    assert sorted(shown["groups"][0]["included"]) == sorted({BTC.venue, ELSEWHERE.venue})
    assert shown["silent_ms"] < SECOND


@pytest.mark.parametrize(("age_ns", "shown_late"), [(0, False), (7 * SECOND, True)])
def test_a_silent_aggregation_is_reported(
    system: System, capsys: pytest.CaptureFixture[str], age_ns: int, shown_late: bool
) -> None:
    """Its last words stay in memory when it dies: good prices and open opportunities that are history."""
    beat(system, age_ns)
    assert main(["across", "--system", system.name, "--once"]) == 0
    assert ("the aggregation's heartbeat is 7." in capsys.readouterr().out) is shown_late


def test_an_aggregation_without_a_heartbeat_is_reported(system: System, capsys: pytest.CaptureFixture[str]) -> None:
    """Its age was shown as 0: prices of an aggregation that never ran looked fresh."""
    assert main(["across", "--system", system.name, "--once"]) == 0
    assert "the aggregation has no heartbeat: the data below may be stale" in capsys.readouterr().out
    assert main(["across", "--system", system.name, "--json"]) == 0
    assert data_of(capsys.readouterr().out)["silent_ms"] is None

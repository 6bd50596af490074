"""The engine's promise with every process at risk: no order is lost, doubled or left at the venue."""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.engine.disk import Disk, mounted
from tests.engine.floor import Floor
from tests.engine.storm.figures import Figures
from tests.engine.storm.ground import DEMO, ROUTED, Ground
from tests.engine.storm.line import Line
from tests.engine.storm.storm import Storm

DISK_MIB = 48
MORE = """
[journal]
segment_mib = 0.0625
[watch]
death_limit = 1000
backoff_cap_ms = 100
start_limit_ms = 30000
[alerts]
[[alerts.targets]]
name = "dead"
kind = "webhook"
url = "http://127.0.0.1:9/refuses"
"""
URLS = {"STREAM_URL": "ws://{}", "REQUEST_URL": "http://{}", "ORDER_URL": "ws://{}/ws-api/v3"}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A state directory with a file system of its own, where root may mount one; the venue's log is outside of it."""
    place = tmp_path / "state"
    place.mkdir()
    with mounted(place, DISK_MIB) as made:
        for venue in (*DEMO.venues, *ROUTED.venues):
            (place / f"{venue}-truth.log").symlink_to(tmp_path / f"{venue}-truth.log")
        yield made
        for log in place.rglob("*.log"):  # they show why a system did not survive
            shutil.copy(log, tmp_path) if not log.is_symlink() else None


@pytest.fixture
def storm(
    disk: Disk, floor: Callable[..., Floor], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Storm]:
    """A system whose venues are reached over lines that can be cut."""
    ground, seed = request.param
    made, lines = floor(MORE, ground.config), []
    with ExitStack() as open_lines:  # their threads would keep pytest from its end
        for venue in made.config.venues:
            lines.append(line := open_lines.enter_context(closing(Line(int(venue.stream_url.rpartition(":")[2])))))
            for key, url in URLS.items():
                name = f"STEELYARD__VENUES__{venue.name.upper()}__{key}"
                monkeypatch.setenv(name, f'"{url.format(f"127.0.0.1:{line.port}")}"')
        made.up()
        yield Storm(ground, made, lines, disk, seed)


def name_of(case: tuple[Ground, int]) -> str:
    """The configuration and the seed."""
    return f"{case[0].config}-{case[1]}"


def survives(storm: Storm, total: Figures, seconds: float) -> None:
    """A storm, and the audit after it."""
    storm.rage(seconds)
    storm.calm()
    storm.audit()
    sys.stdout.write(f"{storm.figures.line()}\n")
    total.add(storm.figures)
    assert storm.figures.wrong == []


@pytest.mark.parametrize("storm", [(DEMO, 1), (DEMO, 2)], indirect=True, ids=name_of)
def test_a_storm_over_every_process_ends_in_the_venues_truth(storm: Storm, total: Figures) -> None:
    """Deaths, freezes, lost networks, a full disk and an operator at bad moments come together on a bad day."""
    survives(storm, total, 8)


@pytest.mark.soak
@pytest.mark.parametrize("storm", [(DEMO, seed) for seed in range(1000, 1200)], indirect=True, ids=name_of)
def test_two_hundred_storms_end_in_the_venues_truth(storm: Storm, total: Figures) -> None:
    """Other victims at other moments."""
    survives(storm, total, 15)


@pytest.mark.soak
@pytest.mark.parametrize("storm", [(ROUTED, seed) for seed in range(2000, 2020)], indirect=True, ids=name_of)
def test_twenty_storms_over_a_routed_system_end_in_the_venues_truth(storm: Storm, total: Figures) -> None:
    """The router and three accounts die at any moment: no child is lost or sent twice, no parent trades too much."""
    survives(storm, total, 15)

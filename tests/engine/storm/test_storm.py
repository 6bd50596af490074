"""The engine's promise with every process at risk: no order is lost, doubled or left at the venue."""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.engine.disk import Disk, mounted
from tests.engine.floor import Floor
from tests.engine.storm.figures import Figures
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
        (place / "venue-truth.log").symlink_to(tmp_path / "venue-truth.log")
        yield made
        for log in place.rglob("*.log"):  # they show why a system did not survive
            shutil.copy(log, tmp_path) if not log.is_symlink() else None


@pytest.fixture
def storm(
    disk: Disk, floor: Callable[..., Floor], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Storm]:
    """A system whose venue is reached over a line that can be cut."""
    made = floor(MORE)
    line = Line(int(made.config.venues[0].stream_url.rpartition(":")[2]))
    for key, url in URLS.items():
        monkeypatch.setenv(f"STEELYARD__VENUES__BINANCE__{key}", f'"{url.format(f"127.0.0.1:{line.port}")}"')
    with closing(line):  # its thread would keep pytest from its end
        made.up()
        yield Storm(made, line, disk, request.param)


def survives(storm: Storm, total: Figures, seconds: float) -> None:
    """A storm, and the audit after it."""
    storm.rage(seconds)
    storm.calm()
    storm.audit()
    sys.stdout.write(f"{storm.figures.line()}\n")
    total.add(storm.figures)
    assert storm.figures.wrong == []


@pytest.mark.parametrize("storm", [1, 2], indirect=True)
def test_a_storm_over_every_process_ends_in_the_venues_truth(storm: Storm, total: Figures) -> None:
    """Deaths, freezes, lost networks, a full disk and an operator at bad moments come together on a bad day."""
    survives(storm, total, 8)


@pytest.mark.soak
@pytest.mark.parametrize("storm", range(1000, 1200), indirect=True)
def test_two_hundred_storms_end_in_the_venues_truth(storm: Storm, total: Figures) -> None:
    """Other victims at other moments."""
    survives(storm, total, 15)

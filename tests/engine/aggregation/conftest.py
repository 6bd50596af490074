"""Systems that remove their lanes."""

import gzip
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.aggregation.hands import System

CAPTURES = Path(os.environ.get("STEELYARD_CAPTURES", "../shared/captures"))


@pytest.fixture
def make_system() -> Iterator[Callable[..., System]]:
    """Make systems; they are removed behind the test."""
    made: list[System] = []

    def make(**settings: Any) -> System:
        made.append(System(**settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def system(make_system: Callable[..., System]) -> System:
    """A system of three venues that trade one thing."""
    return make_system()


@pytest.fixture
def recorded_usdm() -> tuple[bytes, list[tuple[int, bytes]]]:
    """A recorded session: its snapshot, and every frame with the local time of its receipt."""
    path = CAPTURES / "binance" / "usdm_btcusdt_20240808.gz"
    if not path.exists():
        pytest.skip(f"no recorded material at {CAPTURES}: set STEELYARD_CAPTURES")
    snapshot, frames = b"", []
    for line in gzip.decompress(path.read_bytes()).splitlines():
        at_ns, _, frame = line.partition(b" ")
        if frame.lstrip().startswith(b'{"lastUpdateId"'):
            snapshot = frame.strip()
        else:
            frames.append((int(at_ns), frame.strip()))
    return snapshot, frames

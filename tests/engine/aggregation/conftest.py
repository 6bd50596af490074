"""Systems that remove their lanes."""

import gzip
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import shm
from engine.lanes import lane_of
from engine.model.words import RoleState
from tests.engine.aggregation.hands import System

CAPTURES = Path(os.environ.get("STEELYARD_CAPTURES", "../shared/captures"))


@pytest.fixture
def make_system() -> Iterator[Callable[..., System]]:
    """Make systems and remove them after the test."""
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
def beating(make_system: Callable[..., System]) -> Iterator[tuple[System, Callable[..., None]]]:
    """A system whose feed has a heartbeat, and its hand on it."""
    name, record = f"test-aggregation-{secrets.token_hex(6)}.heartbeat.feed", lane_of("heartbeat").record
    shm.create(name, record, "cells", count=1)
    cell = shm.CellWriter(name, record)

    def beat(at_ns: int, state: int = RoleState.RUNNING) -> None:
        cell.write(0, 0, at_ns, 0, 0, 0, 0, state, 0, 0, 0)

    yield make_system(feed=shm.CellReader(name, record)), beat
    cell.close()
    shm.remove(name)


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

"""A system of tiny roles in its own directories and segments, all removed after the test."""

import gc
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import shm
from engine.config import Config, load
from tests.engine.floor import Floor

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
Write = Callable[..., Config]


@pytest.fixture
def system() -> str:
    """A name that no other test has."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def write(system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write a configuration of two tiny roles, followed by more text, and load it."""
    monkeypatch.setenv("STEELYARD_RUN_DIRECTORY", str(tmp_path / "run"))
    monkeypatch.setenv("STEELYARD_STATE_DIRECTORY", str(tmp_path / "state"))
    paths = [str(ROOT), str(HERE / "supervisor"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))

    def make(text: str = "", watch: str = "") -> Config:
        file = tmp_path / "system.toml"
        file.write_text(
            f'[system]\nname = "{system}"\n'
            '[roles]\nalpha = "tiny_role:build"\nbeta = "tiny_role:build"\n'
            f"[watch]\nbeat_ms = 5\nlate_ms = 150\nfrozen_ms = 600\nbackoff_first_ms = 10\n{watch}\n{text}"
        )
        config = load(file)
        config.paths.make()
        return config

    yield make
    remove_segments(system)


def remove_segments(system: str) -> None:
    """Leave nothing in /dev/shm."""
    gc.collect()  # a writer in a cycle of a failed test still holds its lane
    for name in [*shm.names(system), *shm.names(system, aside=True)]:
        shm.remove(name)
    for lock in Path("/dev/shm").glob(f"steelyard.{system}.*.lock"):  # of a segment that never was
        lock.unlink()


@pytest.fixture
def floor(system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Floor]]:
    """Make whole trading systems; nothing of them is left."""
    monkeypatch.setenv("STEELYARD_RUN_DIRECTORY", str(tmp_path / "run"))
    monkeypatch.setenv("STEELYARD_STATE_DIRECTORY", str(tmp_path / "state"))
    made: list[Floor] = []

    def make(more: str = "", config: str = "demo", **replace: str) -> Floor:
        made.append(Floor(tmp_path, system, more, config, **replace))
        return made[-1]

    yield make
    for one in made:
        one.sweep()
    remove_segments(system)

"""The installed wheel works in an empty environment outside the repository: it starts, trades and stops a system."""

import gc
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.conftest import remove_segments
from tests.engine.floor import Running
from tests.tidy.wheel import ROOT, build, copy_compiled, install, make_environment, run


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An operator's directory, with the run and state directories of the test."""
    monkeypatch.setenv("STEELYARD_RUN_DIRECTORY", str(tmp_path / "run"))
    monkeypatch.setenv("STEELYARD_STATE_DIRECTORY", str(tmp_path / "state"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def system() -> Iterator[str]:
    """A name that no other test has; its segments are removed."""
    name = f"t{uuid.uuid4().hex[:12]}"
    yield name
    gc.collect()
    remove_segments(name)


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """The programs of an environment with the wheel, its compiled modules copied from the tree instead of compiled."""
    wheel = build(tmp_path, "whole")["whole"]
    found, packages = make_environment(tmp_path / "venv")
    install(wheel, found)
    copy_compiled(packages)
    return found


def trade(programs: Path, place: Path, system: str) -> None:
    """Write a starter system, start it, let it trade, stop it."""
    found = run(programs, place, "python", "-c", "import engine, shm; print(engine.__file__, shm.__file__)")
    assert str(ROOT) not in found, f"the repository was imported, expected the wheel: {found}"
    run(programs, place, "engine-ctl", "init", "mine", "--name", system)
    running = Running(place / "mine" / f"{system}.toml")
    try:
        assert "is up" in run(programs, place, "engine-ctl", "up", f"mine/{system}.toml", "--timeout", "100")
        assert running.trades()
        assert "trading" in run(programs, place, "engine-ctl", "status", "--system", system)
        assert "is down" in run(programs, place, "engine-ctl", "down", "--system", system)
        assert not running.open_orders()
    finally:
        running.sweep()


@pytest.mark.timeout(300)
def test_an_installed_engine_trades_outside_the_repository(programs: Path, place: Path, system: str) -> None:
    """Files that only the repository has are missing for a user who installs the wheel."""
    trade(programs, place, system)
    run(programs, place / "mine", "python", "-m", "unittest")
    page = (programs.parent / "share/man/man1/engine-ctl.1").read_text()
    assert run(programs, place, "engine-ctl", "man").splitlines()[1:] == page.splitlines()[1:], "but for the date"


@pytest.mark.soak  # compiles for minutes
@pytest.mark.timeout(1800)
def test_a_compiled_wheel_trades_outside_the_repository(tmp_path: Path, place: Path, system: str) -> None:
    """The wheel as a user gets it: compiled by its own build, with nothing copied from the tree."""
    wheel = build(tmp_path, "whole", compiled=True)["whole"]
    found, _ = make_environment(tmp_path / "venv")
    install(wheel, found)
    trade(found, place, system)
    assert "0 differences" in run(found, place, "python", "-m", "engine.demo", "--duration", "5")

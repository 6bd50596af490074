"""Which system a command addresses."""

from pathlib import Path

import pytest

import shm
from engine.cli.output import choose_system, is_running
from engine.config import Config, Paths, known_systems
from engine.lanes import lane_of
from tests.engine.typed import Typed, Write


def test_a_system_is_chosen_by_the_environment_and_by_its_run_directory(
    typed: Typed, market: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator of two systems sets the one he works on once, not at every command."""
    name = market.system.name
    monkeypatch.setenv("STEELYARD_SYSTEM", name)
    assert len(typed.rows("orders")) == 2
    monkeypatch.setenv("STEELYARD_SYSTEM", "nope")
    assert "no system 'nope' (STEELYARD_SYSTEM)" in typed("orders", code=3)
    assert len(typed.rows("orders", "--system", str(market.paths.run))) == 2
    assert Paths.known(name).state == market.paths.state
    assert "no such directory" in typed("orders", "--system", "/nowhere/at/all", code=3)


def test_ls_lists_every_system_and_where_it_is(typed: Typed, write: Write, system: str) -> None:
    """Who has started something must find it again without knowing where its files lie."""
    config = write()
    typed("up", config.path)
    rows = {row["system"]: row for row in typed.rows("ls")}
    assert (rows[system]["run"], rows[system]["config"]) == (str(config.paths.run), config.path)
    assert (rows[system]["mode"], rows[system]["state"]) == ("paper", "trading")
    assert rows[system]["since"].endswith("Z")
    typed("down", "--system", system)
    assert system not in {row["system"] for row in typed.rows("ls")}
    (config.paths.state / "journal").mkdir()
    assert {row["system"]: row for row in typed.rows("ls", "--all")}[system]["state"] == "down"


def test_a_system_that_is_down_is_not_called_unknown(typed: Typed, write: Write, system: str) -> None:
    """Its journal is there; "no system" would send the operator to look for the right name."""
    write().paths.deaths.touch()
    assert f"{system} is down: engine-ctl up CONFIG starts it" in typed("status", "--system", system, code=3)
    assert "no system" in typed("status", "--system", f"{system}x", code=3)


def test_a_system_in_a_directory_of_its_own_is_found_by_its_name(
    typed: Typed, write: Write, system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`status` and `down` get no file, and searched the socket in the wrong directory."""
    config = write()
    file = Path(config.path)
    file.write_text(file.read_text().replace("[roles]", f'run_directory = "{tmp_path}/own"\n[roles]'))
    monkeypatch.delenv("STEELYARD_RUN_DIRECTORY")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "xdg"))
    typed("up", config.path)
    assert (tmp_path / "own" / system / "control.sock").exists()
    assert typed.tree("status", "--system", system)["system"] == system
    assert system in known_systems()
    assert "is down" in typed("down", "--system", system)
    assert system not in known_systems()


def test_the_one_living_system_is_meant_among_dead_ones(typed: Typed, market: Config) -> None:
    """Segments that a crash left must not keep a bare `down` from its system."""
    dead = f"{market.system.name}x"
    for system in (dead, market.system.name):
        shm.create(f"{system}.extra", lane_of("fills").record, kind="ring", capacity=1024, reserve=1)
    writer = shm.RingWriter(market.lane("extra"), lane_of("fills").record)
    try:
        assert choose_system(dead) == dead
        with_living = [system for system in shm.systems() if is_running(system)]
        assert market.system.name in with_living
        assert dead not in with_living
        assert typed.tree("shm", "stat", f"{dead}.extra", "--seconds", "0")["name"] == f"{dead}.extra"
    finally:
        writer.close()
        for system in (dead, market.system.name):
            shm.remove(f"{system}.extra")

"""Each file of configs/ is a system that can be started: checked as `up` checks it, and paper trading is started."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.cli import main as engine_ctl
from engine.cli.check import check
from engine.config import Config, load
from tests.engine.answers import data_of
from tests.engine.floor import Floor

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
SYSTEMS = sorted(path.stem for path in CONFIGS.glob("*.toml") if "\n[system]\n" in path.read_text())
NEEDS_RECORDING = {"replay"}  # started with a recording in tests/engine/feed/replay
ON_PATH = {"feed", "execution", "strategy"}
Make = Callable[..., Floor]


@pytest.mark.parametrize("name", sorted({*SYSTEMS} - NEEDS_RECORDING))
def test_each_file_passes_the_check_of_up(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody copies the file and starts it; a box of sixteen cores is not needed to find a wrong key."""
    monkeypatch.setenv("STEELYARD_STATE_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))
    check(load(CONFIGS / f"{name}.toml", {}))


def test_the_paper_configuration_has_small_limits_and_flushes_every_order() -> None:
    """The template for paper trading: small orders, a small position, and every order flushed before it is sent."""
    made = load(CONFIGS / "paper.toml")
    limits = made.risk
    assert (limits["max_order_size_usd"], limits["max_position_usd"], made.journal.sync) == (100, 1000, "each")


def cores_of(config: Config) -> dict[str, set[int]]:
    """The cores of each process."""
    return {process.name: set(process.cores) for process in config.placement}


@pytest.mark.parametrize(("name", "cores"), [("cores2", 2), ("cores16", 16)])
def test_a_spinning_process_shares_its_core_with_none(name: str, cores: int) -> None:
    """Two processes that spin on one core have half of it each, and each waits milliseconds for the other."""
    config = load(CONFIGS / f"{name}.toml", {})
    placed = cores_of(config)
    assert all(placed.values()), "a process without cores may run on any, also on a reserved one"
    assert set().union(*placed.values()) <= set(range(cores))
    for process in config.placement:
        if process.wait == "spin":
            assert not placed[process.name] & set().union(*(placed[one] for one in placed if one != process.name))
        if ON_PATH & {config.kind_of(role) for role in process.roles}:
            assert process.wait == "spin", process.name


def test_what_is_not_on_the_path_gives_way_to_the_canceller() -> None:
    """They share a core: orders of a dead execution must not wait for a bar."""
    by_name = {process.name: process for process in load(CONFIGS / "cores16.toml", {}).placement}
    assert by_name["canceller"].cores == by_name["aggregation"].cores
    assert (by_name["aggregation"].schedule, by_name["aggregation"].nice) == ("batch", 5)
    assert (by_name["canceller"].schedule, by_name["canceller"].nice) == ("", 0)


def test_check_warns_when_the_canceller_has_no_key_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only preflight reported it; one revoked key would stop execution and canceller together."""
    monkeypatch.setenv("STEELYARD_STATE_DIRECTORY", str(tmp_path))
    file = tmp_path / "paper.toml"
    text = (CONFIGS / "paper.toml").read_text().replace("cores = [", "# cores = [")
    file.write_text(text)
    assert engine_ctl(["check", str(file), "--json"]) == 0
    [warning] = data_of(capsys.readouterr().out)["warnings"]
    assert "the canceller uses the key of execution" in warning
    assert engine_ctl(["check", str(file)]) == 0
    assert f"warn: {warning}" in capsys.readouterr().out
    off = "\n[canceller]\nenabled = false\n"
    file.write_text(text + off)
    assert engine_ctl(["check", str(file), "--json"]) == 0
    assert data_of(capsys.readouterr().out)["warnings"] == []

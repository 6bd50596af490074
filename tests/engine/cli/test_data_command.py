"""The commands of the history: which directory they work on, and what retention by hand does."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from engine.cli import main
from engine.config import Paths, load
from engine.lanes.map import lane_of
from engine.recorder import build
from engine.recorder.locks import PARTS
from engine.recorder.part import Head, PartWriter

CONFIG = """
[system]
name = "{name}"
state_directory = "{place}/state"
run_directory = "{place}/run"
[recorder]
directory = "{place}/elsewhere"
{more}
[[processes]]
name = "recorder"
roles = ["recorder"]
"""
DAY_NS = 86_400_000_000_000


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system's file whose recorder writes to another place."""
    for name in ("STEELYARD_RUN_DIRECTORY", "STEELYARD_STATE_DIRECTORY", "STEELYARD_SYSTEM"):
        monkeypatch.delenv(name, raising=False)
    return write(tmp_path)


def write(place: Path, more: str = "") -> Path:
    """The file."""
    path = place / "system.toml"
    path.write_text(CONFIG.format(name=f"data{place.name[-8:]}".replace("-", "_"), place=place, more=more))
    return path


def recorded(directory: Path, days: int) -> None:
    """A closed part with a row on each of the last days."""
    place, row = directory / PARTS / "ticks.feed", lane_of("ticks").record
    place.mkdir(parents=True)
    head = Head("ticks", "feed", "ring", row.name, row.size, row.descr, "ab" * 16, 0, 0, {})
    rows = np.zeros(days, row.dtype)
    rows["publish_ns"] = time.time_ns() - np.arange(days)[::-1] * DAY_NS
    part = PartWriter(place / "1.open", head)
    part.add_rows(rows, 0, 1)
    part.finish()


def test_the_directory_is_the_one_that_the_file_configures(
    configured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`data ls` of an empty default place would look like a recorder that never wrote."""
    assert main(["data", "ls", "--config", str(configured)]) == 3
    found = capsys.readouterr().err
    assert f"{tmp_path}/elsewhere ([recorder] directory of {configured}): no recording" in found
    assert "--directory" in found
    recorded(tmp_path / "elsewhere", 1)
    assert main(["data", "seal", "--config", str(configured)]) == 0
    assert f"{tmp_path}/elsewhere: 1 rows sealed" in capsys.readouterr().out


def test_a_given_directory_is_used_instead(
    configured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A copy on another disk is checked with the file of the system that made it."""
    assert main(["data", "ls", "--config", str(configured), "--directory", f"{tmp_path}/copy"]) == 3
    assert f"{tmp_path}/copy (--directory): no recording" in capsys.readouterr().err


def test_the_recorder_leaves_a_link_where_readers_look_for_it(configured: Path, tmp_path: Path) -> None:
    """`research.history(system=…)`, and a command while the system is down, know only the system's name."""
    config = load(configured)
    role = build(config, "recorder")
    role.close()
    assert config.paths.history().resolve() == (tmp_path / "elsewhere").resolve()
    role = build(config, "recorder")
    role.close()
    assert Paths.of(config.system.name, f"{tmp_path}/run", f"{tmp_path}/state").history().resolve().is_dir()


def test_prune_keeps_what_the_file_keeps(configured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Today and keep_days before it stay; without the key nothing is removed."""
    words = ["data", "prune", "--config", str(configured)]
    recorded(tmp_path / "elsewhere", 6)
    main(["data", "seal", "--config", str(configured)])
    assert main(words) == 2
    assert "no keep_days in [recorder], so every day is kept" in capsys.readouterr().err
    write(tmp_path, "keep_days = 2")
    assert main([*words, "--dry-run"]) == 0
    assert "3 rows would be removed, 3 days" in capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    rows = [json.loads(line)["data"] for line in capsys.readouterr().out.splitlines()]
    assert [(row["kind"], row["rows"]) for row in rows] == [("ticks", 1)] * 3
    assert main(["data", "check", "--config", str(configured)]) == 0
    assert "3 rows, 0 problems" in capsys.readouterr().out


def test_a_day_after_today_is_refused(configured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A day that is not over is being written."""
    recorded(tmp_path / "elsewhere", 1)
    assert main(["data", "prune", "--config", str(configured), "--before", "2999-01-01"]) == 2
    assert "expected a day up to today" in capsys.readouterr().err
    assert main(["data", "prune", "--config", str(configured), "--before", "soon"]) == 2
    assert "--before soon: expected a day as 2026-11-30" in capsys.readouterr().err

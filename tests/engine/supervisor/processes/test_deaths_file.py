"""The file of deaths: what a line holds, and that its size has a bound."""

from pathlib import Path

import pytest

from engine.supervisor.processes import deaths
from engine.supervisor.processes.deaths import Death


def death(number: int = 1, **more: object) -> Death:
    """A death with these fields."""
    return Death(number, "core", ("alpha", "beta"), 100 + number, "a role failed", exit_code=70, **more)  # type: ignore[arg-type]


def test_a_death_is_read_as_it_was_written(tmp_path: Path) -> None:
    """`engine-ctl deaths` and the alerts read this file, and nothing else, about a process that has ended."""
    record = {"lane": "intents.maker", "sequence": 7, "strategy": "maker", "instrument": 1}
    deaths.append(tmp_path / "deaths.log", death(record=record, log=("a line",), stack="File x, line 1"))
    deaths.append(tmp_path / "deaths.log", Death(2, "feed", ("feed",), 102, "killed", signal="SIGKILL", adopted=True))
    first, second = deaths.read(tmp_path / "deaths.log")
    assert first == {
        "now_ns": 1, "process": "core", "roles": ["alpha", "beta"], "pid": 101, "cause": "a role failed",
        "exit_code": 70, "signal": None, "record": record, "log": ["a line"], "stack": "File x, line 1",
        "adopted": False, "raised": "",
    }  # fmt: skip
    assert (second["exit_code"], second["signal"], second["adopted"]) == (None, "SIGKILL", True)


def test_the_file_of_deaths_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies every 10 s for a month must not fill the disk of the journal."""
    monkeypatch.setattr(deaths, "SIZE_MAX", 4096)
    for number in range(200):
        deaths.append(tmp_path / "deaths.log", death(number, log=("x" * 100,)))
    found = list(deaths.read(tmp_path / "deaths.log"))
    assert len(list(tmp_path.iterdir())) == 5
    assert all(path.stat().st_size <= 4096 for path in tmp_path.iterdir())
    assert [one["now_ns"] for one in found] == list(range(200 - len(found), 200))


def test_one_death_has_a_bound(tmp_path: Path) -> None:
    """A role may log 64 KiB in a line, and a stack may have a thousand frames."""
    deaths.append(tmp_path / "deaths.log", death(log=("y" * 65_536,) * 100, stack="z" * 1_000_000))
    assert (tmp_path / "deaths.log").stat().st_size < 120_000


def test_a_line_that_a_full_disk_has_cut_hides_no_other(tmp_path: Path) -> None:
    """The disk was full at one death, and is not at the next one."""
    path = tmp_path / "deaths.log"
    deaths.append(path, death(1))
    path.write_bytes(path.read_bytes() + b'{"now_ns": 2, "proc\n')
    deaths.append(path, death(3))
    assert [one["now_ns"] for one in deaths.read(path)] == [1, 3]


def test_a_disk_without_room_does_not_stop_the_supervisor(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The process must be started again all the same."""
    deaths.append(tmp_path / "missing" / "deaths.log", death())
    assert caplog.records[-1].name_of == "core"  # type: ignore[attr-defined]

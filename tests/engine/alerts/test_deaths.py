"""The file of deaths is read once, line by line, through renamings and restarts."""

from pathlib import Path

from engine.alerts.deaths import DeathsFile
from engine.supervisor.processes import deaths


def died(pid: int) -> deaths.Death:
    """A death as the supervisor records it."""
    return deaths.Death(now_ns=pid, process="feed", roles=("feed",), pid=pid, cause="SIGKILL")


def test_each_death_is_read_once_as_the_supervisor_writes_it(tmp_path: Path) -> None:
    """The two sides of the file are in different layers: only a test holds them together."""
    path = tmp_path / "deaths.log"
    file = DeathsFile(path)
    deaths.append(path, died(1))
    deaths.append(path, died(2))
    assert [(one.process, one.pid, one.cause) for one in file.read()] == [
        ("feed", 1, "SIGKILL"),
        ("feed", 2, "SIGKILL"),
    ]
    assert file.read() == []


def test_the_first_life_begins_at_the_end(tmp_path: Path) -> None:
    """Deaths of last month are no news."""
    path = tmp_path / "deaths.log"
    deaths.append(path, died(1))
    file = DeathsFile(path)
    deaths.append(path, died(2))
    assert [one.pid for one in file.read()] == [2]


def test_a_later_life_continues_where_the_first_one_stopped(tmp_path: Path) -> None:
    """The deaths while alerts was dead are reported, its own among them."""
    path = tmp_path / "deaths.log"
    first = DeathsFile(path)
    deaths.append(path, died(1))
    first.read()
    deaths.append(path, died(2))
    assert [one.pid for one in DeathsFile(path, first.inode, first.offset).read()] == [2]


def test_a_renamed_file_is_read_to_its_end(tmp_path: Path) -> None:
    """A full file is renamed at any moment: its last lines must not be lost."""
    path = tmp_path / "deaths.log"
    file = DeathsFile(path)
    deaths.append(path, died(1))
    file.read()
    deaths.append(path, died(2))
    path.rename(tmp_path / "deaths.log.1")
    deaths.append(path, died(3))
    assert [one.pid for one in file.read()] == [2, 3]


def test_half_a_line_waits_and_a_spoilt_line_is_passed(tmp_path: Path) -> None:
    """The writer can be in the middle of a line, and a full disk can have cut one."""
    path = tmp_path / "deaths.log"
    path.touch()
    file = DeathsFile(path)
    deaths.append(tmp_path / "whole", died(4))
    line = (tmp_path / "whole").read_bytes()
    path.write_bytes(b'{"process": "fe\n' + line[:20])
    assert file.read() == []
    path.write_bytes(b'{"process": "fe\n' + line)
    assert [one.pid for one in file.read()] == [4]

"""A process's log: bounded, whole over deaths, and readable."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import log
from engine.cli import CommandError, logs, main
from engine.cli.logs import Entry, Source, _more, _process
from engine.config import Config, Paths
from engine.model.refusals import reject_text
from tests.engine.answers import data_of
from tests.engine.floor import Floor

WRITER = """
import logging, sys
from engine import log
log.LIMIT, log.KEPT = 4096, 2
log.begin(sys.argv[1])
for number in range(int(sys.argv[2])):
    logging.getLogger("test").warning("line", extra={"number": number})
"""


def write(path: Path, process: str, count: int) -> None:
    """A process that logs so many lines into a file that the supervisor opened."""
    log.make_room(path)
    with path.open("ab") as error:
        subprocess.run([sys.executable, "-c", WRITER, process, str(count)], stderr=error, check=True)


def numbers(path: Path) -> list[int]:
    """The lines of a part."""
    return [json.loads(line)["number"] for line in path.read_text().splitlines()]


def test_a_log_that_is_followed_is_whole_over_every_renaming(tmp_path: Path) -> None:
    """The lines before a rotation show why so much was logged."""
    path = tmp_path / "feed.log"
    write(path, "feed", 10)
    source = Source(path)
    assert [entry.tree["number"] for entry in source.past()] == list(range(10))
    for count in (3, 45, 80, 0, 1):  # in the same part, a part further, two parts further, nothing, one line
        write(path, "feed", count)
        assert [entry.tree["number"] for entry in source.fresh()] == list(range(count))
    assert log.part(path, 2).exists(), "nothing was renamed twice"


def test_a_follower_sees_a_log_that_is_made_later_and_every_part_of_it(tmp_path: Path) -> None:
    """A role that is started while an operator watches is the one that the operator watches for."""
    sources: dict[Path, Source] = {}
    write(tmp_path / "feed.log", "feed", 1)
    assert [entry.process for entry in _more(tmp_path, "", sources)] == ["feed"]
    write(tmp_path / "maker.log", "maker", 45)
    assert log.part(tmp_path / "maker.log", 1).exists(), "nothing was renamed"
    found = [(entry.process, entry.tree["number"]) for entry in _more(tmp_path, "", sources)]
    assert found == [("maker", number) for number in range(45)]
    assert _more(tmp_path, "", sources) == []


def test_a_role_that_is_configured_and_was_never_started_can_be_followed(floor: Callable[..., Floor]) -> None:
    """A user types `log -f` before `up`; without -f there is nothing to show, and the command reports it."""
    one = floor()
    one.config.paths.make()
    one.paths.system.write_text(json.dumps({"config": str(one.file)}))
    assert _process(one.system, one.paths.logs, "maker", may_come=True) == "maker"
    for role, may_come in (("maker", False), ("makr", True)):
        with pytest.raises(CommandError, match=f"no log of {role}"):
            _process(one.system, one.paths.logs, role, may_come=may_come)


def test_a_huge_line_is_cut_and_does_not_lift_the_limit(tmp_path: Path) -> None:
    """One field of what a venue sent can be larger than the whole log may be."""
    path = tmp_path / "feed.log"
    code = (
        "import logging, sys\nfrom engine import log\nlog.begin('feed')\n"
        "for _ in range(3): logging.getLogger('t').warning('frame', extra={'said': 'x' * 50_000_000, 'number': 7})"
    )
    with path.open("ab") as error:
        subprocess.run([sys.executable, "-c", code], stderr=error, check=True)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["number"] for line in lines] == [7, 7, 7]
    assert lines[0]["said"].endswith("… (50000000 characters)")
    assert path.stat().st_size < 100_000


def test_a_line_of_another_writer_that_is_longer_than_a_read_is_shown_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library that writes a line without an end would stop a following reader for ever."""
    monkeypatch.setattr(logs, "READ_MOST", 100)
    path = tmp_path / "feed.log"
    source = Source(path)
    path.write_text("y" * 350 + "\nshort\nhalf")
    shown = [entry.text for entry in source.past()]
    assert ("".join(shown[:-1]), shown[-1]) == ("y" * 350, "short")
    path.write_text(path.read_text() + " done\n")
    assert [entry.text for entry in source.fresh()] == ["half done"]


def test_what_a_venue_sent_cannot_command_the_terminal() -> None:
    """An escape sequence in a reject could clear the screen or hide the line that matters."""
    printed = Entry(0.0, "feed", {"event": "rejected\x1b[2J", "said": "a\nb"}).format(utc=True)
    assert printed.endswith("feed: rejected?[2J said=a?b")
    assert reject_text(b"-1", b"\x1b]0;owned\x07") == "-1 ?]0;owned?"


def test_a_full_disk_under_the_log_ends_no_process(tmp_path: Path) -> None:
    """What cannot be logged must not keep anybody from cancelling."""
    path = tmp_path / "writer.py"
    path.write_text(WRITER)
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, str(path), "feed", "1000"], stderr=full, check=False)
    assert done.returncode == 0


def test_a_log_is_bounded_and_its_newest_lines_are_there(tmp_path: Path) -> None:
    """A process that logs in a loop must not fill the disk on which the journal is."""
    path = tmp_path / "feed.log"
    write(path, "feed", 500)
    parts = sorted(tmp_path.iterdir())
    assert [one.name for one in parts] == ["feed.log", "feed.log.1", "feed.log.2"]
    assert all(one.stat().st_size < 4096 + 200 for one in parts)
    found = [number for name in (".2", ".1", "") for number in numbers(tmp_path / f"feed.log{name}")]
    assert found == list(range(found[0], 500)), "a line was lost or doubled at a renewal"


def test_two_processes_with_one_log_lose_no_line(tmp_path: Path) -> None:
    """What makes checkpoints inherits execution's log; a renewal by one must not truncate the other's lines."""
    path = tmp_path / "execution.log"
    log.make_room(path)
    with path.open("ab") as error:
        command = [sys.executable, "-c", WRITER.replace("4096, 2", "4096, 99"), "one", "300"]
        both = [subprocess.Popen(command, stderr=error) for _ in range(2)]
        assert [one.wait(60) for one in both] == [0, 0]
    found = [number for one in tmp_path.iterdir() for number in numbers(one)]
    assert sorted(found) == sorted([*range(300), *range(300)])


def test_a_death_between_two_renames_leaves_nothing_to_repair(tmp_path: Path) -> None:
    """The next life opens a new log, and the older parts go on being counted."""
    path = tmp_path / "feed.log"
    write(path, "feed", 5)
    path.replace(tmp_path / "feed.log.1")  # killed here
    write(path, "feed", 5)
    assert (numbers(path), numbers(tmp_path / "feed.log.1")) == (list(range(5)), list(range(5)))


@pytest.fixture
def logged(write: object) -> Paths:
    """A system that is down and whose processes have logged."""
    assert callable(write)
    config: Config = write()
    (config.paths.state / "journal").mkdir()
    stream = config.paths.log("alpha").open("w")
    logger = logging.getLogger("test_log")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(log.JsonLine("alpha"))
    logger.addHandler(handler)
    try:
        int("not a number")
    except ValueError:
        logger.exception("a role failed", extra={"steps": 7})
    logger.removeHandler(handler)
    stream.write("a C library said this\n")
    stream.close()
    config.paths.log("beta").write_text('{"time": 1.5, "level": "info", "process": "beta", "event": "first"}\n')
    return config.paths


def test_the_log_is_readable_after_the_system_is_down(
    logged: Paths, system: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seconds since 1970 and a traceback in one line are not read at three in the morning."""
    assert main(["log", "--system", system, "--utc"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1970-01-01 00:00:01.500Z INFO     beta: first"
    assert "ERROR    alpha: a role failed steps=7" in lines[1]
    assert lines[2] == "    Traceback (most recent call last):"
    assert lines[-1].endswith("alpha: a C library said this")
    assert main(["log", "--system", system, "-n", "1", "alpha"]) == 0
    assert "a C library" in capsys.readouterr().out
    assert main(["log", "--system", system, "gamma"]) == 3
    assert f"{logged.logs}, found logs of alpha, beta" in capsys.readouterr().err


def test_paths_shows_where_everything_is(logged: Paths, system: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The state directory is three environment variables away from what one would guess."""
    assert main(["paths", "--system", system, "--json"]) == 0
    tree = data_of(capsys.readouterr().out)
    assert (tree["state"], tree["logs"], tree["journal"]) == (
        str(logged.state), str(logged.state / "logs"), str(logged.state / "journal")
    )  # fmt: skip

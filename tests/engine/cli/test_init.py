"""`engine-ctl init`: what it writes is a system that runs, trades and stops, with a strategy whose test passes."""

import gc
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import engine
from engine.cli import WRONG_USE, main
from engine.cli.init import FILES, PORTS, STARTER, port_for
from engine.config import load
from tests.engine.answers import data_of
from tests.engine.conftest import remove_segments
from tests.engine.floor import Running

ROOT = Path(engine.__file__).parents[1]


@pytest.fixture
def running(system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """The starter system, written but not up."""
    monkeypatch.setenv("STEELYARD_RUN_DIRECTORY", str(tmp_path / "run"))
    monkeypatch.setenv("STEELYARD_STATE_DIRECTORY", str(tmp_path / "state"))
    assert main(["init", str(tmp_path / "mine"), "--name", system]) == 0
    made = Running(tmp_path / "mine" / f"{system}.toml")
    yield made
    made.sweep()
    gc.collect()
    remove_segments(system)


def test_a_starter_system_trades_as_it_is_and_leaves_no_order(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody who installs the engine has a trading system after two commands.

    Its strategy has no on_parameters: a value that is set for it is refused with what to do.
    """
    running.up()
    assert running.trades()
    assert running.type("status") == 0
    assert running.type("set", "follow.size", "0.002") == 2
    refused = capsys.readouterr().err
    assert "change the file, then engine-ctl reload, which names the process to restart; nothing was changed" in refused
    assert running.type("down") == 0
    assert not running.open_orders()


def test_its_strategys_test_passes_and_can_fail(running: Running) -> None:
    """A sample without a test that runs teaches its reader to trade untested."""
    words = [sys.executable, "-m", "unittest"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    place = running.file.parent
    done = subprocess.run(words, cwd=place, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Ran 4 tests" in done.stderr
    strategy = place / "follow.py"
    strategy.write_text(strategy.read_text().replace("<= self.most", "<= 9 * self.most"))
    done = subprocess.run(words, cwd=place, env=environment, capture_output=True, text=True, check=False)
    assert "test_it_stops_at_its_largest_position" in done.stderr
    assert done.returncode == 1


def test_every_template_is_written_without_a_mark(running: Running) -> None:
    """A mark that is left is a path that does not exist."""
    place = running.file.parent
    written = {path.name for path in place.iterdir()}
    assert written == {name.replace("@NAME@", running.system) for name in FILES.values()} | {"venue.toml"}
    assert {path.name for path in STARTER.iterdir() if path.suffix != ".pyc"} - {"__pycache__"} == {
        *FILES,
        "__init__.py",
    }
    for path in place.iterdir():
        assert not any(mark in path.read_text() for mark in ("@NAME@", "@PORT@", "@DIRECTORY@")), path
    assert (place / "venue.toml").read_text() == (ROOT / "configs" / "venue.toml").read_text()
    assert (place / ".env.example").stat().st_mode & 0o777 == 0o600


def test_the_example_of_secrets_is_read_once_it_is_copied(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy keeps the mode, and a file that others can read would be refused."""
    monkeypatch.delenv("STEELYARD_API_KEY", raising=False)
    place = running.file.parent
    shutil.copy(place / ".env.example", place / ".env")
    (place / ".env").write_text((place / ".env").read_text().replace("KEY=", "KEY=abc"))
    running.file.write_text(running.file.read_text().replace("[system]", '[system]\nenv_file = ".env"'))
    load(running.file)
    assert os.environ.pop("STEELYARD_API_KEY") == "abc"


@pytest.mark.parametrize("form", ["filled", "file"])
def test_a_directory_with_files_is_refused_and_untouched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    """A strategy of the user must not be replaced by a sample."""
    place = tmp_path / "mine"
    if form == "filled":
        place.mkdir()
        for name in ("follow.py", "a", "b", "c"):
            (place / name).write_text("precious")
    else:
        place.write_text("precious")
    assert main(["init", str(place)]) == WRONG_USE
    printed = capsys.readouterr().err
    assert str(place) in printed
    assert "expected a new or an empty directory" in printed
    assert "a, b, c and 1 more" in printed or form == "file"
    assert all(path.read_text() == "precious" for path in ([place] if form == "file" else place.iterdir()))


def test_a_name_that_no_system_may_have_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The directory's name is the default, and a directory may be called anything."""
    assert main(["init", str(tmp_path / "My Strategies")]) == WRONG_USE
    assert "'My Strategies' is not allowed for a system" in capsys.readouterr().err
    assert not (tmp_path / "My Strategies").exists()
    assert main(["init", str(tmp_path / "My Strategies"), "--name", "mine", "--json"]) == 0
    tree = data_of(capsys.readouterr().out)
    assert (tree["system"], Path(tree["config"]).name) == ("mine", "mine.toml")


def test_two_systems_have_two_ports() -> None:
    """Both may run at once; a port of outgoing connections could be in use at the next start."""
    ports = {port_for(f"system{number}") for number in range(20)}
    assert len(ports) == 20
    assert ports <= set(PORTS)

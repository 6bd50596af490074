"""What an installation holds: a wheel can run the demo, an editable install is a plain path that tools can follow."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.tidy.test_tidy import TRACKED
from tests.tidy.wheel import ROOT, build

MINE = """
from typing import Annotated

import msgspec

from engine.strategy import BUY, SELL, Book, Fill, Instrument, Print, Strategy, TimeInForce, size_of


class Mine(Strategy):
    class Parameters(msgspec.Struct, frozen=True):
        size: str

    parameters: Parameters

    def on_book(self, book: Book) -> None:
        one: Instrument = book.instrument
        self.place(one, BUY, size_of(one, self.parameters.size), book.best(SELL), time_in_force=TimeInForce.IOC)
        reveal_type(self.orders(one)[0].remaining)

    def on_print(self, print_: Print) -> None:
        reveal_type(print_.price)

    def on_fill(self, fill: Fill) -> int:
        return fill.size


class Other(Strategy):
    def on_fill(self, fill: Fill) -> None:
        print(fill.sizes)
"""


LINKED = ("configs/", "systemd/")  # folders of the top level that are in the package engine by a link


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, zipfile.ZipFile]:
    """A wheel and an editable wheel of the project, as pip has them built."""
    built = build(tmp_path_factory.mktemp("project"), "whole", "editable")
    return {kind: zipfile.ZipFile(path) for kind, path in built.items()}


def test_a_wheel_holds_what_the_demo_needs(wheels: dict[str, zipfile.ZipFile]) -> None:
    """Installed elsewhere there is no top level of the project to find a configuration in."""
    files = wheels["whole"].namelist()
    for name in ("demo.toml", "venue.toml", "paper.toml", "paper-venue.toml", "live.toml", "replay.toml"):
        assert [file for file in files if file.endswith(f"/{name}")] == [f"engine/configs/{name}"]
    assert "engine/configs/strategies/imbalance_maker.toml" in files
    assert "engine/py.typed" in files
    assert "engine/strategy/api/intent_api.pyi" in files
    assert len(files) == len(set(files))


def test_a_wheel_holds_every_file_of_the_tree_that_is_no_program(wheels: dict[str, zipfile.ZipFile]) -> None:
    """A file without an entry under package data works in the repository and is missing everywhere else."""
    held = [name for name in TRACKED if name.startswith(("shm/", "engine/", "research/", *LINKED))]
    data = {name for name in held if not name.endswith((".py", ".c", ".1"))}
    data -= {f"engine/{name[:-1]}" for name in LINKED}
    expected = {f"engine/{name}" if name.startswith(LINKED) else name for name in data}
    assert {
        "engine/systemd/steelyard@.service",
        "engine/starter/system.toml",
        "engine/starter/README.md",
        "shm/ring.h",
    } <= expected
    assert expected <= set(wheels["whole"].namelist())


def test_a_wheel_installs_the_man_page(wheels: dict[str, zipfile.ZipFile]) -> None:
    """`man engine-ctl` finds it beside the program."""
    [page] = [name for name in wheels["whole"].namelist() if name.endswith(".data/data/share/man/man1/engine-ctl.1")]
    assert wheels["whole"].read(page) == (ROOT / "engine/cli/manual/engine-ctl.1").read_bytes()


def test_packaged_configurations_are_those_of_the_top_level() -> None:
    """Two copies would differ one day."""
    assert (ROOT / "engine" / "configs").samefile(ROOT / "configs")


def test_an_editable_install_is_a_path(wheels: dict[str, zipfile.ZipFile]) -> None:
    """An import hook is followed by Python alone: mypy and editors then see no type of the engine."""
    [path] = [name for name in wheels["editable"].namelist() if ".dist-info/" not in name]
    assert path.endswith(".pth")
    assert Path(wheels["editable"].read(path).decode().strip(), "engine").samefile(ROOT / "engine")


@pytest.mark.timeout(600)  # mypy reads the engine and numpy anew
def test_a_strategys_author_sees_wrong_types_in_a_checker(tmp_path: Path) -> None:
    """In a directory of one's own, with the engine installed as such a path: hooks, calls and rows have types."""
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    [packages] = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (packages / "steelyard.pth").write_text(f"{ROOT}\n{Path(pytest.__file__).resolve().parents[1]}\n")
    (tmp_path / "mine.py").write_text(MINE)
    words = ["--strict", "--python-executable", str(python), "--cache-dir", str(tmp_path / "cache"), "mine.py"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    lines = [line.partition(": ")[2] for line in done.stdout.splitlines()]
    assert lines[0] == 'note: Revealed type is "int"', done.stdout
    assert lines[1] == 'note: Revealed type is "int"'
    assert 'Return type "int" of "on_fill" incompatible with return type "None" in supertype' in done.stdout
    assert '"Fill" has no attribute "sizes"' in done.stdout
    assert done.stdout.count("error:") == 2

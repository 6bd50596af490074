"""What an installation holds: a wheel can run the demo, an editable install is a plain path that tools can follow."""

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ASK = """
import json
from setuptools import Distribution
from setuptools.command.editable_wheel import _StaticPth, editable_wheel
made = Distribution()
made.script_name = "setup.py"
made.parse_config_files()
made.set_defaults()
made.include_package_data = False  # only what pyproject.toml names: nothing is written into the tree
build = made.get_command_obj("build_py")
build.ensure_finalized()
files = sorted(f"{package}/{name}" for package, _, _, names in build.data_files for name in names)
editable = editable_wheel(made)
editable.ensure_finalized()
editable.project_dir = "."
strategy = editable._select_strategy("steelyard", "tag", "build")
print(json.dumps([files, isinstance(strategy, _StaticPth)]))
"""
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


@pytest.fixture(scope="module")
def installed() -> tuple[list[str], bool]:
    """Each package's data files as setuptools finds them, and whether an editable install is a plain path."""
    done = subprocess.run([sys.executable, "-c", ASK], cwd=ROOT, capture_output=True, text=True, check=True)
    files, plain = json.loads(done.stdout.splitlines()[-1])
    return files, plain


def test_a_wheel_holds_what_the_demo_needs(installed: tuple[list[str], bool]) -> None:
    """Installed elsewhere there is no top level of the project to find a configuration in."""
    files, _ = installed
    for name in ("demo.toml", "venue.toml", "paper.toml", "live.toml", "replay.toml"):
        assert f"engine.configs/{name}" in files
    assert "engine.configs.strategies/imbalance_maker.toml" in files
    assert "engine/py.typed" in files
    assert "engine.strategy/voice.pyi" in files


def test_packaged_configurations_are_those_of_the_top_level() -> None:
    """Two copies would differ one day."""
    assert (ROOT / "engine" / "configs").samefile(ROOT / "configs")


def test_an_editable_install_is_a_path(installed: tuple[list[str], bool]) -> None:
    """An import hook is followed by Python alone: mypy and editors then see no type of the engine."""
    assert installed[1]


def test_a_strategys_author_is_told_of_wrong_types_elsewhere(tmp_path: Path) -> None:
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

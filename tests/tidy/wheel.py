"""Wheels of the project, and environments outside the repository into which they are installed."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MADE_OF = ("pyproject.toml", "README.md", "LICENSE", "configs", "shm", "engine", "research")
COMPILED = ("setup.py",)
BUILD = """
import sys
from setuptools import build_meta
for kind in sys.argv[1:]:
    getattr(build_meta, "build_editable" if kind == "editable" else "build_wheel")(kind)
"""


def build(project: Path, *kinds: str, compiled: bool = False) -> dict[str, Path]:
    """Build wheels of these kinds as pip has them built; links keep the tree as it is.

    Without `compiled` nothing is compiled, and the wheel has every file but the compiled ones.
    """
    for name in MADE_OF + COMPILED * compiled:
        (project / name).symlink_to(ROOT / name)
    subprocess.run([sys.executable, "-c", BUILD, *kinds], cwd=project, capture_output=True, text=True, check=True)
    return {kind: next((project / kind).glob("*.whl")) for kind in kinds}


def make_environment(place: Path) -> tuple[Path, Path]:
    """Make an empty environment that finds the dependencies; its `bin`, and its packages.

    The path of the dependencies is read without their .pth files, so an editable install of the project is not found.
    """
    venv.create(place, with_pip=False)
    [packages] = (place / "lib").glob("python*/site-packages")
    (packages / "dependencies.pth").write_text(f"{Path(pytest.__file__).resolve().parents[1]}\n")
    return place / "bin", packages


def install(wheel: Path, programs: Path) -> None:
    """Install a wheel as an operator does, but without the network."""
    words = [
        "--python",
        str(programs / "python"),
        "install",
        "--quiet",
        "--no-compile",
        "--no-deps",
        "--no-index",
        str(wheel),
    ]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True, capture_output=True, text=True)


def copy_compiled(packages: Path) -> None:
    """Copy the tree's compiled modules to where a wheel would have them."""
    for room in ("shm", "engine", "research"):
        for file in (ROOT / room).rglob("*.so"):
            shutil.copy(file, packages / file.relative_to(ROOT))


def run(programs: Path, place: Path, *words: str) -> str:
    """Run a program of an environment in a directory outside the repository; what it printed."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(programs / words[0]), *words[1:]], cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout

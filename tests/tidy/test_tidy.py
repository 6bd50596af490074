"""The house is in order: what lint cannot see."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()  # noqa: S607 - from the path
FILES = [ROOT / name for name in TRACKED] or [
    path for path in ROOT.rglob("*") if path.is_file() and not {".git", ".venv", "build"} & set(path.parts)
]
SOURCES = [path for path in FILES if path.suffix in {".py", ".pyx", ".pxd", ".pyi", ".h", ".c"} and path.exists()]
PRODUCT = [path for path in SOURCES if path.relative_to(ROOT).parts[0] in {"shm", "engine", "research"}]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
LAYERS = [tuple(name.strip() for name in layer.split("|")) for layer in CONTRACTS[0]["layers"]]


def layer_of(module: str) -> int | None:
    """How deep a module lies; None outside the layers."""
    for depth, names in enumerate(LAYERS):
        if any(module == name or module.startswith(name + ".") for name in names):
            return depth
    return None


def module_of(path: Path) -> str:
    """The dotted name of a source file."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", [p for p in SOURCES if p.suffix == ".pyx"], ids=str)
def test_every_compiled_module_has_its_types_beside_it(path: Path) -> None:
    """Without them mypy sees nothing of what is hot."""
    assert path.with_suffix(".pyi").exists()


@pytest.mark.parametrize("path", [p for p in PRODUCT if p.suffix in {".pyx", ".pxd"}], ids=str)
def test_compiled_modules_import_only_downward(path: Path) -> None:
    """import-linter does not read Cython."""
    here = layer_of(module_of(path))
    for module in re.findall(r"^\s*(?:from|cimport|import)\s+([\w.]+)", path.read_text(), re.MULTILINE):
        there = layer_of(module)
        assert here is None or there is None or there >= here, f"{path.name} imports {module}"


def test_no_work_is_left_as_a_note() -> None:
    """A note in the code is a feature that does not exist."""
    words = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b|NotImplemented" + r"Error")
    assert [str(path) for path in SOURCES if words.search(path.read_text())] == []


def test_nothing_names_the_machine_it_was_made_on() -> None:
    """A path of one machine works nowhere else."""
    marks = re.compile(r"/wo" + r"rk/|/ro" + r"ot/|\.libr" + r"ary")
    texts = [path for path in FILES if path.is_file() and path.suffix not in {".so", ".gz", ".zst"}]
    assert [str(path) for path in texts if marks.search(path.read_text(errors="ignore"))] == []


def test_no_test_sleeps() -> None:
    """A sleeping test is slow on a good day and wrong on a bad one."""
    calls = re.compile(r"\btime\.sle" + r"ep\(|asyncio\.sle" + r"ep\((?!0\))")
    tests = [path for path in SOURCES if path.relative_to(ROOT).parts[0] == "tests"]
    assert [str(path) for path in tests if calls.search(path.read_text())] == []


def test_the_data_plane_serialises_nothing() -> None:
    """Shared memory carries records: no pickle and no JSON but the segment's own description."""
    for path in PRODUCT:
        if path.relative_to(ROOT).parts[0] != "shm" or path.suffix != ".py":
            continue
        imported = {
            alias.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        allowed = {"json"} if path.name in {"header.py", "record.py"} else set()
        assert not imported & ({"pickle", "json", "orjson", "marshal"} - allowed), path


def test_the_readme_opens_with_the_two_commands() -> None:
    """A visitor tries two commands before reading on."""
    first_screen = "\n".join((ROOT / "README.md").read_text().splitlines()[:24])
    assert "make demo" in first_screen
    assert "make test" in first_screen


def test_importing_shm_does_not_import_the_engine_or_numpy() -> None:
    """The core is small enough to load anywhere, in milliseconds."""
    code = "import sys, shm; print([m for m in ('numpy', 'engine', 'rich', 'orjson') if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


@pytest.mark.timeout(600)  # mypy reads all of it anew
def test_the_stubs_agree_with_the_compiled_modules() -> None:
    """A stub that lies makes mypy's word worthless."""
    stubs = [module_of(path) for path in PRODUCT if path.suffix == ".pyi"]
    config = str(ROOT / "pyproject.toml")
    command = [
        sys.executable,
        "-m",
        "mypy.stubtest",
        "--mypy-config-file",
        config,
        "--ignore-missing-stub",
        "--ignore-disjoint-bases",
        *stubs,
    ]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.xfail(strict=True, reason="the canary: a suite in which this passes checks nothing")
def test_the_canary_fails() -> None:
    """One test must fail, or the runner is not looking."""
    assert layer_of("shm") == layer_of("research")

"""`engine-ctl strategy new | build | parameters`: what an author gets, and what is refused."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

import engine
from engine.cli import FAILED, WRONG_USE, main
from engine.strategy.compiled import MARK
from tests.engine.answers import rows_of

ROOT = Path(engine.__file__).parents[1]
TAPE = """
import importlib, json, random, sys
from engine.strategy.harness import Harness
draw = random.Random(int(sys.argv[2]))
module = importlib.import_module("mine")
harness = Harness(module.Mine, {"size": "0.001", "position_max": "0.003"})
found = []
for _ in range(600):
    middle, sizes = 6_000_000 + draw.randrange(-200, 200), [str(draw.randrange(1, 50)) for _ in range(2)]
    intents = harness.book([(f"{middle / 100:.2f}", sizes[0])], [(f"{(middle + 3) / 100:.2f}", sizes[1])])
    found += map(repr, intents)
    if intents and draw.random() < 0.5:
        harness.rest(intents[0])
    if intents:
        harness.fill(intents[0])
print(json.dumps([module.__file__, found]))
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The author's directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def python(*words: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the author's directory."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, check=False)


def test_a_new_strategy_has_a_test_that_passes(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first thing that an author does with it is to run its test."""
    assert main(["strategy", "new", "my_idea"]) == 0
    assert 'class = "my_idea:MyIdea"' in capsys.readouterr().out
    done = python("-m", "unittest", "test_my_idea")
    assert "Ran 4 tests" in done.stderr, done.stderr
    assert done.returncode == 0
    assert main(["strategy", "parameters", "my_idea:MyIdea", "--json"]) == 0
    rows = rows_of(capsys.readouterr().out)
    assert [(one["name"], one["type"], one["bounds"], one["default"], one["live"]) for one in rows] == [
        ("size", "str", "", None, False), ("position_max", "str", "", None, False),
        ("imbalance", "float", ">= 0.0, <= 1.0", 0.05, False),
    ]  # fmt: skip
    assert sorted(path.name for path in place.iterdir() if path.suffix == ".py") == ["my_idea.py", "test_my_idea.py"]


@pytest.mark.parametrize(("words", "code", "text"), [
    (("new", "taken"), WRONG_USE, "taken.py exists: choose another name, nothing was written"),
    (("new", "json"), WRONG_USE, "Python has a module 'json', which would hide yours"),
    (("new", "My-Idea"), WRONG_USE, "'My-Idea' is no name of a module, expected a-z, 0-9 and _"),
    (("new",), WRONG_USE, "strategy new: expected a name, like mine"),
    (("build", "no.py"), FAILED, "no.py: expected a strategy's file, like mine.py"),
    (("build", "bad.py"), FAILED, "bad.py, line 1: '(' was never closed"),
    (("build", "taken.py"), FAILED, "no C compiler"),
    (("parameters", "taken:Nothing"), WRONG_USE, "expected module:class of a class derived from"),
])  # fmt: skip
def test_what_cannot_be_done_is_refused_with_what_was_expected(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...],
    code: int, text: str,
) -> None:  # fmt: skip
    """A file of the author is never replaced, and a missing compiler is named with the line that installs it."""
    (place / "taken.py").write_text("precious = 1\n")
    (place / "bad.py").write_text("x = (\n")
    if "compiler" in text:
        monkeypatch.setenv("PATH", "/nowhere")
    assert main(["strategy", *words]) == code
    assert text in capsys.readouterr().err
    assert (place / "taken.py").read_text() == "precious = 1\n"


def test_a_stale_compiled_module_that_a_strategy_imports_is_refused(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python imports the extension first: an edit of the file beside it would be tested and traded by nothing."""
    (place / "stale_signals.py").write_text(f'{MARK} = "the hash of an older file"\nSIDE = 1\n')
    (place / "uses_stale.py").write_text(
        "import stale_signals\nfrom engine.strategy import Strategy\n\n\n"
        "class Mine(Strategy):\n    def on_book(self, book): pass\n"
    )
    assert main(["strategy", "parameters", "uses_stale:Mine"]) == WRONG_USE
    assert "stale_signals.py has changed since it was compiled: engine-ctl strategy build" in capsys.readouterr().err
    del sys.modules["stale_signals"]


@pytest.mark.soak
def test_a_compiled_strategy_submits_what_its_file_submits(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file that was tested is the one that trades; and never an extension of an older file."""
    assert main(["strategy", "new", "mine"]) == 0
    file = place / "mine.py"
    seed = str(random.randrange(1 << 30))
    first, plain = json.loads(python("-c", TAPE, "-", seed).stdout)
    assert main(["strategy", "build", "mine.py"]) == 0
    second, fast = json.loads(python("-c", TAPE, "-", seed).stdout)
    assert (first.endswith("mine.py"), second.endswith(".so")) == (True, True)
    assert len(plain) > 100
    assert plain == fast, f"seed {seed}"
    file.write_text(file.read_text() + "\n# changed\n")
    assert main(["strategy", "parameters", "mine:Mine"]) == WRONG_USE
    assert "mine.py has changed since it was compiled: engine-ctl strategy build" in capsys.readouterr().err

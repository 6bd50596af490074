"""The mutation tool itself: it makes the mutants it names, notices them, and its list of equivalents is true."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutation.__main__ import chosen, equivalents
from tests.mutation.areas import AREAS
from tests.mutation.mutants import Module
from tests.mutation.session import ROOT

SOURCE = '''
CODES = frozenset({-1, -2})
def f(a, b=1):
    """Not mutated."""
    if a < b and not a:
        self.x = 3
    return min(a + b, 2)
'''


def test_a_last_return_of_nothing_is_not_left_out(tmp_path: Path) -> None:
    """The function returns None without it too, so no test could notice."""
    (tmp_path / "m.py").write_text("def f(a):\n    if a:\n        return None\n    g()\n    return None\n")
    found = [(one.lines.start, one.before) for one in Module(tmp_path, "m.py").mutants if one.after == "(left out)"]
    assert found == [(3, "return None"), (4, "g()")]


def test_a_word_to_the_collector_is_no_mutant(tmp_path: Path) -> None:
    """Whether it looks after a struct changes no value."""
    (tmp_path / "m.py").write_text("class C(Struct, gc=False, frozen=True):\n    a: int = 1\n")
    assert [one.before for one in Module(tmp_path, "m.py").mutants] == ["True", "1", "1"]


def test_a_name_that_is_given_up_is_no_mutant(tmp_path: Path) -> None:
    """Nothing can notice that an argument which is not used is still there; an item of a table can."""
    (tmp_path / "m.py").write_text("def f(a, b):\n    del a\n    del b.c\n    del b[b]\n")
    assert [one.before for one in Module(tmp_path, "m.py").mutants] == ["del b.c", "del b[b]"]


def test_every_kind_of_mutant_is_made(tmp_path: Path) -> None:
    """A kind that is never made finds nothing, and no other test would notice."""
    (tmp_path / "m.py").write_text(SOURCE)
    module = Module(tmp_path, "m.py")
    found = {(mutant.within, mutant.before, mutant.after) for mutant in module.mutants}
    assert found >= {
        ("", "{-1, -2}", "{-2}"),
        ("", "{-1, -2}", "{-1}"),
        ("", "1", "2"),
        ("f", "a < b", "a <= b"),
        ("f", "a < b and (not a)", "a < b or not a"),
        ("f", "not a", "a"),
        ("f", "self.x = 3", "(left out)"),
        ("f", "a + b", "a - b"),
        ("f", "2", "1"),
        ("f", "min(a + b, 2)", "max(a + b, 2)"),
        ("f", "return min(a + b, 2)", "return None"),
    }
    before = ast.dump(module.tree)
    for mutant in module.mutants:
        module.code(mutant)
    assert ast.dump(module.tree) == before


@pytest.mark.parametrize("key", equivalents())
def test_equivalent_mutant_still_exists(key: tuple[str, ...]) -> None:
    """A row that fits no mutant any more hides the next one that looks like it."""
    assert key in {mutant.key for mutant in Module(ROOT, key[0]).mutants}


def test_areas_name_what_exists() -> None:
    """A module that was moved must not drop out of the score in silence."""
    for area in AREAS.values():
        assert all((ROOT / path).exists() for path in (*area.modules, *area.tests))
    with pytest.raises(SystemExit, match="no area"):
        chosen(["engine/nowhere.py"])


RUN_IN_FOLDER = """
import sys
from pathlib import Path
from tests.mutation import __main__ as tool
from tests.mutation.areas import Area
tool.ROOT, tool.AREAS = Path.cwd(), {"it": Area(("price.py",), ("test_price.py",))}
sys.exit(tool.main())
"""
PRICE = "def is_marketable(price, best):\n    return price >= best\n\n\ndef is_far(price):\n    return price > 9\n"
WEAK = "from price import is_marketable\n\n\ndef test_above():\n    assert is_marketable(3, 2)\n"
FULL = (
    "from price import is_far, is_marketable\n\n\ndef test_all():\n"
    "    assert [is_marketable(one, 2) for one in (1, 2, 3)] == [False, True, True]\n"
    "    assert [is_far(one) for one in (9, 10)] == [False, True]\n"
)


def _run_tool(folder: Path, tests: str) -> subprocess.CompletedProcess[str]:
    """Mutate a module of two functions that is held by these tests."""
    (folder / "price.py").write_text(PRICE)
    (folder / "test_price.py").write_text(tests)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"}
    return subprocess.run(
        [sys.executable, "-c", RUN_IN_FOLDER], cwd=folder, env=environment, check=False, capture_output=True, text=True
    )


def test_a_survivor_is_printed_and_fails_the_run(tmp_path: Path) -> None:
    """A mutant that no test notices, or that none reaches, must not pass in silence."""
    run = _run_tool(tmp_path, WEAK)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "survived: price.py:2: is_marketable: price >= best  ->  price > best  (1 tests)" in run.stdout
    assert "unreached: price.py:6: is_far: price > 9  ->  price >= 9  (0 tests)" in run.stdout


def test_the_run_passes_when_every_mutant_is_noticed(tmp_path: Path) -> None:
    """A mutant that a test does notice must not be reported."""
    run = _run_tool(tmp_path, FULL)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "noticed (100.0 %)" in run.stdout
    assert "survived" not in run.stdout


def test_the_run_stops_when_the_tests_fail_by_themselves(tmp_path: Path) -> None:
    """Tests that are red on the clean code would notice every mutant."""
    run = _run_tool(tmp_path, WEAK.replace("(3, 2)", "(1, 2)"))
    assert run.returncode == 2, run.stdout + run.stderr
    assert "mend them first\ntest_price.py::test_above\n" in run.stderr

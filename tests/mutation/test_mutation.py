"""The mutation tool itself: it makes the mutants it names, notices them, and its list of equivalents is true."""

import ast
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


def test_every_kind_of_mutant_is_made(tmp_path: Path) -> None:
    """A kind that is never made finds nothing, and nobody would miss it."""
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


@pytest.mark.soak
def test_a_survivor_is_told_and_fails_the_run() -> None:
    """The tool must tell a mutant that a test notices from one that none does, on the product itself."""
    words = ["engine/venues/sim/market.py", "--within", "Market.size_filter"]
    found = subprocess.run(
        [sys.executable, "-m", "tests.mutation", *words], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "noticed (100.0 %)" in found.stdout

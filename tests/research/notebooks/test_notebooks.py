"""Every notebook of `research/notebooks`, executed against a system that trades on paper."""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import floor, system  # noqa: F401 - the fixtures of whole systems
from tests.engine.floor import Floor, until
from tests.engine.on_paper import on_paper, real_market

NOTEBOOKS = Path(__file__).resolve().parents[3] / "research" / "notebooks"
RECORDER = "\n[recorder]\nseal_seconds = 0\n"


@pytest.fixture
def paper(floor: Callable[..., Floor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Floor]:  # noqa: F811
    """A paper system that has traded and is recorded."""
    with real_market() as market:
        made = on_paper(floor, market, RECORDER)
        made.up()
        monkeypatch.setenv("STEELYARD_SYSTEM", made.system)
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        yield made


def execute(path: Path) -> list[Any]:
    """Run a notebook in a kernel of its own; the cells with their outputs. An error of a cell is raised here."""
    import nbclient
    import nbformat

    book = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(
        book, timeout=60, kernel_name="python3", resources={"metadata": {"path": path.parent}}
    ).execute()
    return [cell for cell in book.cells if cell.cell_type == "code"]


def text_of(cell: Any) -> str:
    """What a cell shows."""
    return "".join(one.get("text", "") or one.get("data", {}).get("text/plain", "") for one in cell.outputs)


@pytest.mark.soak
@pytest.mark.timeout(240)
def test_the_notebooks_run_against_a_system_that_trades(paper: Floor) -> None:
    """The cycle from an idea to paper trading, once from end to end."""
    assert until(lambda: [one for one in paper.truth() if one["what"] == "fill"])
    look = execute(NOTEBOOKS / "live_look.ipynb")
    assert paper.system in text_of(look[0])
    assert "buyers" in text_of(look[2])
    assert "account" in text_of(look[4])
    idea = execute(NOTEBOOKS / "from_idea_to_paper.ipynb")
    chosen = json.loads(text_of(idea[3]).replace("'", '"'))
    assert chosen["half_width_steps"] in (2, 6)
    assert paper.trades()
    states = open_parameters(paper)
    assert states["half_width_steps"] == chosen["half_width_steps"]
    assert text_of(execute(NOTEBOOKS / "sweep.ipynb")[-1]).count("imbalancemaker-") == 4
    parity = execute(NOTEBOOKS / "parity.ipynb")
    assert re.search(r"maker +(identical|partial)", text_of(parity[1])), text_of(parity[1])


def open_parameters(paper: Floor) -> dict[str, Any]:
    """The maker's parameters in force, as the system has stored them."""
    values = json.loads(paper.paths.settings.read_text())["owners"]["maker"]["values"]
    return {name: one["value"] if isinstance(one, dict) else one for name, one in values.items()}


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_outputs(path: Path) -> None:
    """Outputs are large, differ at every run, and show the names of a machine."""
    cells = json.loads(path.read_text())["cells"]
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in cells)
    assert path.stat().st_size < 20_000
    assert os.environ.get("HOME", "/") == "/" or os.environ["HOME"] not in path.read_text()

"""The line of each key: what an operator opens when `config show` or an error names it."""

import tomllib
from pathlib import Path

import pytest

from engine.config.lines import lines_of, statements
from engine.config.overrides import find

CONFIGS = sorted((Path(__file__).resolve().parents[3] / "configs").glob("*.toml"))
TEXT = """\
# a comment with [a.header] = 1
top = 1
"quoted=key" = 2
[[rows]]
name = "[not a header]"
[[rows.inner]]
list = [
    1, # = ]
    2,
]
[[rows.inner]]
text = \"\"\"
= x
[y]
\"\"\"
[rows.table]
dotted.key = 3
[[rows]]
[[rows.inner]]
inline = { a = 1, b = "=" }
"""


def test_every_form_of_a_key_has_its_line() -> None:
    """A wrong line sends an operator to another key."""
    assert lines_of(TEXT) == {
        "top": 2,
        "quoted=key": 3,
        "rows[0].name": 5,
        "rows[0].inner[0].list": 7,
        "rows[0].inner[1].text": 12,
        "rows[0].table.dotted.key": 17,
        "rows[1].inner[0].inline": 20,
    }


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_each_line_of_a_shipped_file_holds_the_key_that_is_found_there(path: Path) -> None:
    """The scanner and tomllib must agree on the place of every key."""
    text = path.read_text()
    lines, tree = lines_of(text), tomllib.loads(text)
    assert len(lines) == sum(bool(held) and not line.startswith("[") for _, line, held in statements(text))
    for place, number in lines.items():
        assert find(tree, place) is not None, place
        assert text.splitlines()[number - 1].startswith(place.rpartition(".")[2])

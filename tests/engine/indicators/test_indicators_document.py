"""docs/indicators.md has the table that the definitions write, and its examples run."""

import re
from pathlib import Path

import numpy as np

import engine
from engine.indicators.catalogue import make
from engine.indicators.describe import table

DOCS = Path(engine.__file__).parents[1] / "docs"
PAGE = (DOCS / "indicators.md").read_text()
HOW_TO = (DOCS / "how-to" / "indicator.md").read_text()
EPOCH = {"epoch": 1, "begin": 0, "end": 50}


def examples(page: str) -> list[str]:
    """The blocks of Python on a page."""
    return re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def test_the_table_is_written_from_the_definitions() -> None:
    """A wrong formula in a document costs money. `python -m engine.indicators.describe` prints the table."""
    assert table() in PAGE


def test_the_examples_run_in_their_order() -> None:
    """A reader copies them."""
    prices = 100 + np.random.default_rng(1).normal(size=50).cumsum()
    names = {"prices": prices, "read": lambda: [prices], **EPOCH}
    for block in examples(PAGE):
        exec(block, names)  # noqa: S102 - our own document
    assert names["decision"].side in {-1, 0, 1}
    assert len(names["cache"]) == 2


def test_the_example_of_the_how_to_is_an_indicator() -> None:
    """Names, arrays and a restart work as the page states."""
    names: dict[str, object] = {"__name__": "an_author"}
    [block] = examples(HOW_TO)
    exec(block, names)  # noqa: S102 - our own document
    slope = make("slope_0.5")
    np.testing.assert_array_equal(slope.over([1, 3, 5]), [np.nan, 1, 1.5])
    slope.update(1)
    again = make("slope_0.5")
    again.load(slope.save())
    assert again.update(3) == 1

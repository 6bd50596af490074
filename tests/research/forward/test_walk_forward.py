"""Walk-forward: parts that begin with the right books, and choices that do not know what follows."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.market import BTC, made
from engine.book import Book
from research.forward import Walk, walk_forward
from research.forward.part import part_of, row_at
from research.forward.walk import _cut
from research.simulate import check
from research.simulate.data.events import LAST, LEVEL, RESET, Events
from tests.research.simulate.tapes import BTC as OTHER
from tests.research.simulate.tapes import ETH, tape
from tests.research.sweep.cases import MODELS
from tests.research.sweep.strategies import Every


def books(events: Events) -> dict[int, tuple]:
    """The books after all events."""
    found: dict[int, Book] = {}
    for event in events:
        one = int(event["instrument"])
        if event["flags"] & RESET or one not in found:
            found[one] = Book()
        if event["kind"] == LEVEL:
            found[one].set(int(event["side"]), int(event["price"]), int(event["size"]))
    return {one: (book.top(1, 99), book.top(-1, 99)) for one, book in found.items()}


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_part_begins_with_the_books_before_it(share: float) -> None:
    """A part without its book would have an empty market, and other fills than the whole."""
    events = tape(5, 3_000)
    at_ns = int(np.quantile(events["receive_ns"], share))
    row = row_at(events, at_ns)
    part = part_of(events, row, len(events))
    check(part, (OTHER, ETH))
    assert events[row - 1]["flags"] & LAST
    count = len(part) - (len(events) - row)
    assert count > 2
    assert books(part[:count]) == {one: book for one, book in books(events[:row]).items() if any(map(len, book))}
    assert (part[count:] == events[row:]).all()


@pytest.mark.parametrize("shift_ns", [0, 100, 200])
def test_the_parts_have_every_event(shift_ns: int) -> None:
    """A time of today as a float is up to 128 ns wrong: the first and the last message would be lost."""
    events = made(3_000)
    for name in ("venue_ns", "receive_ns"):
        events[name] += shift_ns
    edges, rows = _cut(events, 3, 2, anchored=False)
    assert (rows[0], rows[-1]) == (0, len(events))
    assert (int(edges[0]), int(edges[-1])) == (int(events[0]["receive_ns"]), int(events[-1]["receive_ns"]) + 1)


@pytest.mark.parametrize(("change", "text"), [
    (lambda events: events[::-1].copy(), "data: row . is received before the row before it: sort"),
    (lambda events: np.stack([events, events]), "data: found .* expected one row of records"),
    (lambda events: events["price"], "data: found int64 of shape .* expected one row of records"),
    (lambda events: events[:100][events["flags"][:100] & LAST == 0], "data: the last row is in the middle"),
])  # fmt: skip
def test_data_that_cannot_be_cut_is_refused_with_the_reason(change: Any, text: str) -> None:
    """An index that is out of bounds says nothing to a user."""
    with pytest.raises(ValueError, match=text):
        walk_forward(change(made(3_000)), Every, space={"every": [2]}, instruments=[BTC], models=MODELS)


def walked(home: Path, events: Events, **options: object) -> Walk:
    """A short walk."""
    return walk_forward(
        events, Every, space={"every": [2, 3, 5]}, instruments=[BTC], models=MODELS, home=home, train=2, slices=8,
        workers=2, **options,
    )  # fmt: skip


def test_no_choice_depends_on_what_follows_it(tmp_path: Path) -> None:
    """A choice that knows the next part is the best of luck, not of skill."""
    events = made(3_000)
    walk = walked(tmp_path / "one", events, folds=1)
    split_ns = walk.folds[0].split_ns
    changed = events.copy()
    later = np.flatnonzero((events["receive_ns"] >= split_ns) & (events["kind"] == LEVEL))
    changed["size"][later] = changed["size"][later][::-1]
    other = walked(tmp_path / "two", changed, folds=1)
    assert walk.folds[0].chosen.figures == other.folds[0].chosen.figures
    assert walk.folds[0].sweep == other.folds[0].sweep  # the same tape, to the byte
    assert walk.folds[0].judged.figures != other.folds[0].judged.figures
    curve = walk.curve()
    assert len(curve) == 8
    assert curve["equity"][-1] == pytest.approx(sum(one.judged.figures["pnl"] for one in walk.folds), abs=1e-6)
    assert (np.diff(curve["at_ns"]) > 0).all()


@pytest.mark.soak  # eight sweeps
def test_an_anchored_walk_begins_with_the_data(tmp_path: Path) -> None:
    """Where the past does not change its nature, all of it is used."""
    rolling = walked(tmp_path, made(3_000), folds=2)
    assert rolling.folds[1].begin_ns > rolling.folds[0].begin_ns
    walk = walked(tmp_path, made(3_000), folds=2, anchored=True)
    assert walk.folds[0].begin_ns == walk.folds[1].begin_ns
    assert walk.folds[1].split_ns == walk.folds[0].end_ns
    with pytest.raises(ValueError, match="folds: found 0, expected a number from 1 on"):
        walk_forward(made(1_000), Every, space={}, folds=0)

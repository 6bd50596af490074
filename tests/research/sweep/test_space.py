"""The trials of a sweep: which there are, and what is refused before one runs."""

from typing import Any

import pytest

from research.sweep.space import axes_of, check_bounds, count_of, points_of
from tests.research.sweep.strategies import Every


def points(space: dict[str, Any], search: str = "grid", trials: int = 0, seed: int = 0) -> list[dict[str, Any]]:
    """All trials."""
    axes = axes_of(space, search)
    return list(points_of(axes, search, count_of(axes, search, trials), seed))


def test_a_grid_has_every_combination_with_exact_steps() -> None:
    """0.1 three times is 0.3 for a user, and 0.30000000000000004 in floats."""
    found = points({"entry": {"from": 0.1, "to": 0.3, "step": 0.1}, "side": ["a", "b"]})
    assert found == [{"entry": entry, "side": side} for entry in (0.1, 0.2, 0.3) for side in ("a", "b")]


def test_a_random_trial_depends_on_the_seed_and_its_number_alone() -> None:
    """With draws from one stream, a resumed sweep would run other trials."""
    space = {"n": {"from": 1, "to": 100}, "x": {"from": 0.5, "to": 0.9}, "l": {"from": 1, "to": 10_000, "log": True}}
    few, many = points(space, "random", 5, 7), points(space, "random", 50, 7)
    assert many[:5] == few
    assert points(space, "random", 5, 8) != few
    assert all(1 <= one["n"] <= 100 and 0.5 <= one["x"] <= 0.9 and 1 <= one["l"] <= 10_000 for one in many)
    assert len({one["n"] for one in many}) > 20


@pytest.mark.parametrize(
    ("space", "search", "trials", "text"),
    [
        ({}, "grid", 0, "found no parameter"),
        ({"every": []}, "grid", 0, "space.every: found .*expected a list of values"),
        ({"every": {"from": 3, "to": 1, "step": 1}}, "grid", 0, "expected from <= to"),
        ({"every": {"from": 1, "to": 3}}, "grid", 0, "a grid needs `step`"),
        ({"every": {"from": 1, "to": 3, "stop": 1}}, "grid", 0, "space.every: .*stop"),
        ({"every": [1]}, "bayes", 0, "search: found 'bayes', expected one of grid, random"),
        ({"every": [1]}, "random", 0, "trials: found 0, expected 1"),
        ({"every": [1]}, "grid", 5, "a grid runs each of its 1 combinations"),
        ({"every": {"from": 1, "to": 10_000_000, "step": 1}}, "grid", 0, "has 10000000 values"),
    ],
)
def test_a_space_that_cannot_run_is_refused_by_name(space: dict[str, Any], search: str, trials: int, text: str) -> None:
    """An error after an hour of trials costs the hour."""
    with pytest.raises(ValueError, match=text):
        points(space, search, trials)


@pytest.mark.parametrize(
    ("fixed", "space", "text"),
    [
        ({}, {"every": {"from": 1, "to": 3, "step": 0.5}}, "parameter `every` = 1.5 is refused: Expected `int`"),
        ({}, {"every": [1, 0]}, "parameter `every` = 0 is refused: Expected `int` >= 1"),
        ({}, {"every": {"from": 1, "to": 5000, "step": 1}}, "`every` = 5000 is refused: Expected `int` <= 1000"),
        ({}, {"every": ["often"]}, "`every` = 'often' is refused: Expected `int`, got `str`"),
        ({"evry": 1}, {"every": [1]}, "no parameter `evry`: did you mean every?"),
        ({}, {"size": [1]}, "parameter `every` has no value: give it in `parameters` or `space`"),
    ],
)
def test_a_value_outside_the_declared_bounds_is_refused_before_the_start(
    fixed: dict[str, Any], space: dict[str, Any], text: str
) -> None:
    """The strategy declares what it accepts; a sweep over other values would test another strategy."""
    with pytest.raises(ValueError, match=text):
        check_bounds(Every, fixed, axes_of(space, "grid"))

"""The walker computes what the library that trained the model computes, bit for bit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.inference.convert import read_lightgbm, read_xgboost
from engine.inference.trees import DOUBLE, FLOAT, Split, Trees, TreesError, build
from engine.inference.walker import Walker
from tests.engine.inference.trained import hostile, lightgbm_model, saved, xgboost_model

ROWS = 50_000
XGBOOST: list[dict[str, Any]] = [
    {}, {"max_depth": 1}, {"max_depth": 11, "eta": 0.05}, {"trees": 1}, {"trees": 13, "base_score": 0.3},
    {"objective": "reg:squarederror"}, {"objective": "binary:logitraw"}, {"grow_policy": "lossguide", "max_leaves": 90},
    {"objective": "reg:squarederror", "base_score": -2.5},
]  # fmt: skip
LIGHTGBM: list[dict[str, Any]] = [
    {}, {"trees": 1}, {"trees": 9, "objective": "regression"}, {"num_leaves": 300, "min_data_in_leaf": 2},
    {"use_missing": False},
]  # fmt: skip


def xgboost_margins(seed: int, options: dict[str, Any], place: Path, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The margins of XGBoost and ours of the same rows."""
    model = xgboost_model(seed, **options)
    found = read_xgboost(saved(model, place))
    table = hostile(found, seed, rows)
    return model.inplace_predict(table, predict_type="margin"), Walker(found.trees).over(table)


@pytest.mark.parametrize("options", XGBOOST, ids=str)
def test_margins_of_xgboost_are_equal_bit_for_bit(options: dict[str, Any], tmp_path: Path) -> None:
    """What was validated is what trades: also with NaN, infinities, -0.0 and numbers exactly on a split."""
    theirs, ours = xgboost_margins(1, options, tmp_path, ROWS)
    assert theirs.dtype == ours.dtype == np.float32
    assert theirs.tobytes() == ours.tobytes()


@pytest.mark.parametrize("options", LIGHTGBM, ids=str)
def test_margins_of_lightgbm_are_equal_bit_for_bit(options: dict[str, Any], tmp_path: Path) -> None:
    """The second source of models, in its own float64."""
    model = lightgbm_model(2, **options)
    found = read_lightgbm(saved(model, tmp_path))
    table = hostile(found, 2, ROWS)
    assert model.predict(table, raw_score=True, num_threads=1).tobytes() == Walker(found.trees).over(table).tobytes()


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_million_rows_are_equal_bit_for_bit(tmp_path: Path) -> None:
    """The same on the count that the promise names."""
    theirs, ours = xgboost_margins(3, {"trees": 100}, tmp_path, 1_000_000)
    assert theirs.tobytes() == ours.tobytes()


NUMBER = st.one_of(st.floats(width=32), st.sampled_from([-0.0, 1.0, 2.0]))


@st.composite
def forests(draw: Callable[..., Any]) -> list[list[Split | float]]:
    """Trees of any shape, with few different thresholds."""

    def grown(depth: int) -> list[Any]:
        if depth == 0 or draw(st.integers(0, 3)) == 0:
            return [draw(st.floats(-10, 10, width=32))]
        left, right = grown(depth - 1), grown(depth - 1)
        split = (
            draw(st.integers(0, 2)),
            draw(st.sampled_from([-0.0, 1.0, 2.0, 1e-40, np.nan, np.inf])),
            draw(st.booleans()),
        )
        return [split, left, right]

    def listed(tree: list[Any]) -> list[Split | float]:
        nodes: list[Split | float] = []

        def add(one: list[Any]) -> int:
            at = len(nodes)
            nodes.append(0.0)
            if len(one) == 1:
                nodes[at] = one[0]
            else:
                (feature, threshold, nan_right), low, high = one
                nodes[at] = Split(feature, threshold, add(low), add(high), nan_right)
            return at

        add(tree)
        return nodes

    return [listed(grown(5)) for _ in range(draw(st.integers(1, 19)))]


def plainly(forest: list[list[Split | float]], row: list[float]) -> np.float32:
    """The margin by a plain walk."""
    total = np.float32(0.5)
    for nodes in forest:
        node = nodes[0]
        while isinstance(node, Split):
            x = np.float32(row[node.feature])
            right = node.nan_right if np.isnan(x) else x >= np.float32(node.threshold)
            node = nodes[node.right if right else node.left]
        total = np.float32(total + np.float32(node))
    return total


@given(forests(), st.lists(st.tuples(NUMBER, NUMBER, NUMBER), min_size=1, max_size=8))
def test_any_forest_walks_as_a_plain_walk_does(forest: list[list[Split | float]], rows: list[Any]) -> None:
    """Groups that are not full, trees of different depths, single leaves."""
    walker = Walker(build(FLOAT, 3, 0.5, forest))
    for row in rows:
        expected = plainly(forest, list(row))
        for given_ in (np.array(row, np.float32), np.array(row, np.float64), list(row), row):
            assert np.float32(walker.margin(given_)).tobytes() == expected.tobytes()
    assert walker.over(np.array(rows, np.float32)).tolist() == [float(plainly(forest, list(row))) for row in rows]


def one() -> Trees:
    """A small tree: x0 >= 1 goes right, then x1 >= 2."""
    return build(DOUBLE, 2, 0.0, [[Split(0, 1.0, 1, 2, False), -1.0, Split(1, 2.0, 3, 4, True), 1.0, 2.0]])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"links": [9, 1, 3, 3, 4]}, "its links leave the tree, or meet"),
        ({"links": [0, 1, 3, 3, 4]}, "a leaf with a threshold"),
        ({"links": [1, 0, 3 | 1 << 21, 3, 4]}, "a link that leads back"),
        ({"links": [1, 1, 3 | 5 << 21, 3, 4]}, "a feature beyond 1"),
        (
            {"thresholds": [1.0, np.nan, np.nan, np.nan, np.nan], "links": [1, 1, 2, 3, 4]},
            "nodes that no row reaches",
        ),
        ({"real": "float16"}, "trees of float16"),
    ],
)
def test_trees_that_do_not_hold_together_are_refused(change: dict[str, Any], text: str) -> None:
    """A walk that leaves its memory reads another model's, or ends the process that trades."""
    parts = {**one().__dict__, **change}
    parts = {name: np.array(value, value.dtype if hasattr(value, "dtype") else None)
             if isinstance(value, list) else value for name, value in parts.items()}  # fmt: skip
    parts["links"] = parts["links"].astype(np.uint32)
    with pytest.raises(TreesError, match=text):
        Walker(Trees(**parts))


@pytest.mark.parametrize(
    ("nodes", "text"),
    [
        ([], "without trees"),
        ([[Split(2, 1.0, 1, 2, False), 1.0, 2.0]], "feature 2, expected 0 to 1"),
        ([[Split(0, 1.0, 0, 0, False)]], "its nodes are no tree"),
    ],
)
def test_trees_that_cannot_be_laid_out_are_refused(nodes: list[Any], text: str) -> None:
    """Each is named before it is walked."""
    with pytest.raises(TreesError, match=text):
        build(FLOAT, 2, 0.0, nodes)
    with pytest.raises(TreesError, match="4096 features: expected 1 to 2048"):
        build(FLOAT, 4096, 0.0, [[1.0]])


@pytest.mark.parametrize("row", [np.zeros(3), np.zeros((1, 2)), [1.0], (1.0, 2.0, 3.0), np.zeros(0)])
def test_a_row_of_another_length_is_refused(row: Any) -> None:
    """The numbers beyond a short row would be another object's memory."""
    with pytest.raises(ValueError, match="expected 2 numbers"):
        Walker(one()).margin(row)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"objective": "reg:tweedie"}, "objective reg:tweedie"),
        ({"booster": "gblinear", "max_depth": None, "grow_policy": None}, "booster gblinear"),
        ({"booster": "dart"}, "booster dart"),
    ],
)
def test_a_model_that_the_walker_does_not_walk_is_refused_by_name(
    options: dict[str, Any], text: str, tmp_path: Path
) -> None:
    """Half a model would predict something."""
    given_ = {name: value for name, value in options.items() if value is not None}
    file = saved(xgboost_model(4, trees=2, **given_), tmp_path)
    with pytest.raises(TreesError, match=text):
        read_xgboost(file)


def test_trees_after_an_early_stop_are_refused(tmp_path: Path) -> None:
    """The library predicts without them, and the file has them."""
    model = xgboost_model(5, trees=9)
    model.set_attr(best_iteration="5")
    with pytest.raises(TreesError, match=r"9 trees with the best iteration 5: save booster\[:6\]"):
        read_xgboost(saved(model, tmp_path))
    assert len(read_xgboost(saved(model[:6], tmp_path)).trees.firsts) == 6


@pytest.mark.parametrize("read", [read_xgboost, read_lightgbm])
@pytest.mark.parametrize("text", ["", "[]", "{}", "tree\n", '{"learner": 1}', "tree\n\nTree=0\nnum_leaves=x\n", "\xff"])
def test_a_file_of_something_else_is_refused(read: Callable[[Path], Any], text: str, tmp_path: Path) -> None:
    """With its name, and what was expected."""
    file = tmp_path / "model"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(TreesError, match=r"model: .*(expected|save_model)"):
        read(file)
    with pytest.raises(TreesError, match="cannot be read"):
        read(tmp_path / "none")

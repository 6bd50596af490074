"""Boosted trees as arrays, whichever library trained them: what a sealed file holds and the walker reads.

    link = left | nan_right << 20 | feature << 21        of each node: `walk.h` explains it
    threshold                                            float32 (XGBoost) or float64 (LightGBM); of a leaf NaN
    value                                                of each leaf, 0 of an inner node

The trees lie one after the other, and `firsts` has the first node of each. The two children of a node lie side by side.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEFT_BITS, FEATURE_BITS = 20, 11
NODES_MOST, FEATURES_MOST = 1 << LEFT_BITS, 1 << FEATURE_BITS
FLOAT, DOUBLE = "float32", "float64"


class TreesError(ValueError):
    """The trees of a model do not hold together, or are of a kind that the walker does not walk; the text names it."""


@dataclass(frozen=True)
class Split:
    """An inner node of a tree being built: rows with x >= threshold go right, and so do missing ones if `nan_right`.

    Where the threshold is NaN, no number goes right.
    """

    feature: int
    threshold: float
    left: int  # places in the same list
    right: int
    nan_right: bool


@dataclass(frozen=True)
class Trees:
    """All trees of a model. The sum of the values of the leaves that a row reaches, from `base` on, is the margin."""

    real: str  # FLOAT or DOUBLE
    features: int
    base: float
    firsts: npt.NDArray[np.uint32]
    thresholds: npt.NDArray[np.floating]
    links: npt.NDArray[np.uint32]
    values: npt.NDArray[np.floating]

    @property
    def depths(self) -> npt.NDArray[np.int32]:
        """The steps to the deepest leaf of each tree; TreesError where a node has no way to it, or several."""
        return np.array([_depth(self, tree) for tree in range(len(self.firsts))], np.int32)


def build(real: str, features: int, base: float, trees: Sequence[Sequence[Split | float]]) -> Trees:
    """Lay out trees: each is a list of nodes, a leaf as its value, the root first."""
    if not 1 <= features <= FEATURES_MOST:
        raise TreesError(f"{features} features: expected 1 to {FEATURES_MOST}")
    if not trees:
        raise TreesError("a model without trees")
    firsts: list[int] = []
    thresholds: list[float] = []
    links: list[int] = []
    values: list[float] = []
    for number, nodes in enumerate(trees):
        firsts.append(len(links))
        for threshold, link, value in _laid_out(number, nodes, features):
            thresholds.append(threshold)
            links.append(link)
            values.append(value)
    kind = np.dtype(real)
    return Trees(
        real, features, base, np.array(firsts, np.uint32), np.array(thresholds, kind), np.array(links, np.uint32),
        np.array(values, kind),
    )  # fmt: skip


def _laid_out(number: int, nodes: Sequence[Split | float], features: int) -> list[tuple[float, int, float]]:
    """The nodes of one tree, breadth first, so that the upper levels of all walks share cache lines."""
    if len(nodes) > NODES_MOST:
        raise TreesError(f"tree {number}: {len(nodes)} nodes, expected at most {NODES_MOST}")
    order, rows = [0], []
    for at, place in enumerate(order):
        node = nodes[place]
        if isinstance(node, Split):
            if not 0 <= node.feature < features:
                raise TreesError(f"tree {number}: feature {node.feature}, expected 0 to {features - 1}")
            rows.append((node.threshold, len(order) | node.nan_right << LEFT_BITS | node.feature << LEFT_BITS + 1, 0.0))
            order += [node.left, node.right]
            if len(order) > NODES_MOST:
                raise TreesError(f"tree {number}: its nodes are no tree")
        else:
            rows.append((np.nan, at, float(node)))
    return rows


def _depth(trees: Trees, tree: int) -> int:
    """The steps to the deepest leaf, level by level."""
    first = int(trees.firsts[tree])
    end = int(trees.firsts[tree + 1]) if tree + 1 < len(trees.firsts) else len(trees.links)
    level, seen, depth = np.array([0]), 0, 0
    while True:
        seen += len(level)
        if seen > end - first or (level >= end - first).any():
            raise TreesError(f"tree {tree}: its links leave the tree, or meet")
        left = (trees.links[first + level] & (NODES_MOST - 1)).astype(np.int64)
        inner = left != level
        if (left < level).any() or (~np.isnan(trees.thresholds[first + level[~inner]])).any():
            raise TreesError(f"tree {tree}: a link that leads back, or a leaf with a threshold")
        if (trees.links[first + level[~inner]] >> LEFT_BITS).any():
            raise TreesError(f"tree {tree}: a leaf that names a feature, or sends missing values to the right")
        if not inner.any():
            break
        if (trees.links[first + level[inner]] >> LEFT_BITS + 1 >= trees.features).any():
            raise TreesError(f"tree {tree}: a feature beyond {trees.features - 1}")
        left = left[inner]
        level, depth = np.concatenate([left, left + 1]), depth + 1
    if seen != end - first:
        raise TreesError(f"tree {tree}: {end - first - seen} nodes that no row reaches")
    return depth

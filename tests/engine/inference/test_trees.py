"""Trees are checked before compiled code walks them."""

import numpy as np
import pytest

from engine.inference.trees import FLOAT, LEFT_BITS, Split, Trees, TreesError, build


@pytest.mark.parametrize("bits", [1 << LEFT_BITS, 7 << LEFT_BITS + 1])
def test_a_leaf_that_a_walk_could_leave_is_refused(bits: int) -> None:
    """The walker reads the link of a leaf too: its feature could lie beyond the row, its direction leave the leaf."""
    whole = build(FLOAT, 1, 0.0, [[Split(0, 0.5, 1, 2, nan_right=False), 1.0, 2.0]])
    links = whole.links.copy()
    links[2] |= np.uint32(bits)

    assert list(whole.depths) == [1]
    with pytest.raises(TreesError, match="a leaf that names a feature"):
        _ = Trees(FLOAT, 1, 0.0, whole.firsts, whole.thresholds, links, whole.values).depths

"""The bench of the order path: which orders it counts, and which long rounds it calls a stall."""

import numpy as np
import pytest

from bench import path
from bench.path_engine import PARTS, Row

MS = 1_000_000


def rows(count: int, *, known: bool) -> "np.ndarray[tuple[int, int], np.dtype[np.int64]]":
    """Orders whose hops take 1, 2, 3, 4, 5 and 6 µs; without `known` their tick's round is not known."""
    made = [
        Row(one * MS, *(one * MS + at for at in (1_000, 3_000, 6_000, 10_000, 15_000, 21_000)), one)
        for one in range(count)
    ]
    if not known:
        made = [one._replace(published=0, fed=0, decided=0) for one in made]
    return np.array(made, np.int64)


def measured(*parts: "np.ndarray[tuple[int, int], np.dtype[np.int64]]") -> dict[str, object]:
    """What a run returns."""
    return {
        "rows": np.concatenate(parts),
        "refused": 1,
        "left_out": 2,
        "ticks": 9,
        "checks": 3,
        "round_ns": 4,
        "stalls": [],
    }


def test_an_order_of_another_round_counts_in_the_whole_way_and_in_no_hop() -> None:
    """The slow orders are those that share a round or leave later; a figure without them is a figure of the others."""
    late = rows(100, known=False)
    late[:, 4:] += 50 * MS
    found = path.figures(measured(rows(300, known=True), late))
    assert (found["warm_up"], found["counted"], found["refused"], found["left_out"]) == (100, 300, 1, 2)
    assert found["tick_to_bytes_p50_ns"] == 15_000
    assert found["tick_to_order_p99_ns"] == found["tick_to_order_max_ns"] == 50 * MS + 21_000
    assert [one["p99_ns"] for one in found["hops"].values()] == [1_000, 2_000, 3_000, 4_000, 5_000, 6_000]
    assert found["wire_to_intent_p999_ns"] == 6_000


def test_nothing_measured_is_an_error() -> None:
    """A table of zeros would look like a very fast engine."""
    with pytest.raises(SystemExit, match="nothing was measured"):
        path.figures(measured(rows(0, known=True)))


def test_a_long_round_is_a_stall_unless_the_machine_explains_it() -> None:
    """Ours are to be repaired; those of a shared machine are listed beside them."""
    plain = {"at_ns": 0, "round_ns": 2 * MS, "switches": 0, "steal": 0}
    rounds = [plain, {**plain, "switches": 1}, {**plain, "steal": 1}]
    assert path.stalls_of(rounds) == [plain]
    shown = {**plain, **dict.fromkeys(PARTS, 0), "execution_ns": 1_500_000, "waited_ns": 0, "page_faults": 7}
    assert "execution 1.50, rest 0.00): STALL; waited 0.00 ms for the core, 7 page faults" in path.long_round_text(
        shown
    )
    assert path.long_rounds([{"stalls": rounds}]) == {"count": 3, "stalls": 1, "longest_ns": 2 * MS}

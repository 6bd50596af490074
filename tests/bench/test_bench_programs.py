"""The programs that measure orders run on real processes and print every figure under its published name."""

import json
import subprocess
import sys
from typing import Any

import pytest

from bench import path

EXECUTION = {
    "machine", "gate_p50_ns", "gate_p99_ns", "intent_to_bytes_p50_ns", "orders_per_s", "fill_to_position_p99_ns",
}  # fmt: skip
RATE = {
    "tick_to_bytes_p50_ns", "tick_to_bytes_p99_ns", "tick_to_bytes_p999_ns", "tick_to_order_p50_ns",
    "tick_to_order_p99_ns", "tick_to_order_max_ns", "hops",
}  # fmt: skip
HISTORY = {
    "machine", "recorder_records_per_s", "feed_with_recorder_ratio", "feed_without_without_ratio", "history_rows_per_s",
    "hot_rows_per_s",
}  # fmt: skip
WAY = {"tick_to_order_p50_ns", "tick_to_order_p99_ns"}
LIMIT_S = 240


def found(name: str, *more: str) -> dict[str, Any]:
    """What a program prints with `--json`, on its quick run."""
    words = [sys.executable, "-m", f"bench.{name}", "--json", "--quick", *more]
    done = subprocess.run(words, cwd=path.ROOT, stdout=subprocess.PIPE, check=True, timeout=LIMIT_S)
    return dict(json.loads(done.stdout))


@pytest.mark.soak
@pytest.mark.timeout(LIMIT_S)
def test_the_bench_of_execution_prints_its_figures() -> None:
    """Readers of the JSON object find a figure by its name alone."""
    figures = found("execution")
    assert set(figures) >= EXECUTION
    assert all(figures[name] > 0 for name in EXECUTION - {"machine"})
    assert 0 < figures["fill_to_position_within_limit"] <= 1


@pytest.mark.soak
@pytest.mark.timeout(LIMIT_S)
def test_the_timeline_follows_each_order_from_its_tick_to_its_position() -> None:
    """The times of one order are in its own order, and so are the medians of all."""
    figures = found("timeline")
    medians = [row["p50_ns"] for name, row in figures["timeline"].items() if name != "position"]
    assert list(figures["timeline"]) == [*path.BUDGET_NS, "fill", "on_fill", "position"]
    assert medians == sorted(medians)
    assert all(0 < row["p50_ns"] <= row["p99_ns"] for row in figures["after_fill"].values())
    assert set(figures["poll"]) == set(figures["decision_ratio"]) == {"0.0", "0.5"}


@pytest.mark.soak
@pytest.mark.timeout(LIMIT_S)
def test_the_bench_of_the_path_prints_its_figures() -> None:
    """Every order is followed: one that was left out would be a figure of the others."""
    figures = found("path", "--rate", "25")
    rate = figures["rates"]["25"]
    assert set(figures) >= {"machine", "placement", "rates", "separate", "nautilus"}
    assert set(rate) >= RATE
    assert set(figures["separate"]) >= WAY
    assert {name: row["budget_ns"] for name, row in rate["hops"].items()} == path.BUDGET_NS
    assert (rate["left_out"], figures["separate"]["left_out"]) == (0, 0)
    assert all({"p50_ns", "p99_ns", "p999_ns"} <= set(one) for one in figures["nautilus"].values())


@pytest.mark.soak
@pytest.mark.timeout(LIMIT_S)
def test_the_bench_of_imports_prints_its_figures() -> None:
    """An import is never faster than a plain read of its file: a larger ratio is a mistake of the bench."""
    figures = found("imports")
    assert {"read", "trades", "levels", "again"} == {n.removesuffix("_rows_per_s") for n in figures if "per_s" in n}
    assert 0 < figures["of_read"]["median"] < 1


@pytest.mark.soak
@pytest.mark.timeout(LIMIT_S)
def test_the_bench_of_the_history_prints_its_figures() -> None:
    """The rate of the recorder is one at which the parts had every record."""
    figures = found("history")
    assert set(figures) >= HISTORY
    assert all(row["lost"] == 0 for row in figures["recorder_rates"][:-1])


@pytest.mark.soak
@pytest.mark.timeout(LIMIT_S)
def test_the_bench_of_strategies_prints_what_a_callback_costs() -> None:
    """The hook of the file and the compiled one are called, so neither figure can be that of the loop alone."""
    figures = found("strategy")
    assert set(figures) >= {"machine", "callback_python_ns", "callback_compiled_ns", "save_ns", "save_spread_ns"}
    assert figures["callback_python_ns"] > figures["callback_compiled_ns"] > 0


@pytest.mark.soak
@pytest.mark.timeout(LIMIT_S)
def test_the_bench_of_attached_readers_prints_its_figures() -> None:
    """The claim that readers cost nothing is a ratio with its spread, beside that of nothing with nothing."""
    figures = found("attach")
    assert figures["readers"] == 16
    assert all(figures[name] > 0 for name in ("publish_ns_0", "publish_ns_16", "ratio", "same"))
    assert figures["ratio_spread"][0] <= figures["ratio"] <= figures["ratio_spread"][1]


@pytest.mark.soak
@pytest.mark.timeout(LIMIT_S)
def test_the_bench_of_the_hook_follows_books_from_their_publication() -> None:
    """A hook that was entered before its book was published would be another book's."""
    figures = found("on_book")
    assert all(figures[f"{name}_p50_ns"] > 0 and figures[f"{name}_books"] > 0 for name in ("on_book", "on_book_cross"))

"""The bench of simulate prints every figure under its name, and its made market is what it says."""

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from bench import path
from bench.market import BTC, made
from engine.book import Book
from research.simulate import check
from research.simulate.data.events import LAST, LEVEL, PRINT

FIGURES = {
    "python_events_per_s", "compiled_events_per_s", "orders_events_per_s", "last_tenth_ratio", "fills_behind",
    "bars_per_s", "bars_fills", "engine_events_per_s", "engine_quiet_events_per_s", "engine_fills",
    "variants_speedup_64", "variants_speedup_64_orders",
}  # fmt: skip
ELSEWHERE = {
    "history_rows_per_s", "hot_rows_per_s", "on_book_p50_ns",
    "on_book_cross_p50_ns", "recorder_records_per_s", "sweep_speedup_2", "machine_speedup_2", "variants_per_s_1",
    "capture",
}  # fmt: skip
SWEEP = ("sweep_speedup_2", "machine_speedup_2", "variants_per_s_1")
MEASURED = {"history_rows_per_s", "hot_rows_per_s", "on_book_p50_ns", "on_book_cross_p50_ns", *SWEEP}


def test_the_made_market_is_never_crossed_and_one_in_ten_is_a_print() -> None:
    """A crossed book stops a strategy: the bench would measure events without a decision."""
    events, book = made(20_000), Book()
    check(events, [BTC])
    assert 0.09 < (events["kind"] == PRINT).mean() < 0.12
    for event in events:
        if event["kind"] == LEVEL:
            book.set(int(event["side"]), int(event["price"]), int(event["size"]))
        assert not (event["flags"] & LAST and book.is_crossed())
    assert made(5_000).tobytes() == made(5_000).tobytes()
    assert not np.array_equal(made(5_000), made(5_000, seed=2))


def printed(*more: str) -> dict[str, Any]:
    """What a short run prints."""
    words = [sys.executable, "-m", "bench.simulate", "--json", "--events", "40000", "--rounds", "1", "--no-peers"]
    done = subprocess.run([*words, *more], cwd=path.ROOT, stdout=subprocess.PIPE, check=True)
    return dict(json.loads(done.stdout))


def test_the_program_prints_every_key() -> None:
    """A reader finds a figure by its name; what does not exist yet is null, not missing."""
    report = printed("--simulation-only")
    assert all(report[name] > 0 for name in FIGURES)
    assert report["orders_fills"] > 0
    assert all(report[name] is None for name in ELSEWHERE)
    assert {"machine", "peers", "peers_missing"} <= set(report)


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_the_figures_of_other_benches_are_under_their_names() -> None:
    """One program prints everything that a reader compares with other simulators."""
    report = printed()
    assert all(report[name] > 0 for name in MEASURED)
    assert report["capture"] is None or report["capture"]["orders_events_per_s"] > 0

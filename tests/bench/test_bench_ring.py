"""The ring's bench runs from end to end: what it measures is for a reader, that it measures is for a test."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
KEYS = (
    "machine", "raw_line_ns", "rtt_half_p50_ns", "rtt_half_p99_ns", "one_way_p50_ns", "one_way_p99_ns", "publish_per_s",
    "batch_per_s", "idle_cpu_pct", "readers_cost_ratio", "peers", "limit", "missing", "goals",
)  # fmt: skip
PEERS = {
    "iceoryx2", "pyzmq ipc", "Unix datagram socket", "multiprocessing.Pipe", "multiprocessing.Queue", "faster-fifo",
    "Redis pub/sub",
}  # fmt: skip


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """One tiny run as JSON."""
    command = [sys.executable, "bench/ring.py", "--quick", "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as bench:
        output, _ = bench.communicate(timeout=100)
    assert bench.returncode == 0
    assert [name for name in os.listdir("/dev/shm") if name.startswith(f"steelyard.bench{bench.pid}.")] == []
    result: dict[str, Any] = json.loads(output)
    return result


def test_every_figure_that_was_asked_for_is_in_the_object(found: dict[str, Any]) -> None:
    """A user who compares two runs needs the same keys in both."""
    assert [key for key in KEYS if key not in found] == []
    assert set(found["sizes"]) == {"64", "256"}
    assert "python" in found["machine"]


def test_figures_are_positive_and_percentiles_in_order(found: dict[str, Any]) -> None:
    """A clock read wrongly shows first as a negative or inverted percentile."""
    assert found["raw_line_ns"] > 0
    assert found["publish_per_s"] > 0
    assert found["batch_per_s"] > 0
    assert 0 <= found["idle_cpu_pct"] <= 100
    assert 0 < found["rtt_half_p50_ns"] <= found["rtt_half_p99_ns"]
    assert 0 <= found["one_way_p50_ns"] <= found["one_way_p99_ns"]


def test_each_of_four_readers_has_its_own_figures(found: dict[str, Any]) -> None:
    """A median over readers hides the one that is starved; which share a core decides what their figures mean."""
    rows = dict(found["fan_out"])
    assert rows.pop("paced writer")["per_s"] > 0
    assert len(rows) == 4
    for row in rows.values():
        assert 0 <= row["p50_ns"] <= row["p99_ns"]
        assert row["lost"] >= 0
        assert row["core"] in os.sched_getaffinity(0)


def test_a_peer_is_measured_or_named_as_missing(found: dict[str, Any]) -> None:
    """A comparison that silently leaves a peer out is no comparison."""
    assert set(found["peers"]) | set(found["missing"]) >= PEERS
    assert [why for why in found["missing"].values() if "failed" in why] == []
    for row in found["peers"].values():
        assert row["one_way_p50_ns"] >= 0


def test_the_limit_is_not_among_the_peers(found: dict[str, Any]) -> None:
    """The bare C loop is the ceiling, not something to be ahead of."""
    assert "limit" not in found["peers"]
    assert found["limit"]["rtt_half_p50_ns"] > 0

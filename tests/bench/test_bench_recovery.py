"""The bench of recoveries runs from end to end at small sizes, and leaves nothing on the machine."""

import os

import pytest

import shm
from bench import halt, recovery

KEYS = (
    "machine", "restart_p50_ms", "restart_p99_ms", "restart", "frozen_noticed_p99_ms", "execution_ready_p50_ms",
    "venue_wait_p50_ms", "cold_start_ms", "halt_p99_us", "cancels_out_p99_ms", "pss_mb", "peers", "peers_missing",
)  # fmt: skip


@pytest.mark.timeout(480)
def test_every_figure_of_a_recovery_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real system is killed, frozen and started; a peer that is not here is named."""
    for name in ("STEELYARD_RUN_DIRECTORY", "STEELYARD_STATE_DIRECTORY", "BENCH_API_KEY", "PYTHONPATH"):
        monkeypatch.setenv(name, os.environ.get(name, ""))  # the bench changes them: they are set back after the test
    monkeypatch.setattr(recovery, "ROLES", {"feed": "feed", "execution": "execution"})
    monkeypatch.setattr(recovery, "PEER_MODULE", "no_such_module")
    monkeypatch.setattr(halt, "TURN_NS", 20_000_000)
    monkeypatch.setattr(halt, "BACKLOG", 50)
    found = recovery.measure(1, 1, 1, 1, 30, 1)
    assert [key for key in KEYS if key not in found] == []
    assert set(found["restart"]) == {"feed", "execution", "router"}
    assert set(found["pss_mb"]) == {"feed", "execution"}
    assert all(0 < times["p50_ms"] <= times["p99_ms"] for times in found["restart"].values())
    assert found["restart_p50_ms"] == max(times["p50_ms"] for times in found["restart"].values())
    assert found["frozen_noticed_p99_ms"] > 0
    assert found["execution_ready_p50_ms"] > 0
    assert found["cold_start_ms"] > 0
    assert all(1 < size < 1000 for size in found["pss_mb"].values())
    assert found["peers_missing"] == {recovery.PEER: "no_such_module is not installed: make setup-bench"}
    assert shm.names(f"bench{os.getpid()}") == []

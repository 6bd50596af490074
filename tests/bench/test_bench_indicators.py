"""The bench of indicators measures every one, beside peers that compute the same."""

import pytest

from bench import indicators
from bench.peers import indicators as peers


def test_every_indicator_has_its_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """An indicator without a figure would look as fast as the others; a peer with another formula, like a fair one."""
    for name, value in {"ROWS": 2_000, "UPDATES": 1_500, "HITS": 10, "ROUNDS": 1}.items():
        monkeypatch.setattr(indicators, name, value)
    monkeypatch.setattr(peers, "pandas_over", lambda made=peers.pandas_over: {**made(), "rsi": lambda c: c["price"]})
    found = indicators.measure()
    names = {one.definition.name for one in indicators.OURS}
    assert set(found["update_ns"]) == set(found["rows_per_s"]) == names
    assert set(found["cache_hit_ns"]) == {"arrays", "records"}
    assert {*found["peers"], *found["absent"]} >= set(peers.PEERS)
    assert "another formula" in found["absent"]["pandas rsi"]
    assert all(low <= high for low, high in found["spread"]["row_ns"].values())

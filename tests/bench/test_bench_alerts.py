"""The bench of alerts: its ratios are those of one round, and its configuration gives the role a process."""

from pathlib import Path

from bench import alerts, path
from engine.config import load


def test_a_ratio_compares_figures_of_the_same_round() -> None:
    """A machine that is twice as slow in one round must not look like a cost of the role."""
    rounds = [
        {
            alerts.WITHOUT: {"tick_to_order_p50_ns": slow * 100, "tick_to_order_p99_ns": slow * 300},
            alerts.WITH: {
                "tick_to_order_p50_ns": slow * 110,
                "tick_to_order_p99_ns": slow * 300,
                "messages": 7,
                "cpu_pct": 0.5,
            },
        }
        for slow in (1, 2, 8)
    ]
    found = alerts.compare(rounds, alerts.WITH)
    assert (found["p50_ratio"], found["p50_ratio_range"]) == (1.1, [1.1, 1.1])
    assert (found["p99_ratio"], found["messages"]) == (1.0, 21)


def test_the_measured_system_has_the_role_in_a_process_of_its_own(tmp_path: Path) -> None:
    """Without it the bench would compare the engine with itself."""
    text = path.CONFIG.format(name="measured", port=9, place=tmp_path, core=0) + alerts.TABLE.format(core=0, port=9)
    (tmp_path / "path.toml").write_text(text)
    assert load(tmp_path / "path.toml").process("alerts").roles == ("alerts",)

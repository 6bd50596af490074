"""The bench of execution: the gate that it measures, and the loop that it is compared with."""

from bench import execution, path
from engine.model.words import BUY
from engine.risk.caps import CAPS


def test_the_measured_gate_holds_every_configured_cap() -> None:
    """A gate with a cap left out would be fast, and no gate of ours."""
    made = execution.gate()
    order = (execution.NOW_NS, 3, 1, BUY, 5_900_000, path.SIZE, execution.NOW_NS, 0)
    configured = [key for key in CAPS if f"\n{key} = " in path.ALL_LIMITS]
    assert len(configured) >= 10
    assert made.approves(*order)
    assert made.checks >= len(configured) + 20
    assert not made.approves(*order[:5], 1 << 40, *order[6:]), "an order beyond the caps"

"""What a strategy believes, as its cell of the lane BELIEFS shows it."""

from math import nan

from engine.lanes.ports import CellWriter
from engine.learning import Belief
from engine.model.records import BELIEF, BELIEF_NAMES, BELIEF_WEIGHTS
from engine.strategy.role.settings import cut

REGIME_BYTES = 24


def write_belief(cell: CellWriter | None, now_ns: int, belief: Belief, regime: str) -> None:
    """Write the cell; in a replay there is none."""
    if cell is None:
        return
    weights = [*belief.weights.values(), *[nan] * BELIEF_WEIGHTS][:BELIEF_WEIGHTS]
    names = cut(",".join(belief.weights), BELIEF_NAMES)
    cell.write(0, *BELIEF.row(
        now_ns=now_ns, probability=belief.probability, confidence=belief.confidence, exposure=belief.exposure,
        weights=tuple(weights), regime=cut(regime, REGIME_BYTES), names=names,
    ))  # fmt: skip

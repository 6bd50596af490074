"""Whether a new candidate is better than the one before it, on rows that neither of them was fitted on.

    difference    the mean loss of the new one minus that of the earlier one: below 0 the new one is better
    verdict       better or worse if the whole 95 % interval of the difference is on one side of 0, else undecided

A proposal is a file for a person to read. Nothing here promotes a model.
"""

import msgspec
import numpy as np

from research.statistics.intervals import stationary
from research.sweep.study import replaced
from research.train import candidate
from research.train.candidate import Candidate
from research.train.labels import Row
from research.train.metrics import DRAWS, EDGE, LEVEL, overlap
from research.train.run import Done

ROWS_LEAST = 30  # that the earlier model has not seen
SAME = ("features", "label", "task")  # of two plans, so that a row has the same meaning in both
MIDDLE = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)


class Proposal(msgspec.Struct, frozen=True):
    """A comparison of two candidates."""

    id: str
    earlier: str  # empty if there is none
    verdict: str
    reason: str
    rows: int = 0
    loss: float | None = None
    earlier_loss: float | None = None
    difference: list[float] = []  # value, low, high
    refused: list[str] = []  # earlier candidates that cannot be read


def propose(done: Done) -> Proposal:
    """Compare a run with the newest earlier candidate of its name, and write the proposal beside the report."""
    readable, refused = _earlier(done)
    newest = max(readable, key=lambda one: (one.manifest["last_ns"], one.id), default=None)
    found = msgspec.structs.replace(_compared(done, newest), refused=refused)
    with replaced(done.folder / "proposal.json") as new:
        new.write_bytes(msgspec.json.format(msgspec.json.encode(found)))
    return found


def _earlier(done: Done) -> tuple[list[Candidate], list[str]]:
    """The other candidates of the same name, and for each that cannot be read the reason."""
    readable, refused = [], []
    for path in sorted(done.model.parent.glob("*.candidate")):
        if path.stem.rpartition("-")[0] == done.judged.plan.name and path != done.model:
            try:
                readable.append(candidate.read(path))
            except ValueError as error:
                refused.append(str(error))
    return readable, refused


def _compared(done: Done, earlier: Candidate | None) -> Proposal:
    """Compare both in the holdout, after the data of the earlier one."""
    if earlier is None:
        return Proposal(done.id, "", "undecided", "there is no earlier candidate of this name")
    judged = done.judged
    plan = msgspec.json.decode(msgspec.json.encode(judged.plan))
    other = [name for name in SAME if plan[name] != earlier.plan[name]]
    if other:
        return Proposal(done.id, earlier.id, "undecided", f"the earlier plan has another {', '.join(other)}")
    late = slice(len(judged.samples.at_ns) - len(judged.target), None)
    at_ns, known_ns = judged.samples.at_ns[late], judged.samples.known_ns[late]
    unseen = at_ns > int(earlier.manifest["last_ns"])
    rows = int(unseen.sum())
    if rows < ROWS_LEAST:
        return Proposal(done.id, earlier.id, "undecided", f"the earlier model has not seen {rows} rows of the holdout,"
                        f" expected at least {ROWS_LEAST}", rows)  # fmt: skip
    target, predicted = judged.target[unseen], judged.predicted[unseen]
    before = earlier.predict(judged.samples.rows[late][unseen])
    new, old = (_losses(one, target, judged.plan.task) for one in (predicted, before))
    places = stationary(rows, overlap(at_ns[unseen], known_ns[unseen]), DRAWS, judged.plan.seed)
    value, (low, high) = float(np.mean(new - old)), np.quantile((new - old)[places].mean(axis=1), MIDDLE)
    verdict = "better" if high < 0 else "worse" if low > 0 else "undecided"
    return Proposal(
        done.id, earlier.id, verdict, "the loss on rows that neither model was fitted on", rows, float(new.mean()),
        float(old.mean()), [value, float(low), float(high)],
    )  # fmt: skip


def _losses(predicted: Row, target: Row, task: str) -> Row:
    """The loss of each row."""
    if task == "regressor":
        return np.asarray((predicted - target) ** 2)
    sure = np.clip(predicted, EDGE, 1 - EDGE)
    return np.asarray(-np.where(target > 0, np.log(sure), np.log1p(-sure)))

"""`walk_forward`: a sweep over each part of the past, and the best trial of each over the part that follows."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from research.forward.part import part_of, row_at
from research.simulate import load
from research.sweep import Row, Sweep, sweep

if TYPE_CHECKING:
    import os

    from research.experiment.description import Kind
    from research.simulate.data.events import Events

FOLDS, TRAIN = 5, 3


class Fold(NamedTuple):
    """One choice and its judgement: chosen on [begin, split), judged on [split, end)."""

    begin_ns: int
    split_ns: int
    end_ns: int
    sweep: str  # the id of the sweep that chose
    chosen: Row
    judged: Row


class Walk(NamedTuple):
    """The folds in their order."""

    folds: tuple[Fold, ...]

    def curve(self, *, judged: bool = True) -> Any:
        """Equity over the judged parts, one after the other: `at_ns`, `equity`; each part begins without a position.

        With `judged=False` that of the parts on which the parameters were chosen: it is better, and never to be had.
        """
        found = np.zeros(sum(len(one.judged.slices) for one in self.folds), [("at_ns", "<i8"), ("equity", "<f8")])
        at, changes = list[float](), list[float]()
        for one in self.folds:
            slices = one.judged.slices if judged else one.chosen.slices
            begin, end = (one.split_ns, one.end_ns) if judged else (one.begin_ns, one.split_ns)
            at += list(np.linspace(begin, end, len(slices) + 1)[1:])
            changes += slices
        found["at_ns"], found["equity"] = at, np.cumsum(changes)
        return found


def walk_forward(
    data: "str | os.PathLike[str] | Events", strategy: "str | Kind", *, space: Mapping[str, Any], folds: int = FOLDS,
    train: int = TRAIN, anchored: bool = False, workers: int | None = None, cluster: Any = None, **options: Any,
) -> Walk:  # fmt: skip
    """Choose parameters on `train` parts, judge them on the next part, `folds` times; parts are equally long.

    Rolling, or with `anchored` from the begin of the data. `options` are those of a sweep. Each choice is a sweep on a
    tape of its own, which has no later event; a walk that was stopped continues.
    """
    for name, value in (("folds", folds), ("train", train)):
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name}: found {value!r}, expected a number from 1 on")
    events = data if isinstance(data, np.ndarray) else load(Path(data))
    first, last = int(events[0]["receive_ns"]), int(events[-1]["receive_ns"])
    edges = np.linspace(first, last + 1, train + folds + 1).astype("i8")
    rows = [row_at(events, int(one)) for one in edges]
    if min(np.diff(rows)) < 1:
        raise ValueError(f"folds: {folds} after {train} parts leave a part without an event: use fewer, or more data")

    def swept(begin: int, end: int, values: Mapping[str, Any], **more: Any) -> Sweep:
        part = part_of(events, rows[begin], rows[end])
        return sweep(part, strategy, space=values, workers=workers, cluster=cluster, **more).wait()

    found = []
    for fold in range(folds):
        begin, split = 0 if anchored else fold, fold + train
        chosen = swept(begin, split, space, **options)
        best = chosen.top()
        if not best:
            raise ValueError(f"no trial of sweep {chosen.id} has figures, the first error: {chosen.rows()[0].error}")
        alone = {name: [value] for name, value in best[0].parameters.items()}
        judged = swept(split, split + 1, alone, **{**options, "search": "grid", "trials": 0}).rows()[0]
        if judged.error:
            raise ValueError(f"the best trial of sweep {chosen.id} failed on the part that follows: {judged.error}")
        found.append(Fold(int(edges[begin]), int(edges[split]), int(edges[split + 1]), chosen.id, best[0], judged))
    return Walk(tuple(found))

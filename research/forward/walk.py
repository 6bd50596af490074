"""`walk_forward`: a sweep over each part of the past, and the best trial of each over the part that follows."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from research.forward.part import part_of, row_at
from research.simulate import load
from research.simulate.data.events import EVENT, LAST
from research.sweep import Row, Sweep
from research.sweep.luck import Luck
from research.sweep.start import describe, read_file

if TYPE_CHECKING:
    import os

    from research.experiment.description import Kind
    from research.simulate.data.events import Events

FOLDS, TRAIN = 5, 3
OWN_KEYS = ("folds", "train", "anchored")
Watch = Callable[[str, Sweep], object]  # gets what a sweep is for, and the sweep, when it has started


class Fold(NamedTuple):
    """One choice and its judgement: chosen on [begin, split), judged on [split, end)."""

    begin_ns: int
    split_ns: int
    end_ns: int
    sweep: str  # the id of the sweep that chose
    chosen: Row
    judged: Row
    luck: Luck | None  # of the choice


class Walk(NamedTuple):
    """The folds in their order."""

    folds: tuple[Fold, ...]
    strategy: str
    currency: str
    objective: str
    train: int
    anchored: bool

    def curve(self) -> Any:
        """Equity over the judged parts, one after the other: `at_ns`, `equity`; each part begins without a position."""
        found = np.zeros(sum(len(one.judged.slices) for one in self.folds), [("at_ns", "<i8"), ("equity", "<f8")])
        at, changes = list[float](), list[float]()
        for one in self.folds:
            at += list(np.linspace(one.split_ns, one.end_ns, len(one.judged.slices) + 1)[1:])
            changes += one.judged.slices
        found["at_ns"], found["equity"] = at, np.cumsum(changes)
        return found


def walk_forward(
    data: "str | os.PathLike[str] | Events", strategy: "str | Kind", *, space: Mapping[str, Any], folds: int = FOLDS,
    train: int = TRAIN, anchored: bool = False, workers: int | None = None, cluster: Any = None,
    variants: int | None = None, watch: Watch | None = None, **options: Any,
) -> Walk:  # fmt: skip
    """Choose parameters on `train` parts, judge them on the next part, `folds` times; parts are equally long.

    Rolling, or with `anchored` from the begin of the data. `options` are those of a sweep. Each choice is a sweep on a
    tape of its own, which has no later event; a walk that was stopped continues. Ctrl-C ends the sweep that runs.
    """
    events = data if isinstance(data, np.ndarray) else load(Path(data))
    edges, rows = _cut(events, folds, train, anchored)

    def swept(text: str, begin: int, end: int, values: Mapping[str, Any], **more: Any) -> Sweep:
        one = Sweep(describe(part_of(events, rows[begin], rows[end]), strategy, space=values, **more))
        try:
            one.resume(workers, cluster, variants)
            if watch is not None:
                watch(text, one)
            return one.wait()
        except KeyboardInterrupt:
            one.stop()
            raise

    found = []
    for fold in range(folds):
        begin, split, text = 0 if anchored else fold, fold + train, f"fold {fold + 1} of {folds}"
        sweep = swept(f"{text}: choose", begin, split, space, **options)
        best = sweep.top()
        if not best:
            raise ValueError(f"no trial of sweep {sweep.id} has figures, the first error: {sweep.rows()[0].error}")
        alone = {name: [value] for name, value in best[0].parameters.items()}
        once = {**options, "search": "grid", "trials": 0}
        judged = swept(f"{text}: judge", split, split + 1, alone, **once).rows()[0]
        if judged.error:
            raise ValueError(f"the best trial of sweep {sweep.id} failed on the part that follows: {judged.error}")
        begin_ns, split_ns, end_ns = (int(edges[one]) for one in (begin, split, split + 1))
        found.append(Fold(begin_ns, split_ns, end_ns, sweep.id, best[0], judged, sweep.luck()))
    study = sweep.study
    quote = study.experiment.instruments[0].quote
    return Walk(tuple(found), study.experiment.strategy, quote, study.objective, train, anchored)


def walk_file(path: Path, **changed: Any) -> Walk:
    """The walk of a TOML file: the keys of a sweep's file, and `folds`, `train`, `anchored`."""
    return walk_forward(**read_file(path, OWN_KEYS) | changed)


def _cut(events: "Events", folds: int, train: int, anchored: bool) -> tuple[Any, list[int]]:
    """The times at which parts begin and end, and their rows; what cannot be cut is refused."""
    for name, value in (("folds", folds), ("train", train)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name}: found {value!r}, expected a number from 1 on")
    if not isinstance(anchored, bool):
        raise ValueError(f"anchored: found {anchored!r}, expected true or false")  # noqa: TRY004 - a text is wrong
    if events.dtype != EVENT or events.ndim != 1:
        found = f"{events.dtype} of shape {events.shape}"
        raise ValueError(f"data: found {found}, expected one row of records of research.simulate.EVENT")
    if not len(events):
        raise ValueError("data: found no event, expected those of a period that can be cut into parts")
    back = np.flatnonzero(np.diff(events["receive_ns"]) < 0)
    if len(back):
        raise ValueError(f"data: row {int(back[0]) + 1} is received before the row before it: sort the events")
    if not events[-1]["flags"] & LAST:
        raise ValueError("data: the last row is in the middle of a message: it has no flag LAST")
    first, last = int(events[0]["receive_ns"]), int(events[-1]["receive_ns"])
    parts = train + folds
    edges = np.array([first + (last + 1 - first) * one // parts for one in range(parts + 1)], "i8")  # floats round
    rows = [row_at(events, int(one)) for one in edges]
    if min(np.diff(rows)) < 1:
        raise ValueError(f"folds: {folds} after {train} parts leave a part without an event: use fewer, or more data")
    return edges, rows

"""One run over a recorder's files: remove what a killed run left, seal, prune, compact, make the hot tier."""

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from engine.recorder.locks import PARTS, STORE, locked
from engine.recorder.parts import finish_open
from engine.recorder.store import hot
from engine.recorder.store.compact import clean, compact
from engine.recorder.store.disk import Disk
from engine.recorder.store.manifest import kinds
from engine.recorder.store.prune import day_before, prune
from engine.recorder.store.seal import seal


class Done(NamedTuple):
    """What a run did."""

    rows: int
    partitions: int  # compacted
    heated: int
    removed: int  # files that no manifest names any more
    pruned: int = 0  # days that are older than they are kept


def run(
    directory: Path, now_ns: int, *, every: bool = False, heated: Iterable[str] = (), disk: Disk | None = None,
    keep: Mapping[str, int] | None = None,
) -> Done:  # fmt: skip
    """Seal and compact; with `every` also what the recorder has open, if it does not run, and the present day.

    `keep`: for how many days each kind is kept. BlockingIOError if another run has the directory.
    """
    disk, store = disk or Disk(), directory / STORE
    store.mkdir(mode=0o750, parents=True, exist_ok=True)
    with locked(store):
        removed = clean(store, disk, now_ns)
        if every:
            _finish_open(directory)
        try:
            rows = seal(directory / PARTS, store, disk)
        finally:  # a lane that cannot be sealed does not keep the others from being compacted
            pruned = prune(store, day_before(keep or {}, now_ns), disk)
            partitions = compact(store, disk, now_ns, every=every)
        found = [kind for kind in kinds(store) if kind in set(heated)]
        return Done(rows, partitions, sum(hot.heat(store / kind, disk) for kind in found), removed, len(pruned))


def _finish_open(directory: Path) -> None:
    """End the open parts, unless a recorder writes to them."""
    with contextlib.suppress(BlockingIOError), locked(directory):
        finish_open(directory / PARTS)

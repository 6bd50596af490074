"""One run over the files of a recorder: remove what a killed run left, seal, compact, make the hot tier."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from engine.recorder.locks import PARTS, STORE, lock
from engine.recorder.parts import finish_open
from engine.recorder.store import hot
from engine.recorder.store.compact import clean, compact
from engine.recorder.store.disk import Disk
from engine.recorder.store.manifest import kinds
from engine.recorder.store.seal import seal


class Done(NamedTuple):
    """What a run did."""

    rows: int
    partitions: int  # compacted
    heated: int
    removed: int  # files that no manifest names any more


def run(
    directory: Path, now_ns: int, *, every: bool = False, heated: Iterable[str] = (), disk: Disk | None = None
) -> Done:
    """Seal and compact; with `every` also what the recorder has open, if it does not run, and the present day.

    BlockingIOError if another run has the directory.
    """
    disk, store = disk or Disk(), directory / STORE
    store.mkdir(mode=0o750, parents=True, exist_ok=True)
    with _locked(store):
        removed = clean(store, disk, now_ns)
        if every:
            _finish_open(directory)
        try:
            rows = seal(directory / PARTS, store, disk)
        finally:  # a lane that cannot be sealed does not keep the others from being compacted
            partitions = compact(store, disk, now_ns, every=every)
        found = [kind for kind in kinds(store) if kind in set(heated)]
        return Done(rows, partitions, sum(hot.heat(store / kind, disk) for kind in found), removed)


def _finish_open(directory: Path) -> None:
    """End the open parts, unless a recorder writes to them."""
    with contextlib.suppress(BlockingIOError), _locked(directory):
        finish_open(directory / PARTS)


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    descriptor = lock(directory)
    try:
        yield
    finally:
        os.close(descriptor)
